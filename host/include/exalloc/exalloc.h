/* What exalloc adds to the NT names: the card, processors, zones beyond NT, errors. Plain C. */
#ifndef EXALLOC_EXALLOC_H
#define EXALLOC_EXALLOC_H

#include "exalloc/export.h"
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Chooses the card: "soft" (in process, the executable specification), "soft-core" (the same, with a thread of its own that
 * executes what is sent to it) or "sim" (the Verilated card).
 *
 * To be called before the first allocation; without it the environment variable EXALLOC_CARD decides, and without that
 * "soft". Returns 0, or -1 when the card does not exist or another one is open already (exalloc_last_error tells). A card that
 * cannot be had is never replaced by another one. */
EXALLOC_API int exalloc_set_card(const char* name);

/* Name of the card in use; opens it if that has not happened. NULL when it cannot be opened (exalloc_last_error tells). */
EXALLOC_API const char* exalloc_card_name(void);

/* What went wrong in the last call of this thread that failed: what, where and what to do. Valid until the next failure. */
EXALLOC_API const char* exalloc_last_error(void);

/* A processor: magazines and a portal. Every thread gets one of its own at its first call and leaves it at its end, so
 * most programs never need these. A program that simulates several processors in one thread makes them and enters one after
 * the other. NULL when no memory is left. */
typedef struct exalloc_processor exalloc_processor;
EXALLOC_API exalloc_processor* exalloc_processor_create(void);
/* Makes P the calling thread's processor; NULL: its own again. A processor serves one thread at a time. */
EXALLOC_API void exalloc_processor_enter(exalloc_processor* p);
/* Gives back what the processor holds; it must not be any thread's current one. */
EXALLOC_API void exalloc_processor_destroy(exalloc_processor* p);
/* Gives back to the card what the calling thread's processor holds. */
EXALLOC_API void exalloc_processor_flush(void);

/* Retires a zone: its blocks, live or free, are no longer exalloc's. The caller's memory is untouched. NT has no such call. */
EXALLOC_API void exalloc_zone_delete(PZONE_HEADER Zone);

/* With on != 0 the Interlocked calls on this zone do not take the caller's lock: they are safe among themselves without it,
 * and much faster, but no longer exclude a thread that holds the lock around plain calls. */
EXALLOC_API void exalloc_zone_lockfree(PZONE_HEADER Zone, int on);

/* With on != 0 lookaside lists that are initialised from now on obey the caller's Depth, as in NT 4: it is Depth and
 * MaximumDepth for good (0: as usual). Without this call EXALLOC_NT4_LOOKASIDE=1 does the same. */
EXALLOC_API void exalloc_lookaside_nt4(int on);

/* With on == 0 calls on lookaside lists bypass the processors' magazines: each one is a line to the card and waits for the
 * answer, and the card's counts equal the list's after every call. Slow: to compare and to debug. To be called while no other
 * thread uses a lookaside list. Returns 0, or -1 (exalloc_last_error tells). */
EXALLOC_API int exalloc_lookaside_magazines(int on);

/* How often the card adjusts the Depth of lookaside lists, on the card that is open and on one opened later; 0: never. Without
 * this call EXALLOC_GOVERNOR_PERIOD_MS decides, and without that it is 1,000. Returns 0, or -1. */
EXALLOC_API int exalloc_set_governor_period_ms(uint32_t milliseconds);

/* What the card itself knows of a lookaside list. Counts of calls that magazines served arrive some time later. */
typedef struct exalloc_lookaside_counts {
  uint32_t list;                                    /* its number on the card */
  uint32_t depth, minimum_depth, maximum_depth;
  uint32_t held, high_water;                        /* entries on the card, not in magazines; the most there were */
  uint32_t reserved;                                /* what magazines may hold */
  uint32_t allocates, allocate_misses, frees, free_misses; /* modulo 2^32 */
  uint64_t trimmed; /* counted by the host: entries that went to Free because Depth had shrunk below them */
} exalloc_lookaside_counts;
/* Returns 0, or -1 for a list that is kept in the host because the card had none left (exalloc_last_error tells). */
EXALLOC_API int exalloc_lookaside_card_counts(const GENERAL_LOOKASIDE* Lookaside, exalloc_lookaside_counts* counts);

/* Called where NT would raise an exception, with the status; must not return. NULL: the default, which reports and aborts.
 * C++ programs may prefer exalloc/raise.hpp. */
typedef void (*exalloc_raise_handler)(NTSTATUS status, void* context);
EXALLOC_API void exalloc_set_raise_handler(exalloc_raise_handler handler, void* context);

/* What MmQuerySystemSize (an MM_SYSTEMSIZE) and MmIsThisAnNtAsSystem (0 or 1) answer from now on; -1: what the machine is. For
 * tests. Thread-safe. */
EXALLOC_API void exalloc_set_system(int size, int server);

/* An error that a call or the card found: a double free, a foreign block, a line the card refused. */
typedef struct exalloc_error {
  const char* what;    /* one sentence */
  const char* cause;   /* the status name of regs/exalloc.json: "double_free", "foreign", ...; "card_lost" */
  PVOID address;       /* the block, NULL when only the token is known */
  uint32_t token;      /* 0 when there is none */
  uint32_t list;
  int32_t portal;      /* the card's portal; -1 when the host or a stream port found it */
  int32_t stream_port; /* the stream port a kernel pushed the block into, else -1 */
} exalloc_error;
typedef void (*exalloc_error_handler)(const exalloc_error* error, void* context);
/* Installs the handler that is told of errors; NULL: the default, which logs to stderr. May be called by any thread's call. */
EXALLOC_API void exalloc_set_error_handler(exalloc_error_handler handler, void* context);

#ifdef __cplusplus
}
#endif
#endif
