/* The pool beyond NT's names: requestors and their quotas, limits, tags, leaks, and what finds
 * wrong use: injected failures and guard pages. Plain C; all of it is thread safe. */
#ifndef EXALLOC_POOL_H
#define EXALLOC_POOL_H

#include "exalloc/export.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No limit. */
#define EXALLOC_UNLIMITED UINT64_MAX

/* ---- Requestors ----
 * What threads act on behalf of, as NT's do of a process. Pool that is allocated with quota is
 * charged to the requestor that the allocating thread acts for, and released when it is freed, by
 * whichever thread. There are two from the beginning: the default one, for which a thread acts
 * until it enters another (its limits are EXALLOC_QUOTA_PAGED and EXALLOC_QUOTA_NONPAGED in the
 * environment, bytes with K, M, G or T, else none), and the system, which is never charged. */
typedef struct exalloc_requestor exalloc_requestor;

/* A requestor with limits in bytes (EXALLOC_UNLIMITED: none). Of the name 31 characters are kept.
 * NULL when there are 65,534 (exalloc_last_error tells). */
EXALLOC_API exalloc_requestor* exalloc_requestor_create(const char* name, uint64_t paged_limit,
                                                        uint64_t nonpaged_limit);
/* Gives it up. What is charged to it may be freed later, and threads may still act for it; its
 * record stays until the last is done. Returns 0, or -1 if it is none, or one of the two
 * (exalloc_last_error tells). */
EXALLOC_API int exalloc_requestor_destroy(exalloc_requestor* requestor);
/* The calling thread acts for it from now on; NULL: for the default one. Returns the former one,
 * NULL for the default one. Not a requestor: reported (exalloc_set_error_handler), nothing
 * changes. */
EXALLOC_API exalloc_requestor* exalloc_requestor_enter(exalloc_requestor* requestor);
EXALLOC_API exalloc_requestor* exalloc_requestor_system(void);

typedef struct exalloc_quota_account {
  uint64_t limit, used, peak; /* bytes */
  uint64_t blocks;            /* that are charged now */
  uint64_t refused;           /* allocations that were over quota */
} exalloc_quota_account;
typedef struct exalloc_requestor_usage {
  char name[32];
  exalloc_quota_account nonpaged, paged;
} exalloc_requestor_usage;
/* NULL: of the default one. Returns 0, or -1 if it is no requestor (exalloc_last_error tells). */
EXALLOC_API int exalloc_requestor_query(const exalloc_requestor* requestor,
                                        exalloc_requestor_usage* usage);

/* ---- Limits and use ---- */

/* The most bytes that nonpaged (NonPagedPool) or paged pool (PagedPool) may hold; what it holds
 * already stays. EXALLOC_UNLIMITED: none. Without this call EXALLOC_NONPAGED_LIMIT and
 * EXALLOC_PAGED_LIMIT decide (bytes with K, M, G or T). Returns 0, or -1 (exalloc_last_error
 * tells). */
EXALLOC_API int exalloc_pool_set_limit(POOL_TYPE kind, uint64_t bytes);

typedef struct exalloc_pool_usage {
  uint64_t held;    /* bytes of pages taken for blocks, in use or not */
  uint64_t locked;  /* bytes that are locked in memory, the reserve included */
  uint64_t limit;   /* of held; EXALLOC_UNLIMITED: none */
  uint64_t reserve; /* bytes left that only ...MustSucceed gets */
  uint64_t big_blocks, big_pages;
} exalloc_pool_usage;
/* Of NonPagedPool or PagedPool. Returns 0, or -1 (exalloc_last_error tells). */
EXALLOC_API int exalloc_pool_query(POOL_TYPE kind, exalloc_pool_usage* usage);

/* Gives wholly free pages back to the system. Returns the bytes. */
EXALLOC_API size_t exalloc_pool_trim(void);

typedef struct exalloc_tag_usage {
  ULONG tag; /* without PROTECTED_POOL; "....": all tags that found no room in the table of 2,047 */
  POOL_TYPE kind; /* NonPagedPool or PagedPool */
  uint64_t allocations, frees;
  uint64_t bytes; /* in use, rounded and with headers */
} exalloc_tag_usage;
/* Writes a row for each tag and kind that was ever used, by tag, at most `room`; returns how many
 * there are. Exact while no thread is in a call. */
EXALLOC_API size_t exalloc_pool_tags(exalloc_tag_usage* rows, size_t room);

/* Prints what was allocated and not freed, by tag, to standard error, and returns the number of
 * blocks. EXALLOC_LEAKS=1 in the environment: at the end of the process. */
EXALLOC_API uint64_t exalloc_pool_report_leaks(void);

/* ---- Finding wrong use ---- */

typedef struct exalloc_injection {
  uint64_t every;    /* every so many-th allocation fails; 0: none because of this */
  int once_per_site; /* instead of that: the first allocation of each call site fails */
  ULONG tag;         /* only with this tag; 0: with any */
} exalloc_injection;
/* Makes allocations fail as if the pool were exhausted, to see how the program bears it; not those
 * of ...MustSucceed types. NULL: no longer. Sites are told apart by the address the call returns
 * to, 8,192 of them. Without this call EXALLOC_INJECT decides: "every=100" or "once", either with
 * ",tag=Name". */
EXALLOC_API int exalloc_pool_inject(const exalloc_injection* injection);
/* Allocations that were made to fail since the beginning. */
EXALLOC_API uint64_t exalloc_pool_injected(void);

/* With on != 0 blocks that are allocated from now on with this tag (0: all) end at an inaccessible
 * page, and their pages stay inaccessible for a while after they are freed (4,096 blocks or 1 GiB):
 * a write beyond the end, or a use after the free, faults at once. Such blocks are not locked, not
 * the card's to reach, and do not count as held; without room for one (65,000 mappings) an ordinary
 * block is given. Without this call EXALLOC_GUARD decides: "all" or "tag=Name". Returns 0, or -1
 * (exalloc_last_error tells). */
EXALLOC_API int exalloc_pool_guard(int on, ULONG tag);

#ifdef __cplusplus
}
#endif
#endif
