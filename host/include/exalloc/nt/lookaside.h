/* Lookaside lists: caches of entries of one size, which allocate and free what they do not have.
 * Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_LOOKASIDE_H
#define EXALLOC_NT_LOOKASIDE_H

#include "exalloc/export.h"
#include "exalloc/nt/list.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/slist.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef PVOID ALLOCATE_FUNCTION(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
typedef ALLOCATE_FUNCTION* PALLOCATE_FUNCTION;
typedef VOID FREE_FUNCTION(PVOID Buffer);
typedef FREE_FUNCTION* PFREE_FUNCTION;
typedef struct _LOOKASIDE_LIST_EX LOOKASIDE_LIST_EX, *PLOOKASIDE_LIST_EX;
typedef PVOID ALLOCATE_FUNCTION_EX(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                   PLOOKASIDE_LIST_EX Lookaside);
typedef ALLOCATE_FUNCTION_EX* PALLOCATE_FUNCTION_EX;
typedef VOID FREE_FUNCTION_EX(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside);
typedef FREE_FUNCTION_EX* PFREE_FUNCTION_EX;

/* The fields are live: exact after every call of one thread; across threads when none is in a call.
 * LastTotalAllocates and LastAllocateMisses are what the card has been told of. */
typedef struct _GENERAL_LOOKASIDE {
  SLIST_HEADER ListHead; /* opaque: the entries are kept by the card */
  USHORT Depth; /* entries the list holds at most; the card adjusts it, and this is what it said
                   last */
  USHORT MaximumDepth;
  ULONG TotalAllocates;
  union {
    ULONG AllocateMisses; /* calls of Allocate */
    ULONG AllocateHits;
  };
  ULONG TotalFrees;
  union {
    ULONG FreeMisses; /* frees that went to Free */
    ULONG FreeHits;
  };
  POOL_TYPE Type; /* or'ed with Flags */
  ULONG Tag;
  ULONG Size;
  union {
    PALLOCATE_FUNCTION Allocate;
    PALLOCATE_FUNCTION_EX AllocateEx; /* of a LOOKASIDE_LIST_EX */
  };
  union {
    PFREE_FUNCTION Free;
    PFREE_FUNCTION_EX FreeEx;
  };
  LIST_ENTRY ListEntry; /* linked to nothing */
  ULONG LastTotalAllocates;
  union {
    ULONG LastAllocateMisses;
    ULONG LastAllocateHits;
  };
  ULONG Future[2];
} __attribute__((aligned(64))) GENERAL_LOOKASIDE, *PGENERAL_LOOKASIDE;

typedef struct _NPAGED_LOOKASIDE_LIST {
  GENERAL_LOOKASIDE L;
} NPAGED_LOOKASIDE_LIST, *PNPAGED_LOOKASIDE_LIST;

typedef struct _PAGED_LOOKASIDE_LIST {
  GENERAL_LOOKASIDE L;
} PAGED_LOOKASIDE_LIST, *PPAGED_LOOKASIDE_LIST;

struct _LOOKASIDE_LIST_EX {
  GENERAL_LOOKASIDE L;
};

/* Sets up an empty list for entries of Size bytes (at least a pointer's).
 *
 * Allocate and Free NULL: ExAllocatePoolWithTag and ExFreePool. They are called without a lock, and
 * may use exalloc. Flags: 0, POOL_RAISE_IF_ALLOCATION_FAILURE, POOL_NX_ALLOCATION. Depth is
 * ignored: it begins with 4 and moves between that and 256 (exalloc_lookaside_nt4 makes it count).
 * Calling it again on a live list retires the old one, whose entries are lost. */
EXALLOC_API VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside,
                                                 PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                                 ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth);
EXALLOC_API VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside,
                                                PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                                ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth);

/* The entry freed last, else what Allocate(Type, Size, Tag) gives, which may be NULL. */
EXALLOC_API PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside);
EXALLOC_API PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);

/* Keeps Entry for the next allocation; Free(Entry) if the list holds Depth entries already. Its
 * contents are left alone. */
EXALLOC_API VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry);
EXALLOC_API VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry);

/* Gives every entry the list holds to Free. Not to be called while another thread uses the list. */
EXALLOC_API VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside);
EXALLOC_API VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);

/* ---- The newer form, for both pool types (source: Microsoft's published driver documentation)
 * ---- */
#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL \
  1u /* Allocate's default raises instead of giving NULL */
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE \
  2u /* with a quota pool type: NULL instead of raising */
#define EX_MAXIMUM_LOOKASIDE_DEPTH_BASE 256
#define EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT 1024

/* As ExInitialize...LookasideList, but with the pool type (quota included:
 * POOL_QUOTA_FAIL_INSTEAD_OF_RAISE charges the requestor), and callbacks that are told the list.
 * STATUS_INVALID_PARAMETER_4 for a pool type that does not exist, STATUS_INVALID_PARAMETER_5 for
 * Flags that do not or contradict each other. */
EXALLOC_API NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside,
                                                 PALLOCATE_FUNCTION_EX Allocate,
                                                 PFREE_FUNCTION_EX Free, POOL_TYPE PoolType,
                                                 ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth);
EXALLOC_API PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
EXALLOC_API VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry);
/* Gives the entries the list holds now to Free; other threads may go on using it. */
EXALLOC_API VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
EXALLOC_API VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);

#ifdef __cplusplus
}
#endif
#endif
