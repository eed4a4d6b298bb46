/* Pool. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_POOL_H
#define EXALLOC_NT_POOL_H

#include "exalloc/export.h"
#include "exalloc/nt/pool_fast.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _POOL_TYPE {
  NonPagedPool = 0,
  NonPagedPoolExecute = NonPagedPool, /* no pool is executable */
  PagedPool = 1,
  NonPagedPoolMustSucceed = 2,
  DontUseThisType = 3,
  NonPagedPoolCacheAligned = 4,
  PagedPoolCacheAligned = 5,
  NonPagedPoolCacheAlignedMustS = 6,
  MaxPoolType = 7,
  NonPagedPoolNx = 512,
  NonPagedPoolNxCacheAligned = 516
} POOL_TYPE;

/* Or'ed with a pool type. */
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8
#define POOL_RAISE_IF_ALLOCATION_FAILURE 16
#define POOL_COLD_ALLOCATION 256
#define POOL_NX_ALLOCATION 512

/* Drivers ask for it before they give ExAllocatePool a tag of their own with a macro. */
#define POOL_TAGGING 1

/* Or'ed with a tag: the block can only be freed with the same tag, by ExFreePoolWithTag. */
#define PROTECTED_POOL 0x80000000

/* How badly memory is wanted; taken, and of no effect. */
typedef enum _EX_POOL_PRIORITY {
  LowPoolPriority = 0,
  LowPoolPrioritySpecialPoolOverrun = 8,
  LowPoolPrioritySpecialPoolUnderrun = 9,
  NormalPoolPriority = 16,
  NormalPoolPrioritySpecialPoolOverrun = 24,
  NormalPoolPrioritySpecialPoolUnderrun = 25,
  HighPoolPriority = 32,
  HighPoolPrioritySpecialPoolOverrun = 40,
  HighPoolPrioritySpecialPoolUnderrun = 41
} EX_POOL_PRIORITY;

/* NumberOfBytes of memory, not initialised; 0 bytes gives the smallest block. Any thread may free
 * it. Thread safe.
 *
 * Alignment: 16 bytes (64 for ...CacheAligned) and never across a page's end; more than 4,064 bytes
 * begin with a page. Tag is 1 to 4 characters, little-endian, with a letter or a digit: bug check
 * 0xC2 with 0x9B (0), 0x9C ('BIG ') or 0x9D (neither letter nor digit) if it is not.
 * Exhausted: NULL; with POOL_RAISE_IF_ALLOCATION_FAILURE raises STATUS_INSUFFICIENT_RESOURCES
 * (exalloc_set_raise_handler); a ...MustSucceed type is bug check 0x41. */
EXALLOC_API PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
/* ExAllocatePoolWithTag with the tag "None". */
EXALLOC_API PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
/* ExAllocatePoolWithTag. */
EXALLOC_API PVOID ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                                EX_POOL_PRIORITY Priority);
/* ExAllocatePoolWithTag, and all bytes are 0. */
EXALLOC_API PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);

/* The same, charged to the requestor that the thread acts for (exalloc/pool.h) until it is freed:
 * the block as rounded, with its header. Requests of a page or more, and the system's, are never
 * charged.
 *
 * More than the requestor's limit raises STATUS_QUOTA_EXCEEDED, exhaustion
 * STATUS_INSUFFICIENT_RESOURCES; with POOL_QUOTA_FAIL_INSTEAD_OF_RAISE both are NULL. */
EXALLOC_API PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
/* ExAllocatePoolWithQuotaTag with the tag "None". */
EXALLOC_API PVOID ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes);

/* Gives pool back. Tag 0: not compared. Thread safe.
 *
 * Bug checks, looked for in this order: 0xC2 with 0x46 (NULL, or no address of ours), 0x41 (inside
 * a block, or a block of a zone), 0x07 (free already); 0x19 with 0x20 (header overwritten), 0x21
 * (written beyond the end: the first 16 bytes behind are looked at); 0xC2 with 0x0A (another tag).
 * If the handler returns nothing has changed. */
EXALLOC_API VOID ExFreePoolWithTag(PVOID P, ULONG Tag);
/* ExFreePoolWithTag with the tag 0. */
EXALLOC_API VOID ExFreePool(PVOID P);

/* Other names of the routines above, for their inline forms: never inline themselves. */
EXALLOC_API PVOID exalloc_call_pool_allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
EXALLOC_API VOID exalloc_call_pool_free(PVOID P, ULONG Tag);

#ifdef EXALLOC_INLINE_POOL
/* The same routines, compiled into the caller. */
EXALLOC_INLINE PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  PVOID block;
  if (EXALLOC_LIKELY(exalloc_pool_take((ULONG)PoolType, NumberOfBytes, Tag, &block))) return block;
  return exalloc_call_pool_allocate(PoolType, NumberOfBytes, Tag);
}

EXALLOC_INLINE VOID ExFreePoolWithTag(PVOID P, ULONG Tag) {
  if (!EXALLOC_LIKELY(exalloc_pool_give(P, Tag))) exalloc_call_pool_free(P, Tag);
}

EXALLOC_INLINE VOID ExFreePool(PVOID P) {
  if (!EXALLOC_LIKELY(exalloc_pool_give(P, 0))) exalloc_call_pool_free(P, 0);
}
#endif

/* The names that newer drivers call the same routines by. */
FORCEINLINE PVOID ExAllocatePoolUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}
FORCEINLINE PVOID ExAllocatePoolPriorityUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                      ULONG Tag, EX_POOL_PRIORITY Priority) {
  return ExAllocatePoolWithTagPriority(PoolType, NumberOfBytes, Tag, Priority);
}
FORCEINLINE PVOID ExAllocatePoolPriorityZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                             EX_POOL_PRIORITY Priority) {
  (void)Priority;
  return ExAllocatePoolZero(PoolType, NumberOfBytes, Tag);
}
FORCEINLINE PVOID ExAllocatePoolQuotaUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                   ULONG Tag) {
  return ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
}
FORCEINLINE PVOID ExAllocatePoolQuotaZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  PVOID p = ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
  if (p != NULL) RtlZeroMemory(p, NumberOfBytes);
  return p;
}

/* Drivers ask so for pool that is not executable, which is all there is: no effect. */
#define DrvRtPoolNxOptIn 0x00000001
FORCEINLINE VOID ExInitializeDriverRuntime(ULONG RuntimeFlags) { (void)RuntimeFlags; }

#ifdef __cplusplus
}
#endif
#endif
