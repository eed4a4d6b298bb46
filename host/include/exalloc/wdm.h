/* The NT names: zones, pool and lookaside lists for code written against the NT driver interface, in C or in C++.
 *
 * What each routine promises is in docs/contract.md; it follows the 1998/2000 NT DDK text where sources disagree.
 * Link with -lexalloc. The card is the one that EXALLOC_CARD names (see exalloc.h). */
#ifndef EXALLOC_WDM_H
#define EXALLOC_WDM_H

#include <stddef.h>
#include <stdint.h>

#include "exalloc/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Basic types ------------------------------------------------------------------------------------------------ */
typedef void VOID;
typedef void* PVOID;
typedef unsigned char UCHAR;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef uint16_t USHORT;
typedef int32_t LONG;
typedef uint64_t ULONGLONG;
typedef uint32_t ULONG, *PULONG;
typedef uintptr_t ULONG_PTR;
typedef size_t SIZE_T;
typedef LONG NTSTATUS;

#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif

#define NT_SUCCESS(Status) (((NTSTATUS)(Status)) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0x00000000L)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001L)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009AL)

typedef struct _SINGLE_LIST_ENTRY {
  struct _SINGLE_LIST_ENTRY* Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

typedef struct _LIST_ENTRY {
  struct _LIST_ENTRY* Flink;
  struct _LIST_ENTRY* Blink;
} LIST_ENTRY, *PLIST_ENTRY;

/* ---- Spin locks -------------------------------------------------------------------------------------------------- */
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef UCHAR KIRQL, *PKIRQL;
#define PASSIVE_LEVEL 0
#define DISPATCH_LEVEL 2

/* Makes a lock free. */
EXALLOC_API VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
/* Waits until the lock is free and takes it; *OldIrql receives the level to give back to KeReleaseSpinLock. */
EXALLOC_API VOID KeAcquireSpinLock(PKSPIN_LOCK SpinLock, PKIRQL OldIrql);
EXALLOC_API VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
/* DISPATCH_LEVEL while the calling thread holds a spin lock, else PASSIVE_LEVEL. */
EXALLOC_API KIRQL KeGetCurrentIrql(VOID);

/* ---- Zones: blocks of one size, carved from memory that the caller gives ----------------------------------------- */
typedef struct _ZONE_HEADER {
  SINGLE_LIST_ENTRY FreeList;    /* opaque: the free list is kept by the card */
  SINGLE_LIST_ENTRY SegmentList; /* the segments, the newest first */
  ULONG BlockSize;               /* bytes */
  ULONG TotalSegmentSize;        /* bytes: segment headers and carved blocks of all segments */
} ZONE_HEADER, *PZONE_HEADER;

typedef struct _ZONE_SEGMENT_HEADER {
  SINGLE_LIST_ENTRY SegmentList;
  PVOID Reserved;
} ZONE_SEGMENT_HEADER, *PZONE_SEGMENT_HEADER;

/* Sets up a zone and carves its first segment: 16 bytes of header, then as many whole blocks as fit.
 *
 * BlockSize and SegmentSize are bytes. STATUS_UNSUCCESSFUL when BlockSize is 0, BlockSize or Segment is not a multiple
 * of 8, BlockSize > SegmentSize, or the segment is NULL; STATUS_INSUFFICIENT_RESOURCES when the card has no list or not
 * enough slabs left (NT cannot run out of these). Only the 16 header bytes of the segment are ever written. Calling it again
 * on a live zone retires the old one. Not to be called while another thread uses the zone. */
EXALLOC_API NTSTATUS ExInitializeZone(PZONE_HEADER Zone, ULONG BlockSize, PVOID InitialSegment,
                                      ULONG InitialSegmentSize);

/* Adds a segment: the checks and the carving of ExInitializeZone. It goes to the head of SegmentList. */
EXALLOC_API NTSTATUS ExExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize);
EXALLOC_API NTSTATUS ExInterlockedExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize,
                                             PKSPIN_LOCK Lock);

/* One block, not initialised; NULL if and only if none is free, whichever thread freed it. */
EXALLOC_API PVOID ExAllocateFromZone(PZONE_HEADER Zone);
EXALLOC_API PVOID ExInterlockedAllocateFromZone(PZONE_HEADER Zone, PKSPIN_LOCK Lock);

/* Gives a block back. Returns the head of the free list before the call: NULL exactly when the zone had no free block.
 * A Block that is not an allocated block of Zone is refused: it is reported (exalloc_set_error_handler) and nothing changes. */
EXALLOC_API PVOID ExFreeToZone(PZONE_HEADER Zone, PVOID Block);
EXALLOC_API PVOID ExInterlockedFreeToZone(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock);

/* TRUE if and only if every block is allocated. */
EXALLOC_API BOOLEAN ExIsFullZone(PZONE_HEADER Zone);

/* Whether Object lies in a block of the segment that ExInitializeZone was given. */
EXALLOC_API BOOLEAN ExIsObjectInFirstZoneSegment(PZONE_HEADER Zone, PVOID Object);

/* ---- Pool -------------------------------------------------------------------------------------------------------- */
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

/* NumberOfBytes of memory, not initialised, NULL when exhausted; 0 bytes gives the smallest block. Alignment: 16 bytes
 * (64 for ...CacheAligned), a page for a page or more. Tag is 1 to 4 characters, little-endian. */
EXALLOC_API PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
/* ExAllocatePoolWithTag with the tag "None". */
EXALLOC_API PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
/* Gives pool back; P was returned by ExAllocatePool... and not freed since, or it is reported and nothing changes. */
EXALLOC_API VOID ExFreePool(PVOID P);

/* ---- Lookaside lists: caches of entries of one size, which allocate and free what they do not have ---------------- */
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8
#define POOL_RAISE_IF_ALLOCATION_FAILURE 16
#define POOL_COLD_ALLOCATION 256
#define POOL_NX_ALLOCATION 512

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
