/* The newer pool routines: zeroed by default, with flags instead of types. Part of exalloc/wdm.h.
 *
 * Source: Microsoft's published driver documentation. */
#ifndef EXALLOC_NT_POOL2_H
#define EXALLOC_NT_POOL2_H

#include "exalloc/export.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef ULONG64 POOL_FLAGS;

/* Bits 31:0 are required: unknown ones are refused. Bits 63:32 are optional: unknown ones are
 * ignored. */
#define POOL_FLAG_USE_QUOTA 0x0000000000000001ULL
#define POOL_FLAG_UNINITIALIZED 0x0000000000000002ULL
#define POOL_FLAG_SESSION 0x0000000000000004ULL /* there is one session: no effect */
#define POOL_FLAG_CACHE_ALIGNED 0x0000000000000008ULL
#define POOL_FLAG_RAISE_ON_FAILURE 0x0000000000000020ULL
#define POOL_FLAG_NON_PAGED 0x0000000000000040ULL
#define POOL_FLAG_NON_PAGED_EXECUTE                            \
  0x0000000000000080ULL /* as NON_PAGED: no pool is executable \
                         */
#define POOL_FLAG_PAGED 0x0000000000000100ULL
#define POOL_FLAG_SPECIAL_POOL \
  0x0000000100000000ULL /* see exalloc/pool.h for the guard-page pool */

typedef enum _POOL_EXTENDED_PARAMETER_TYPE {
  PoolExtendedParameterInvalidType = 0,
  PoolExtendedParameterPriority,
  PoolExtendedParameterSecurePool,
  PoolExtendedParameterNumaNode,
  PoolExtendedParameterMax
} POOL_EXTENDED_PARAMETER_TYPE;

typedef struct _POOL_EXTENDED_PARAMS_SECURE_POOL POOL_EXTENDED_PARAMS_SECURE_POOL;

typedef struct _POOL_EXTENDED_PARAMETER {
  __extension__ struct {
    ULONG64 Type : 8;     /* a POOL_EXTENDED_PARAMETER_TYPE */
    ULONG64 Optional : 1; /* not to fail for it */
    ULONG64 Reserved : 55;
  };
  union {
    ULONG64 Reserved2;
    PVOID Reserved3;
    EX_POOL_PRIORITY Priority;
    POOL_EXTENDED_PARAMS_SECURE_POOL* SecurePoolParams;
    ULONG PreferredNode;
  };
} POOL_EXTENDED_PARAMETER, *PPOOL_EXTENDED_PARAMETER;
typedef const POOL_EXTENDED_PARAMETER* PCPOOL_EXTENDED_PARAMETER;

/* NumberOfBytes of zeroed pool memory (POOL_FLAG_UNINITIALIZED: as it is). Exactly one of
 * NON_PAGED, NON_PAGED_EXECUTE and PAGED. NULL when exhausted, over quota, for 0 bytes or wrong
 * flags; with POOL_FLAG_RAISE_ON_FAILURE STATUS_INSUFFICIENT_RESOURCES, STATUS_QUOTA_EXCEEDED or
 * STATUS_INVALID_PARAMETER is raised instead. Tags are checked as by ExAllocatePoolWithTag. */
EXALLOC_API PVOID ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
/* The same with parameters: priorities and NUMA nodes are hints that have no effect; a secure pool
 * does not exist here and fails unless it is optional (STATUS_NOT_SUPPORTED). */
EXALLOC_API PVOID ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
                                  PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
                                  ULONG ExtendedParametersCount);
/* As ExFreePoolWithTag; the parameters name secure pools, of which there are none. */
EXALLOC_API VOID ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
                             ULONG ExtendedParametersCount);

#ifdef __cplusplus
}
#endif
#endif
