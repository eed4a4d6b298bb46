/* Zones: blocks of one size, carved from memory that the caller gives. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_ZONE_H
#define EXALLOC_NT_ZONE_H

#include "exalloc/export.h"
#include "exalloc/nt/fast.h"
#include "exalloc/nt/list.h"
#include "exalloc/nt/spinlock.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/* Sets up a zone and carves its first segment: 16 bytes of header, then as many whole blocks as
 * fit.
 *
 * BlockSize and SegmentSize are bytes. STATUS_UNSUCCESSFUL when BlockSize is 0, BlockSize or
 * Segment is not a multiple of 8, BlockSize > SegmentSize, or the segment is NULL;
 * STATUS_INSUFFICIENT_RESOURCES when the card has no list or not enough slabs left (NT cannot run
 * out of these). Only the 16 header bytes of the segment are ever written. Calling it again on a
 * live zone retires the old one. Not to be called while another thread uses the zone. */
EXALLOC_API NTSTATUS ExInitializeZone(PZONE_HEADER Zone, ULONG BlockSize, PVOID InitialSegment,
                                      ULONG InitialSegmentSize);

/* Adds a segment: the checks and the carving of ExInitializeZone. It goes to the head of
 * SegmentList. */
EXALLOC_API NTSTATUS ExExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize);
EXALLOC_API NTSTATUS ExInterlockedExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize,
                                             PKSPIN_LOCK Lock);

/* One block, not initialised; NULL if and only if none is free, whichever thread freed it. */
EXALLOC_API PVOID ExAllocateFromZone(PZONE_HEADER Zone);
EXALLOC_API PVOID ExInterlockedAllocateFromZone(PZONE_HEADER Zone, PKSPIN_LOCK Lock);

/* Gives a block back. Returns the head of the free list before the call: NULL exactly when the zone
 * had no free block. A Block that is not an allocated block of Zone is refused: it is reported
 * (exalloc_set_error_handler) and nothing changes. */
EXALLOC_API PVOID ExFreeToZone(PZONE_HEADER Zone, PVOID Block);
EXALLOC_API PVOID ExInterlockedFreeToZone(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock);

/* TRUE if and only if every block is allocated. */
EXALLOC_API BOOLEAN ExIsFullZone(PZONE_HEADER Zone);

/* Whether Object lies in a block of the segment that ExInitializeZone was given. */
EXALLOC_API BOOLEAN ExIsObjectInFirstZoneSegment(PZONE_HEADER Zone, PVOID Object);

/* Other names of the routines above, for their inline forms: never inline themselves. */
EXALLOC_API PVOID exalloc_call_allocate(PZONE_HEADER Zone);
EXALLOC_API PVOID exalloc_call_free(PZONE_HEADER Zone, PVOID Block);
EXALLOC_API PVOID exalloc_call_interlocked_allocate(PZONE_HEADER Zone, PKSPIN_LOCK Lock);
EXALLOC_API PVOID exalloc_call_interlocked_free(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock);
EXALLOC_API BOOLEAN exalloc_call_is_full(PZONE_HEADER Zone);

#ifdef EXALLOC_INLINE_CALLS
/* The same routines, compiled into the caller for the zone that the thread used last. */
EXALLOC_INLINE PVOID ExAllocateFromZone(PZONE_HEADER Zone) {
  struct exalloc_magazine* m = exalloc_now;
  if (EXALLOC_LIKELY(EXALLOC_READ(m->zone) == Zone)) return exalloc_pop(m);
  return exalloc_call_allocate(Zone);
}

EXALLOC_INLINE PVOID ExInterlockedAllocateFromZone(PZONE_HEADER Zone, PKSPIN_LOCK Lock) {
  struct exalloc_magazine* m = exalloc_now;
  if (EXALLOC_LIKELY(EXALLOC_READ(m->lockfree) == Zone)) return exalloc_pop(m);
  return exalloc_call_interlocked_allocate(Zone, Lock);
}

EXALLOC_INLINE PVOID ExFreeToZone(PZONE_HEADER Zone, PVOID Block) {
  struct exalloc_magazine* m = exalloc_now;
  PVOID previous;
  if (EXALLOC_LIKELY(EXALLOC_READ(m->zone) == Zone && exalloc_push(m, Block, &previous)))
    return previous;
  return exalloc_call_free(Zone, Block);
}

EXALLOC_INLINE PVOID ExInterlockedFreeToZone(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock) {
  struct exalloc_magazine* m = exalloc_now;
  PVOID previous;
  if (EXALLOC_LIKELY(EXALLOC_READ(m->lockfree) == Zone && exalloc_push(m, Block, &previous)))
    return previous;
  return exalloc_call_interlocked_free(Zone, Block, Lock);
}

/* Full for sure never, not full if a block lies ready. */
EXALLOC_INLINE BOOLEAN ExIsFullZone(PZONE_HEADER Zone) {
  struct exalloc_magazine* m = exalloc_now;
  if (EXALLOC_READ(m->zone) == Zone && (int16_t)EXALLOC_READ(m->word) >= 0 &&
      EXALLOC_READ(m->known) != 0)
    return FALSE;
  return exalloc_call_is_full(Zone);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
