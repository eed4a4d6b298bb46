#include "spin_lock.hpp"

#include <sched.h>

#include <atomic>

namespace exalloc {
namespace {

// How many spin locks the thread holds: its IRQL.
constinit thread_local unsigned held = 0;

// From so many tries on, the holder is probably not running.
constexpr unsigned tries_until_yield = 200;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void acquire_spin_lock(KSPIN_LOCK& lock) noexcept {
  const std::atomic_ref<KSPIN_LOCK> word(lock);
  for (unsigned tries = 0; word.exchange(1, std::memory_order_acquire) != 0;) {
    while (word.load(std::memory_order_relaxed) != 0) {
      if (++tries % tries_until_yield == 0) {
        ::sched_yield();
      } else {
        pause();
      }
    }
  }
  ++held;
}

void release_spin_lock(KSPIN_LOCK& lock) noexcept {
  --held;
  std::atomic_ref<KSPIN_LOCK>(lock).store(0, std::memory_order_release);
}

}  // namespace exalloc

extern "C" {

VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock) {
  std::atomic_ref<KSPIN_LOCK>(*SpinLock).store(0, std::memory_order_relaxed);
}

VOID KeAcquireSpinLock(PKSPIN_LOCK SpinLock, PKIRQL OldIrql) {
  const KIRQL before = KeGetCurrentIrql();
  exalloc::acquire_spin_lock(*SpinLock);
  *OldIrql = before;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql) {
  (void)NewIrql;  // the level follows from the locks still held
  exalloc::release_spin_lock(*SpinLock);
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock) { exalloc::acquire_spin_lock(*SpinLock); }

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock) { exalloc::release_spin_lock(*SpinLock); }

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock) {
  KIRQL before;
  KeAcquireSpinLock(SpinLock, &before);
  return before;
}

BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock) {
  if (std::atomic_ref<KSPIN_LOCK>(*SpinLock).exchange(1, std::memory_order_acquire) != 0)
    return FALSE;
  ++exalloc::held;
  return TRUE;
}

VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle) {
  LockHandle->Lock = SpinLock;
  KeAcquireSpinLock(SpinLock, &LockHandle->OldIrql);
}

VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle) {
  KeReleaseSpinLock(LockHandle->Lock, LockHandle->OldIrql);
}

VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                              PKLOCK_QUEUE_HANDLE LockHandle) {
  KeAcquireInStackQueuedSpinLock(SpinLock, LockHandle);
}

VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle) {
  KeReleaseInStackQueuedSpinLock(LockHandle);
}

KIRQL KeGetCurrentIrql(VOID) { return exalloc::held != 0 ? DISPATCH_LEVEL : PASSIVE_LEVEL; }

}  // extern "C"
