/* What the conformance rows are written with. C and C++ compile the same sources. */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <exalloc/bugcheck.h>
#include <exalloc/exalloc.h>
#include <exalloc/pool.h>
#include <exalloc/wdm.h>
#include <setjmp.h>

/* One promise of docs/contract.md. */
typedef struct row {
  const char* routine;
  const char* promise;
  void (*check)(void);
} row;

/* The tables, one a source file; ended by a row without a routine. */
extern const row zone_rows[], pool_rows[], quota_rows[], lookaside_rows[], system_rows[],
    around_rows[], bug_check_rows[];

void check_failed(const char* file, int line, const char* what);
#define CHECK(condition)                                            \
  do {                                                              \
    if (!(condition)) check_failed(__FILE__, __LINE__, #condition); \
  } while (0)

#define TAG4(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)

/* What exalloc_set_error_handler was told since the row began, and the last cause. */
extern unsigned errors_told;
extern char last_cause[32];

/* Runs call(argument); the status it raised, STATUS_SUCCESS if none. */
NTSTATUS raised_by(void (*call)(void*), void* argument);
/* Runs call(argument); the bug check it ended in, code 0 if in none. */
exalloc_bug_check bug_check_of(void (*call)(void*), void* argument);

/* Runs call(argument) in another thread, to its end. */
void in_thread(void (*call)(void*), void* argument);

#endif
