/* What exalloc adds to the NT names: the card, processors, zones beyond NT, errors. Plain C. */
#ifndef EXALLOC_EXALLOC_H
#define EXALLOC_EXALLOC_H

#include "exalloc/export.h"
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Chooses the card: "soft" (in process, the executable specification) or "sim" (the Verilated card).
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

/* An error that a call or the card found: a double free, a foreign block, a line the card refused. */
typedef struct exalloc_error {
  const char* what;    /* one sentence */
  const char* cause;   /* the status name of regs/exalloc.json: "double_free", "foreign", ... */
  PVOID address;       /* the block, NULL when only the token is known */
  uint32_t token;      /* 0 when there is none */
  uint32_t list;
  int32_t portal;      /* the card's portal, -1 when the host found it */
} exalloc_error;
typedef void (*exalloc_error_handler)(const exalloc_error* error, void* context);
/* Installs the handler that is told of errors; NULL: the default, which logs to stderr. May be called by any thread's call. */
EXALLOC_API void exalloc_set_error_handler(exalloc_error_handler handler, void* context);

#ifdef __cplusplus
}
#endif
#endif
