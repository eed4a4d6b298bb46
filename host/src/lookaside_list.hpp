// A lookaside list: where its entries may be, its depth, its counts. The calls are in
// lookaside.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "card_entries.hpp"
#include "driver.hpp"
#include "exalloc/wdm.h"
#include "fence.hpp"
#include "fork_mutex.hpp"

namespace exalloc {

// How a list's entries get back to where they came from: its Free, with what that is given.
struct entry_free {
  PFREE_FUNCTION plain = nullptr;
  PFREE_FUNCTION_EX extended = nullptr;  // of a LOOKASIDE_LIST_EX, whose fields `list` are
  GENERAL_LOOKASIDE* list = nullptr;

  void operator()(void* entry) const {
    if (extended != nullptr) {
      extended(entry, reinterpret_cast<PLOOKASIDE_LIST_EX>(list));
    } else {
      plain(entry);
    }
  }
};

enum class lookaside_count : std::uint8_t { allocates, allocate_misses, frees, free_misses };
inline constexpr std::size_t lookaside_counts = 4;

class lookaside_list {
 public:
  // Number of a list that no card list stands behind: its entries are in the store, always.
  static constexpr std::uint32_t host_number = regs::max_lookaside_lists;
  // Most entries a processor holds.
  static constexpr std::int32_t magazine_capacity = 64;

  // `fields` is the caller's, and live until the list is retired; `extended`: they are those of a
  // LOOKASIDE_LIST_EX.
  lookaside_list(GENERAL_LOOKASIDE* fields, bool extended, const driver::list_name& name,
                 std::int32_t depth)
      : fields_(fields),
        extended_(extended),
        number_(name.number),
        generation_(name.generation),
        depth_(depth) {}
  lookaside_list(const lookaside_list&) = delete;
  lookaside_list& operator=(const lookaside_list&) = delete;

  GENERAL_LOOKASIDE& fields() const noexcept { return *fields_; }
  // What the list's Allocate gives, and its Free; to be called without locks.
  void* allocate_entry() const {
    const GENERAL_LOOKASIDE& f = *fields_;
    if (extended_)
      return f.AllocateEx(f.Type, f.Size, f.Tag, reinterpret_cast<PLOOKASIDE_LIST_EX>(fields_));
    return f.Allocate(f.Type, f.Size, f.Tag);
  }
  entry_free free_entry() const noexcept {
    if (extended_) return {nullptr, fields_->FreeEx, fields_};
    return {fields_->Free, nullptr, fields_};
  }
  std::uint32_t number() const noexcept { return number_; }
  bool host_backed() const noexcept { return number_ == host_number; }
  // Tells lines of this list from those of an earlier list with the same number.
  std::uint16_t generation() const noexcept { return generation_; }

  // ---- Depth: what the card said last, and what is known to be there ----

  std::int32_t depth() const noexcept { return depth_.load(std::memory_order_relaxed); }
  void learn(std::int32_t depth) noexcept {
    const std::int32_t before = depth_.exchange(depth, std::memory_order_relaxed);
    if (before == depth) return;
    __atomic_store_n(&fields_->Depth, static_cast<USHORT>(depth), __ATOMIC_RELAXED);
    if (depth < before) unbalance();
  }
  // Entries on the card, and shares of Depth that processors have. Both are this process's own
  // doing, so they are known without asking; they run behind while a line is on its way.
  std::int32_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  void add_held(std::int32_t n) noexcept { held_.fetch_add(n, std::memory_order_relaxed); }
  void add_reserved(std::int32_t n) noexcept { reserved_.fetch_add(n, std::memory_order_relaxed); }
  // What the card would still accept; below 0 after Depth has shrunk.
  std::int32_t room() const noexcept {
    return depth() - held() - reserved_.load(std::memory_order_relaxed);
  }

  // ---- Users: the processors that share Depth ----

  std::int32_t users() const noexcept { return users_.load(std::memory_order_relaxed); }
  void join() noexcept {
    users_.fetch_add(1, std::memory_order_relaxed);
    unbalance();
  }
  void leave() noexcept { users_.fetch_sub(1, std::memory_order_relaxed); }
  // The share of each: what it may ask for, and what it may keep when others need theirs.
  std::int32_t most() const noexcept {
    const std::int32_t n = std::max(1, users());
    return std::min((depth() + n - 1) / n, magazine_capacity);
  }
  std::int32_t fair() const noexcept {
    return std::clamp(depth() / std::max(1, users()), 1, magazine_capacity);
  }
  void unbalance() noexcept { changes_.fetch_add(1, std::memory_order_relaxed); }
  // Whether somebody joined, or Depth shrank, since the shares were last cut.
  bool balanced() const noexcept {
    return users() < 2 ||
           balanced_.load(std::memory_order_relaxed) == changes_.load(std::memory_order_relaxed);
  }
  std::uint32_t changes() const noexcept { return changes_.load(std::memory_order_relaxed); }
  void set_balanced(std::uint32_t changes) noexcept {
    balanced_.store(changes, std::memory_order_relaxed);
  }

  // ---- The counts in the caller's fields ----

  // Processors that ever used the list; the first may count without an atomic read-modify-write
  // until another one comes.
  bool add_counter() noexcept { return counters_.fetch_add(1, std::memory_order_relaxed) == 0; }
  bool shared() const noexcept { return shared_.load(owner_load); }
  void set_shared() noexcept { shared_.store(true, std::memory_order_seq_cst); }
  // By the first processor, marked busy or under its lock; by any once the list is shared.
  void count(lookaside_count what) noexcept {
    ULONG& field = of(what);
    if (shared()) [[unlikely]] {
      add(field, 1);
    } else {
      __atomic_store_n(&field, __atomic_load_n(&field, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    }
  }
  // What the card has been told of.
  void told(std::uint32_t allocates, std::uint32_t misses) noexcept {
    if (allocates != 0) add(fields_->LastTotalAllocates, allocates);
    if (misses != 0) add(fields_->LastAllocateMisses, misses);
  }

  // Guards a change of shares or counting, and the store.
  fork_mutex mutex{lock_row::list};
  std::vector<void*> store;
  card_entries on_card;
  // Entries that went to Free because Depth had shrunk.
  std::atomic<std::uint64_t> trimmed{0};

 private:
  static void add(ULONG& field, ULONG n) noexcept {
    __atomic_fetch_add(&field, n, __ATOMIC_RELAXED);
  }
  ULONG& of(lookaside_count what) const noexcept {
    switch (what) {
      case lookaside_count::allocates:
        return fields_->TotalAllocates;
      case lookaside_count::allocate_misses:
        return fields_->AllocateMisses;
      case lookaside_count::frees:
        return fields_->TotalFrees;
      default:
        return fields_->FreeMisses;
    }
  }

  GENERAL_LOOKASIDE* const fields_;
  const bool extended_;
  const std::uint32_t number_;
  const std::uint16_t generation_;
  std::atomic<bool> shared_{false};
  std::atomic<std::int32_t> depth_, held_{0}, reserved_{0}, users_{0};
  std::atomic<std::uint32_t> counters_{0}, changes_{0}, balanced_{0};
};

}  // namespace exalloc
