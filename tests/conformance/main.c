/* Checks every promise of the contract on the card that EXALLOC_CARD names.   conformance
 * [ROUTINE...]
 *
 * The same sources are compiled as C and as C++. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static int row_failed;
unsigned errors_told;
char last_cause[32];

void check_failed(const char* file, int line, const char* what) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  row_failed = 1;
}

static void take_error(const exalloc_error* error, void* context) {
  (void)context;
  /* Notices, such as that a list is kept in the host, are not errors. */
  if (strcmp(error->cause, "ok") == 0) return;
  ++errors_told;
  strncpy(last_cause, error->cause, sizeof last_cause - 1);
}

static jmp_buf way_out;
static NTSTATUS raised;
static exalloc_bug_check checked;

static void leave_raise(NTSTATUS status, void* context) {
  (void)context;
  raised = status;
  longjmp(way_out, 1);
}

static void leave_bug_check(const exalloc_bug_check* check, void* context) {
  (void)context;
  checked = *check;
  longjmp(way_out, 1);
}

NTSTATUS raised_by(void (*call)(void*), void* argument) {
  raised = STATUS_SUCCESS;
  exalloc_set_raise_handler(leave_raise, NULL);
  if (setjmp(way_out) == 0) call(argument);
  exalloc_set_raise_handler(NULL, NULL);
  return raised;
}

exalloc_bug_check bug_check_of(void (*call)(void*), void* argument) {
  memset(&checked, 0, sizeof checked);
  exalloc_set_bug_check_handler(leave_bug_check, NULL);
  if (setjmp(way_out) == 0) call(argument);
  exalloc_set_bug_check_handler(NULL, NULL);
  return checked;
}

typedef struct thread_call {
  void (*call)(void*);
  void* argument;
} thread_call;

static void* run_thread(void* context) {
  thread_call* c = (thread_call*)context;
  c->call(c->argument);
  return NULL;
}

void in_thread(void (*call)(void*), void* argument) {
  thread_call c;
  pthread_t thread;
  c.call = call;
  c.argument = argument;
  if (pthread_create(&thread, NULL, run_thread, &c) != 0) abort();
  pthread_join(thread, NULL);
}

static int wanted(const char* routine, int count, char** names) {
  int i;
  if (count == 0) return 1;
  for (i = 0; i < count; ++i)
    if (strcmp(names[i], routine) == 0) return 1;
  return 0;
}

int main(int argc, char** argv) {
  const row* const tables[] = {zone_rows,   pool_rows,   quota_rows,    lookaside_rows,
                               system_rows, around_rows, bug_check_rows};
  unsigned rows = 0, failed = 0;
  size_t t;
  exalloc_set_error_handler(take_error, NULL);
  if (exalloc_card_name() == NULL) {
    fprintf(stderr, "%s\n", exalloc_last_error());
    return 2;
  }
  for (t = 0; t < sizeof tables / sizeof *tables; ++t) {
    const row* r;
    for (r = tables[t]; r->routine != NULL; ++r) {
      if (!wanted(r->routine, argc - 1, argv + 1)) continue;
      row_failed = 0;
      errors_told = 0;
      last_cause[0] = 0;
      r->check();
      printf("%-6s %s: %s\n", row_failed ? "FAILED" : "ok", r->routine, r->promise);
      ++rows;
      failed += (unsigned)row_failed;
    }
  }
  printf("%s: %u promises, %u broken\n", exalloc_card_name(), rows, failed);
  return rows == 0 || failed != 0;
}
