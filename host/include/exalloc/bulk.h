/* Many blocks with one call, and how many there are. Plain C.
 *
 * exalloc's own: NT has no such routines. All are thread-safe, whatever the zone's lock: they
 * neither take it nor need it, so a thread that holds it around plain calls is not excluded. */
#ifndef EXALLOC_BULK_H
#define EXALLOC_BULK_H

#include "exalloc/export.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/zone.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Allocates up to Count blocks of a zone into Blocks and returns how many: fewer only if no more
 * are free. 0 and a report for a zone that was not set up. */
EXALLOC_API size_t exalloc_zone_allocate(PZONE_HEADER Zone, PVOID* Blocks, size_t Count);
/* Frees blocks of a zone. What is not an allocated block of it is refused and reported, as by
 * ExFreeToZone, and the others are freed all the same. */
EXALLOC_API void exalloc_zone_free(PZONE_HEADER Zone, PVOID const* Blocks, size_t Count);

typedef struct exalloc_zone_usage {
  uint64_t blocks; /* carved from all segments */
  uint64_t in_use; /* allocated */
  uint64_t free;   /* blocks - in_use */
} exalloc_zone_usage;
/* Counts a zone's blocks: exact when no thread is in a call on it. In a zone that kernels share,
 * blocks on their way between host and card count as in use. Visits every processor: some
 * microseconds. Returns 0, or -1 (exalloc_last_error tells). */
EXALLOC_API int exalloc_zone_count(PZONE_HEADER Zone, exalloc_zone_usage* Usage);

/* Allocates up to Count pool blocks of NumberOfBytes each, as ExAllocatePoolWithTag does, and
 * returns how many: fewer only if pool is exhausted (then, with POOL_RAISE_IF_ALLOCATION_FAILURE,
 * those allocated are freed again and the status is raised). */
EXALLOC_API size_t exalloc_pool_allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                         PVOID* Blocks, size_t Count);
/* Frees pool blocks, as ExFreePoolWithTag does; Tag 0: not checked. */
EXALLOC_API void exalloc_pool_free(PVOID const* Blocks, size_t Count, ULONG Tag);

#ifdef __cplusplus
}
#endif
#endif
