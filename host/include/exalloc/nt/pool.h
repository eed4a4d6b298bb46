/* Pool. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_POOL_H
#define EXALLOC_NT_POOL_H

#include "exalloc/export.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _POOL_TYPE {
  NonPagedPool = 0,
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

/* NumberOfBytes of memory, not initialised, NULL when exhausted; 0 bytes gives the smallest block.
 * Alignment: 16 bytes (64 for ...CacheAligned), a page for a page or more. Tag is 1 to 4
 * characters, little-endian. */
EXALLOC_API PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
/* ExAllocatePoolWithTag with the tag "None". */
EXALLOC_API PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
/* Gives pool back; P was returned by ExAllocatePool... and not freed since, or it is reported and
 * nothing changes. */
EXALLOC_API VOID ExFreePool(PVOID P);

#ifdef __cplusplus
}
#endif
#endif
