/* What code that calls the routines needs: locks, lists, types, SLISTs, and the newer pool names.
 */
#include <string.h>

#include "check.h"

#define AROUND_TAG TAG4('A', 'r', 'n', 'd')

static void types_are_as_wide_as_nt_s(void) {
  CHECK(sizeof(ULONG) == 4 && sizeof(LONG) == 4 && sizeof(USHORT) == 2 && sizeof(UCHAR) == 1);
  CHECK(sizeof(ULONG_PTR) == sizeof(void*) && sizeof(LONGLONG) == 8 && sizeof(NTSTATUS) == 4);
  CHECK(sizeof(ZONE_SEGMENT_HEADER) == 16 && sizeof(SLIST_HEADER) == 16);
  CHECK(NT_SUCCESS(STATUS_SUCCESS) && !NT_SUCCESS(STATUS_UNSUCCESSFUL));
  CHECK(sizeof(LARGE_INTEGER) == 8 && sizeof(HANDLE) == sizeof(void*) && sizeof(UINT16) == 2);
  CHECK((ULONG)STATUS_INSUFFICIENT_RESOURCES == 0xC000009Au &&
        (ULONG)STATUS_QUOTA_EXCEEDED == 0xC0000044u);
}

static void spin_locks(void) {
  KSPIN_LOCK lock;
  KIRQL before;
  KeInitializeSpinLock(&lock);
  CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
  KeAcquireSpinLock(&lock, &before);
  CHECK(before == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
  KeReleaseSpinLock(&lock, before);
  CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static void spin_locks_by_other_names(void) {
  KSPIN_LOCK lock;
  KLOCK_QUEUE_HANDLE handle;
  KIRQL before;
  KeInitializeSpinLock(&lock);
  before = KeAcquireSpinLockRaiseToDpc(&lock);
  CHECK(before == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
  CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
  KeReleaseSpinLock(&lock, before);
  CHECK(KeTryToAcquireSpinLockAtDpcLevel(&lock));
  CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
  KeReleaseSpinLockFromDpcLevel(&lock);
  KeAcquireSpinLockAtDpcLevel(&lock);
  CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
  KeReleaseSpinLockFromDpcLevel(&lock);
  KeAcquireInStackQueuedSpinLock(&lock, &handle);
  CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
  KeReleaseInStackQueuedSpinLock(&handle);
  KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
  CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
  KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
  CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static void interlocked(void) {
  LONG volatile n = 5;
  LONG64 volatile wide = 5;
  int a, b;
  PVOID volatile p = &a;
  CHECK(InterlockedIncrement(&n) == 6 && InterlockedDecrement(&n) == 5);
  CHECK(InterlockedExchangeAdd(&n, 7) == 5 && InterlockedExchange(&n, 6) == 12);
  CHECK(InterlockedCompareExchange(&n, 1, 5) == 6 && n == 6);
  CHECK(InterlockedCompareExchange(&n, 1, 6) == 6 && n == 1);
  CHECK(InterlockedOr(&n, 6) == 1 && InterlockedAnd(&n, 3) == 7);
  CHECK(InterlockedXor(&n, 1) == 3 && n == 2);
  CHECK(InterlockedIncrement64(&wide) == 6 && InterlockedDecrement64(&wide) == 5);
  CHECK(InterlockedExchangeAdd64(&wide, 1) == 5 && InterlockedExchange64(&wide, 1) == 6);
  CHECK(InterlockedOr64(&wide, 6) == 1 && InterlockedAnd64(&wide, 3) == 7);
  CHECK(InterlockedXor64(&wide, 1) == 3 && InterlockedAdd64(&wide, 1) == 3);
  CHECK(InterlockedAdd(&n, -3) == -1);
  CHECK(InterlockedCompareExchange64(&wide, (LONG64)1 << 40, 3) == 3 && wide == (LONG64)1 << 40);
  CHECK(InterlockedCompareExchangePointer(&p, NULL, &b) == &a && p == &a);
  CHECK(InterlockedCompareExchangePointer(&p, &b, &a) == &a);
  CHECK(InterlockedExchangePointer(&p, NULL) == &b && p == NULL);
}

static void sums_under_a_lock(void) {
  KSPIN_LOCK lock;
  ULONG sum = 0xFFFFFFFFu;
  LARGE_INTEGER total, more;
  KeInitializeSpinLock(&lock);
  CHECK(ExInterlockedAddUlong(&sum, 3, &lock) == 0xFFFFFFFFu && sum == 2);
  total.QuadPart = 0xFFFFFFFF;
  more.QuadPart = 1;
  CHECK(ExInterlockedAddLargeInteger(&total, more, &lock).LowPart == 0xFFFFFFFFu);
  CHECK(total.LowPart == 0 && total.u.HighPart == 1);
  CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static void memory_macros(void) {
  CHECK(RtlCompareMemory("zones", "zoned", 5) == 4 && RtlCompareMemory("a", "a", 1) == 1);
  CHECK(RtlCompareMemory("b", "a", 1) == 0);
  CHECK(ROUND_TO_PAGES(1) == PAGE_SIZE && BYTES_TO_PAGES(PAGE_SIZE + 1) == 2);
  CHECK(BYTE_OFFSET(0x12345) == 0x345 && PAGE_ALIGN(0x12345) == (PVOID)0x12000);
  CHECK(FIELD_OFFSET(LIST_ENTRY, Blink) == sizeof(PVOID) && !ARGUMENT_PRESENT((PVOID)NULL));
}

typedef struct item {
  int value;
  LIST_ENTRY links;
  SINGLE_LIST_ENTRY link;
} item;

static void lists(void) {
  LIST_ENTRY head;
  SINGLE_LIST_ENTRY single;
  KSPIN_LOCK lock;
  item a, b;
  KeInitializeSpinLock(&lock);
  InitializeListHead(&head);
  CHECK(IsListEmpty(&head));
  InsertTailList(&head, &a.links);
  InsertHeadList(&head, &b.links);
  a.value = 7;
  CHECK(CONTAINING_RECORD(RemoveTailList(&head), item, links)->value == 7);
  CHECK(RemoveHeadList(&head) == &b.links && IsListEmpty(&head));
  single.Next = NULL;
  CHECK(ExInterlockedPushEntryList(&single, &a.link, &lock) == NULL);
  CHECK(ExInterlockedPushEntryList(&single, &b.link, &lock) == &a.link);
  CHECK(ExInterlockedPopEntryList(&single, &lock) == &b.link);
  CHECK(PopEntryList(&single) == &a.link && PopEntryList(&single) == NULL);
}

static void slists(void) {
  SLIST_HEADER head;
  SLIST_ENTRY a, b;
  ExInitializeSListHead(&head);
  CHECK(InterlockedPushEntrySList(&head, &a) == NULL);
  CHECK(InterlockedPushEntrySList(&head, &b) == &a);
  CHECK(ExQueryDepthSList(&head) == 2);
  CHECK(InterlockedPopEntrySList(&head) == &b);
  CHECK(InterlockedPopEntrySList(&head) == &a);
  CHECK(InterlockedPopEntrySList(&head) == NULL);
}

static void pool2(void) {
  unsigned char* p = (unsigned char*)ExAllocatePool2(POOL_FLAG_PAGED, 300, AROUND_TAG);
  int i, zero = 1;
  CHECK(p != NULL);
  for (i = 0; i < 300; ++i) zero &= p[i] == 0;
  CHECK(zero);
  ExFreePool2(p, AROUND_TAG, NULL, 0);
  CHECK(ExAllocatePool2(0, 300, AROUND_TAG) == NULL);
  p = (unsigned char*)ExAllocatePool3(POOL_FLAG_NON_PAGED, 300, AROUND_TAG, NULL, 0);
  CHECK(p != NULL);
  ExFreePool2(p, AROUND_TAG, NULL, 0);
}

static ALLOCATE_FUNCTION allocate_entry; /* as drivers declare their callbacks */
static FREE_FUNCTION free_entry;

static PVOID allocate_entry(POOL_TYPE type, SIZE_T bytes, ULONG tag) {
  return ExAllocatePoolUninitialized(type, bytes, tag);
}

static void free_entry(PVOID entry) { ExFreePoolWithTag(entry, AROUND_TAG); }

static void callbacks_by_their_types(void) {
  NPAGED_LOOKASIDE_LIST list;
  PVOID entry;
  ExInitializeNPagedLookasideList(&list, allocate_entry, free_entry, 0, 96, AROUND_TAG, 0);
  entry = ExAllocateFromNPagedLookasideList(&list);
  CHECK(entry != NULL);
  ExFreeToNPagedLookasideList(&list, entry);
  ExDeleteNPagedLookasideList(&list);
}

static int is_zero(const unsigned char* p, int bytes) {
  int i;
  for (i = 0; i < bytes; ++i) {
    if (p[i] != 0) return 0;
  }
  return 1;
}

static void newer_pool_names(void) {
  unsigned char* p;
  CHECK(POOL_TAGGING == 1);
  ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
  p = (unsigned char*)ExAllocatePoolUninitialized(NonPagedPoolExecute, 200, AROUND_TAG);
  CHECK(p != NULL);
  memset(p, 0xA5, 200);
  ExFreePoolWithTag(p, AROUND_TAG);
  p = (unsigned char*)ExAllocatePoolPriorityZero(PagedPool, 200, AROUND_TAG, LowPoolPriority);
  CHECK(p != NULL && is_zero(p, 200));
  memset(p, 0xA5, 200);
  ExFreePoolWithTag(p, AROUND_TAG);
  p = (unsigned char*)ExAllocatePoolQuotaZero(PagedPool, 200, AROUND_TAG);
  CHECK(p != NULL && is_zero(p, 200));
  memset(p, 0xA5, 200);
  ExFreePoolWithTag(p, AROUND_TAG);
  p = (unsigned char*)ExAllocatePoolQuotaUninitialized(PagedPool, 200, AROUND_TAG);
  CHECK(p != NULL);
  ExFreePoolWithTag(p, AROUND_TAG);
  p = (unsigned char*)ExAllocatePoolPriorityUninitialized(PagedPool, 200, AROUND_TAG,
                                                          HighPoolPriority);
  CHECK(p != NULL);
  ExFreePoolWithTag(p, AROUND_TAG);
}

const row around_rows[] = {
    {"wdm.h", "types and status values", types_are_as_wide_as_nt_s},
    {"KeAcquireSpinLock", "raises the level while it is held", spin_locks},
    {"KeAcquireSpinLock...", "by its other names: at DPC level, queued, trying",
     spin_locks_by_other_names},
    {"Interlocked...", "what each does and returns", interlocked},
    {"ExInterlockedAdd...", "the sum before; wraps", sums_under_a_lock},
    {"Rtl..., page macros", "as NT computes them", memory_macros},
    {"ALLOCATE_FUNCTION", "declares a callback", callbacks_by_their_types},
    {"ExAllocatePool...Zero, ...Uninitialized", "the newer names; Zero is zeroed",
     newer_pool_names},
    {"LIST_ENTRY", "and SINGLE_LIST_ENTRY routines, interlocked ones too", lists},
    {"SLIST_HEADER", "push, pop, depth", slists},
    {"ExAllocatePool2", "zeroed; wrong flags give NULL; ExAllocatePool3, ExFreePool2", pool2},
    {NULL, NULL, NULL}};
