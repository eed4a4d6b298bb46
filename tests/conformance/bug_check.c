/* Every bug check of the contract, provoked. */
#include <string.h>

#include "check.h"

#define FREE_TAG TAG4('F', 'r', 'e', 'e')

typedef struct release {
  void* p;
  ULONG tag;
} release;

static void free_with_tag(void* context) {
  release* r = (release*)context;
  ExFreePoolWithTag(r->p, r->tag);
}

static exalloc_bug_check check_free(void* p, ULONG tag) {
  release r;
  r.p = p;
  r.tag = tag;
  return bug_check_of(free_with_tag, &r);
}

static int is(const exalloc_bug_check* c, ULONG code, ULONG_PTR first) {
  return c->code == code && c->parameters[0] == first;
}

static void wrong_tag(void) {
  static const SIZE_T sizes[] = {50, 2000, 3000, 10000};
  size_t i;
  for (i = 0; i < 4; ++i) {
    void* p = ExAllocatePoolWithTag(PagedPool, sizes[i], FREE_TAG);
    exalloc_bug_check c = check_free(p, TAG4('O', 't', 'h', 'r'));
    CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_WRONG_TAG));
    CHECK(c.parameters[1] == (ULONG_PTR)p && c.parameters[2] == FREE_TAG &&
          c.parameters[3] == TAG4('O', 't', 'h', 'r'));
    CHECK(c.block == p && c.tag == FREE_TAG);
    /* Nothing was changed: it can still be freed. */
    c = check_free(p, FREE_TAG);
    CHECK(c.code == 0);
  }
}

static void not_pool(void) {
  static int global;
  exalloc_bug_check c = check_free(NULL, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_POOL));
  c = check_free(&global, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_POOL) && c.parameters[1] == (ULONG_PTR)&global);
  c = check_free((void*)~(uintptr_t)0, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_POOL));
}

static void freed_twice(void) {
  static const SIZE_T sizes[] = {50, 2000};
  size_t i;
  for (i = 0; i < 2; ++i) {
    void* p = ExAllocatePoolWithTag(NonPagedPool, sizes[i], FREE_TAG);
    exalloc_bug_check c = check_free(p, FREE_TAG);
    CHECK(c.code == 0);
    c = check_free(p, FREE_TAG);
    CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_FREED_TWICE) && c.parameters[3] == (ULONG_PTR)p);
  }
}

static void inside_a_block(void) {
  char* small = (char*)ExAllocatePoolWithTag(PagedPool, 200, FREE_TAG);
  char* big = (char*)ExAllocatePoolWithTag(PagedPool, 3 * PAGE_SIZE, FREE_TAG);
  exalloc_bug_check c = check_free(small + 16, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_A_BLOCK) &&
        c.parameters[1] == (ULONG_PTR)(small + 16));
  c = check_free(small + 1, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_A_BLOCK));
  c = check_free(big + 64, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_A_BLOCK));
  c = check_free(big + PAGE_SIZE, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_A_BLOCK));
  ExFreePool(small);
  ExFreePool(big);
}

static void block_of_a_zone_or_list(void) {
  static uint64_t segment[64];
  ZONE_HEADER zone;
  exalloc_bug_check c;
  void* p;
  CHECK(ExInitializeZone(&zone, 32, segment, sizeof segment) == STATUS_SUCCESS);
  p = ExAllocateFromZone(&zone);
  c = check_free(p, 0);
  CHECK(is(&c, BAD_POOL_CALLER, POOL_CALLER_NOT_A_BLOCK));
  exalloc_zone_delete(&zone);
}

static void damaged_header(void) {
  unsigned char* p = (unsigned char*)ExAllocatePoolWithTag(PagedPool, 64, FREE_TAG);
  unsigned char saved[16];
  exalloc_bug_check c;
  int i;
  memcpy(saved, p - 16, 16);
  for (i = 0; i < 16; ++i) {
    p[i - 16] ^= 0x41;
    c = check_free(p, FREE_TAG);
    CHECK(is(&c, BAD_POOL_HEADER, 0x20) && c.parameters[1] == (ULONG_PTR)p);
    memcpy(p - 16, saved, 16);
  }
  c = check_free(p, FREE_TAG);
  CHECK(c.code == 0);
}

static void overrun(void) {
  static const SIZE_T sizes[] = {33, 1001, 3001, 5000};
  size_t i;
  for (i = 0; i < 4; ++i) {
    unsigned char* p = (unsigned char*)ExAllocatePoolWithTag(PagedPool, sizes[i], FREE_TAG);
    const unsigned char before = p[sizes[i]];
    exalloc_bug_check c;
    p[sizes[i]] = (unsigned char)~before;
    c = check_free(p, FREE_TAG);
    CHECK(is(&c, BAD_POOL_HEADER, 0x21) && c.parameters[1] == (ULONG_PTR)p);
    p[sizes[i]] = before;
    c = check_free(p, FREE_TAG);
    CHECK(c.code == 0);
  }
}

static void own_bug_check(void* unused) {
  (void)unused;
  KeBugCheckEx(0x1234, 1, 2, 3, 4);
}

static void of_the_program(void) {
  exalloc_bug_check c = bug_check_of(own_bug_check, NULL);
  CHECK(c.code == 0x1234 && c.parameters[0] == 1 && c.parameters[3] == 4);
}

const row bug_check_rows[] = {
    {"ExFreePoolWithTag", "wrong tag: C2/0A with block, stored tag, given tag", wrong_tag},
    {"ExFreePoolWithTag", "NULL or not an address of ours: C2/46", not_pool},
    {"ExFreePoolWithTag", "freed twice: C2/07", freed_twice},
    {"ExFreePoolWithTag", "inside a block: C2/41", inside_a_block},
    {"ExFreePoolWithTag", "a block of a zone: C2/41", block_of_a_zone_or_list},
    {"ExFreePoolWithTag", "damaged header: 19/20", damaged_header},
    {"ExFreePoolWithTag", "overrun of trailing data: 19/21", overrun},
    {"KeBugCheckEx", "code and four parameters reach the handler", of_the_program},
    {NULL, NULL, NULL}};
