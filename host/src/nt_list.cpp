// The interlocked list routines.
#include "exalloc/nt/list.h"
#include "spin_lock.hpp"

namespace {

class lock_hold {
 public:
  explicit lock_hold(PKSPIN_LOCK lock) : lock_(*lock) { exalloc::acquire_spin_lock(lock_); }
  ~lock_hold() { exalloc::release_spin_lock(lock_); }
  lock_hold(const lock_hold&) = delete;
  lock_hold& operator=(const lock_hold&) = delete;

 private:
  KSPIN_LOCK& lock_;
};

}  // namespace

extern "C" {

PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                              PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock) {
  const lock_hold held(Lock);
  PSINGLE_LIST_ENTRY before = ListHead->Next;
  PushEntryList(ListHead, ListEntry);
  return before;
}

PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  const lock_hold held(Lock);
  return PopEntryList(ListHead);
}

PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  const lock_hold held(Lock);
  PLIST_ENTRY before = IsListEmpty(ListHead) ? nullptr : ListHead->Flink;
  InsertHeadList(ListHead, ListEntry);
  return before;
}

PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  const lock_hold held(Lock);
  PLIST_ENTRY before = IsListEmpty(ListHead) ? nullptr : ListHead->Blink;
  InsertTailList(ListHead, ListEntry);
  return before;
}

PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  const lock_hold held(Lock);
  return IsListEmpty(ListHead) ? nullptr : RemoveHeadList(ListHead);
}

}  // extern "C"
