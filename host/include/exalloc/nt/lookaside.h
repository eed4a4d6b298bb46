/* Lookaside lists: caches of entries of one size, which allocate and free what they do not have. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_LOOKASIDE_H
#define EXALLOC_NT_LOOKASIDE_H

#include "exalloc/export.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef PVOID (*PALLOCATE_FUNCTION)(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
typedef VOID (*PFREE_FUNCTION)(PVOID Buffer);

/* Opaque: the entries are kept by the card. */
typedef struct _SLIST_HEADER {
  ULONGLONG Alignment, Region;
} SLIST_HEADER, *PSLIST_HEADER;

/* The fields are live: exact after every call of one thread; across threads when none is in a call. LastTotalAllocates and
 * LastAllocateMisses are what the card has been told of. */
typedef struct _GENERAL_LOOKASIDE {
  SLIST_HEADER ListHead;
  USHORT Depth; /* entries the list holds at most; the card adjusts it, and this is what it said last */
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
  PALLOCATE_FUNCTION Allocate;
  PFREE_FUNCTION Free;
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

/* Sets up an empty list for entries of Size bytes (at least a pointer's).
 *
 * Allocate and Free NULL: ExAllocatePoolWithTag and ExFreePool. They are called without a lock, and may use exalloc.
 * Flags: 0, POOL_RAISE_IF_ALLOCATION_FAILURE, POOL_NX_ALLOCATION. Depth is ignored: it begins with 4 and moves between that
 * and 256 (exalloc_lookaside_nt4 makes it count). Calling it again on a live list retires the old one, whose entries are lost. */
EXALLOC_API VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside,
                                                 PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                                 ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth);
EXALLOC_API VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside,
                                                PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                                ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth);

/* The entry freed last, else what Allocate(Type, Size, Tag) gives, which may be NULL. */
EXALLOC_API PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside);
EXALLOC_API PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);

/* Keeps Entry for the next allocation; Free(Entry) if the list holds Depth entries already. Its contents are left alone. */
EXALLOC_API VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry);
EXALLOC_API VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry);

/* Gives every entry the list holds to Free. Not to be called while another thread uses the list. */
EXALLOC_API VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside);
EXALLOC_API VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);

#ifdef __cplusplus
}
#endif
#endif
