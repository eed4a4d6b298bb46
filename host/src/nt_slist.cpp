// SLISTs: one word holds the first entry, the depth and a lock for pops.
//
// A pop reads the first entry's Next. Only pops take entries away, so while they exclude each other
// that entry stays where it is, and neither a double-width compare-and-swap nor memory that stays
// mapped is needed. Pushes only swap the word.
#include <sched.h>

#include <atomic>

#include "exalloc/nt/slist.h"

namespace {

// Bits 63:48 depth, 47:4 the first entry's address (16-byte aligned, below 2^48), 0 lock.
constexpr ULONGLONG locked = 1;
constexpr ULONGLONG address_mask = 0x0000'FFFF'FFFF'FFF0;
constexpr ULONGLONG one_deep = ULONGLONG{1} << 48;
constexpr ULONGLONG depth_mask = ~(one_deep - 1);
constexpr unsigned tries_until_yield = 200;

std::atomic_ref<ULONGLONG> word_of(PSLIST_HEADER head) {
  return std::atomic_ref<ULONGLONG>(head->Alignment);
}

PSLIST_ENTRY entry_of(ULONGLONG word) {
  return reinterpret_cast<PSLIST_ENTRY>(word & address_mask);
}

ULONGLONG bits_of(PSLIST_ENTRY entry) { return reinterpret_cast<ULONGLONG>(entry) & address_mask; }

// Takes the lock and returns the word with it; without taking it if the list is empty.
ULONGLONG lock_pops(const std::atomic_ref<ULONGLONG>& word) {
  ULONGLONG seen = word.load(std::memory_order_acquire);
  for (unsigned tries = 0;;) {
    if (bits_of(entry_of(seen)) == 0) return seen;
    if ((seen & locked) == 0) {
      if (word.compare_exchange_weak(seen, seen | locked, std::memory_order_acquire))
        return seen | locked;
      continue;
    }
    // The holder needs a few instructions, unless it is not running.
    if (++tries % tries_until_yield == 0) ::sched_yield();
    seen = word.load(std::memory_order_acquire);
  }
}

}  // namespace

extern "C" {

VOID InitializeSListHead(PSLIST_HEADER SListHead) {
  SListHead->Region = 0;
  word_of(SListHead).store(0, std::memory_order_release);
}

PSLIST_ENTRY InterlockedPushEntrySList(PSLIST_HEADER SListHead, PSLIST_ENTRY SListEntry) {
  const auto word = word_of(SListHead);
  ULONGLONG seen = word.load(std::memory_order_relaxed);
  for (;;) {
    std::atomic_ref(SListEntry->Next).store(entry_of(seen), std::memory_order_relaxed);
    const ULONGLONG next = ((seen & depth_mask) + one_deep) | bits_of(SListEntry) | (seen & locked);
    if (word.compare_exchange_weak(seen, next, std::memory_order_release,
                                   std::memory_order_relaxed))
      return entry_of(seen);
  }
}

PSLIST_ENTRY InterlockedPopEntrySList(PSLIST_HEADER SListHead) {
  const auto word = word_of(SListHead);
  ULONGLONG seen = lock_pops(word);
  for (;;) {
    PSLIST_ENTRY first = entry_of(seen);
    if (first == nullptr) return nullptr;
    PSLIST_ENTRY second = std::atomic_ref(first->Next).load(std::memory_order_relaxed);
    const ULONGLONG next = ((seen & depth_mask) - one_deep) | bits_of(second);
    // Fails when something was pushed meanwhile: then that is the first entry.
    if (word.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                   std::memory_order_acquire))
      return first;
  }
}

PSLIST_ENTRY InterlockedFlushSList(PSLIST_HEADER SListHead) {
  const auto word = word_of(SListHead);
  ULONGLONG seen = lock_pops(word);
  while (
      entry_of(seen) != nullptr &&
      !word.compare_exchange_weak(seen, 0, std::memory_order_acq_rel, std::memory_order_acquire)) {
  }
  return entry_of(seen);
}

USHORT ExQueryDepthSList(PSLIST_HEADER SListHead) {
  return static_cast<USHORT>(word_of(SListHead).load(std::memory_order_relaxed) >> 48);
}

}  // extern "C"
