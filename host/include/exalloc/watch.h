/* Being told what happens on the card: depletion of a zone, errors at once. Plain C. */
#ifndef EXALLOC_WATCH_H
#define EXALLOC_WATCH_H

#include "exalloc/export.h"
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts (on != 0) or stops a thread of the library that waits for the card's interrupt. While it runs, handlers are called by
 * it as things happen; without it, errors arrive with the next slow call of the thread concerned, and depletion is not told.
 * Returns 0, or -1 when the card cannot be opened (exalloc_last_error tells). Stopping waits for a handler that is running, so it
 * must not be called by one. */
EXALLOC_API int exalloc_watch(int on);

/* A zone is depleted when fewer than Low blocks are free, and has recovered when at least High are. Free means free in the
 * card: blocks in magazines and rings count as used. Low 0 (the state of a new zone): never. Refuses High < Low. Returns 0, or -1
 * (exalloc_last_error tells): no such zone, or one that is kept in the host. Thread safe. */
EXALLOC_API int exalloc_zone_threshold(PZONE_HEADER Zone, uint32_t Low, uint32_t High);

/* Called by the watching thread when a zone is depleted (Depleted != 0) or has recovered. It may call the Ex* routines, extend
 * the zone for example. A zone that is depleted and recovers before the thread looks is not told. */
typedef void (*exalloc_depletion_handler)(PZONE_HEADER Zone, int Depleted, void* Context);
/* NULL: nobody is told (the default). Thread safe. */
EXALLOC_API void exalloc_set_depletion_handler(exalloc_depletion_handler Handler, void* Context);

/* What the card counts for a zone since it was made: exact when the card is at rest. */
typedef struct exalloc_zone_counts {
  uint32_t total;      /* blocks */
  uint32_t in_use;     /* blocks out of the card: allocated, in magazines, depots, rings and stream ports */
  uint32_t high_water; /* the most there were in use */
  uint32_t granted;    /* blocks handed out by the card, modulo 2^32 */
  uint32_t refusals;   /* errors the card recorded for this list number, since the card's reset */
  int32_t depleted;    /* whether it is depleted now */
} exalloc_zone_counts;
/* Reads them. Returns 0, or -1: no such zone, or one that is kept in the host. Thread safe; takes about 6 register reads. */
EXALLOC_API int exalloc_zone_card_counts(PZONE_HEADER Zone, exalloc_zone_counts* Counts);

#ifdef __cplusplus
}
#endif
#endif
