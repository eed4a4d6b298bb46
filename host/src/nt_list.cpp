// What NT does under a spin lock that the caller names: lists and sums.
#include "exalloc/nt/interlocked.h"
#include "exalloc/nt/list.h"
#include "spin_lock.hpp"

using exalloc::spin_lock_guard;

extern "C" {

PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                              PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  PSINGLE_LIST_ENTRY before = ListHead->Next;
  PushEntryList(ListHead, ListEntry);
  return before;
}

PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  return PopEntryList(ListHead);
}

PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  PLIST_ENTRY before = IsListEmpty(ListHead) ? nullptr : ListHead->Flink;
  InsertHeadList(ListHead, ListEntry);
  return before;
}

PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  PLIST_ENTRY before = IsListEmpty(ListHead) ? nullptr : ListHead->Blink;
  InsertTailList(ListHead, ListEntry);
  return before;
}

PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  return IsListEmpty(ListHead) ? nullptr : RemoveHeadList(ListHead);
}

ULONG ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  const ULONG before = *Addend;
  *Addend += Increment;
  return before;
}

LARGE_INTEGER ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment,
                                           PKSPIN_LOCK Lock) {
  const spin_lock_guard held(Lock);
  const LARGE_INTEGER before = *Addend;
  // NT's sum wraps.
  Addend->QuadPart = static_cast<LONGLONG>(static_cast<ULONGLONG>(Addend->QuadPart) +
                                           static_cast<ULONGLONG>(Increment.QuadPart));
  return before;
}

}  // extern "C"
