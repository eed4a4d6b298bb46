/* Allocates a block of every kind, says where, and ends with a bug check: crash_program HOW
 *
 * HOW: "twice" frees a block twice; "damage" overwrites a header; "own" is a bug check of the
 * program's own; "unused" the same without having used the pool; "handler" the same with a handler
 * that returns; "stop" is "twice", and stops instead of aborting, so that somebody can look at its
 * memory; "core" is "twice", and asks the kernel for a core file, which takes many seconds under a
 * sanitizer that maps terabytes. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "exalloc/bugcheck.h"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

#define TAG(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)

static void stop(int signal_number) {
  (void)signal_number;
  raise(SIGSTOP);
}

static void come_back(const exalloc_bug_check* check, void* context) {
  (void)context;
  printf("handler %x\n", (unsigned)check->code);
  fflush(stdout);
}

static void cause_another(const exalloc_bug_check* check, void* context) {
  (void)check;
  (void)context;
  ExFreePool(NULL);
}

static void* bug_check_thread(void* barrier) {
  pthread_barrier_wait(barrier);
  KeBugCheck(0x77);
  return NULL;
}

static void bug_check_threads(void) {
  static pthread_barrier_t barrier;
  pthread_t threads[4];
  pthread_barrier_init(&barrier, NULL, 4);
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, bug_check_thread, &barrier);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

/* This large block lies at the heap's end, and what follows it is malloc's own: how much is left.
 */
__attribute__((no_sanitize("address"))) static void damage_the_heap(void) {
  char* volatile hidden = malloc(100 * 1000);
  volatile char* block = hidden; /* its size is hidden from the compiler, which would warn */
  for (int i = 0; i < 16; ++i) block[100 * 1000 + i] = (char)0xAA;
}

static void tell(const char* name, const void* address) { printf("%s %p\n", name, address); }

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  const rlim_t size = strcmp(how, "core") == 0 ? RLIM_INFINITY : 0;
  const struct rlimit core_size = {size, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &core_size);
  if (strcmp(how, "unused") == 0) KeBugCheck(0xE2);

  char* small = ExAllocatePoolWithTag(NonPagedPool, 100, TAG('S', 'm', 'a', 'l'));
  char* gone = ExAllocatePoolWithTag(NonPagedPool, 200, TAG('G', 'o', 'n', 'e'));
  char* line = ExAllocatePoolWithTag(NonPagedPoolCacheAligned, 64, TAG('L', 'i', 'n', 'e'));
  char* part = ExAllocatePoolWithTag(PagedPool, 2000, TAG('P', 'a', 'r', 't'));
  char* large = ExAllocatePoolWithTag(PagedPool, 10000, TAG('L', 'r', 'g', ' '));
  if (!small || !gone || !line || !part || !large) {
    fprintf(stderr, "no pool: %s\n", exalloc_last_error());
    return 1;
  }
  /* What is written there must not look like headers. */
  memset(small, 0xEE, 100);
  memset(large, 0xEE, 10000);
  tell("small", small);
  tell("gone", gone);
  tell("line", line);
  tell("part", part);
  tell("large", large);
  fflush(stdout);
  ExFreePoolWithTag(gone, TAG('G', 'o', 'n', 'e'));

  if (strcmp(how, "stop") == 0) signal(SIGABRT, stop);
  if (strcmp(how, "handler") == 0) exalloc_set_bug_check_handler(come_back, NULL);
  if (strcmp(how, "loop") == 0) exalloc_set_bug_check_handler(cause_another, NULL);
  if (strcmp(how, "heap") == 0) damage_the_heap();
  if (strcmp(how, "threads") == 0) bug_check_threads();
  if (strcmp(how, "own") == 0 || strcmp(how, "handler") == 0) KeBugCheckEx(0x1234, 1, 2, 3, 4);
  if (strcmp(how, "damage") == 0) {
    memset(small - 16, 0xAB, 4);
    ExFreePool(small);
  }
  ExFreePool(gone);
  return 3;
}
