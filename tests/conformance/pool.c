/* Pool and quota. */
#include <stdint.h>
#include <string.h>

#include "check.h"

#define POOL_TAG TAG4('P', 'o', 'o', 'l')

/* One call, with its arguments and result, so that raises and bug checks can leave it. */
typedef struct allocation {
  POOL_TYPE type;
  SIZE_T bytes;
  ULONG tag;
  int quota;
  void* result;
} allocation;

static void allocate(void* context) {
  allocation* a = (allocation*)context;
  a->result = NULL;
  a->result = a->quota ? ExAllocatePoolWithQuotaTag(a->type, a->bytes, a->tag)
                       : ExAllocatePoolWithTag(a->type, a->bytes, a->tag);
}

static allocation order(unsigned type, SIZE_T bytes, ULONG tag) {
  allocation a;
  memset(&a, 0, sizeof a);
  a.type = (POOL_TYPE)type;
  a.bytes = bytes;
  a.tag = tag;
  return a;
}

static const POOL_TYPE types[] = {
    NonPagedPool,           PagedPool,      NonPagedPoolCacheAligned,
    PagedPoolCacheAligned,  NonPagedPoolNx, NonPagedPoolNxCacheAligned,
    NonPagedPoolMustSucceed};

static void alignment(void) {
  static const SIZE_T sizes[] = {0,    1,    16,   17,   100,  500,  1000, 1008, 1009,
                                 2000, 2048, 4000, 4064, 4065, 4096, 9000, 70000};
  size_t t, s;
  for (t = 0; t < sizeof types / sizeof *types; ++t) {
    for (s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
      void *p, *q;
      uintptr_t at;
      if (types[t] == NonPagedPoolMustSucceed && sizes[s] > 8192) continue;
      p = ExAllocatePoolWithTag(types[t], sizes[s], POOL_TAG);
      q = ExAllocatePoolWithTag(types[t], sizes[s], POOL_TAG);
      at = (uintptr_t)p;
      CHECK(p != NULL && q != NULL && p != q);
      CHECK(at % 16 == 0);
      if ((unsigned)types[t] & 4) CHECK(at % 64 == 0);
      if (sizes[s] < PAGE_SIZE && sizes[s] <= 4064) CHECK(at % PAGE_SIZE + sizes[s] <= PAGE_SIZE);
      if (sizes[s] > 4064) CHECK(at % PAGE_SIZE == 0);
      memset(p, 0x55, sizes[s]);
      memset(q, 0xAA, sizes[s]);
      ExFreePool(p);
      ExFreePool(q);
    }
  }
}

static void none_tag(void) {
  exalloc_tag_usage rows[64];
  size_t n, i;
  int found = 0;
  void* p = ExAllocatePool(PagedPool, 10);
  CHECK(p != NULL);
  n = exalloc_pool_tags(rows, 64);
  for (i = 0; i < n && i < 64; ++i)
    found |= rows[i].tag == TAG4('N', 'o', 'n', 'e') && rows[i].kind == PagedPool &&
             rows[i].allocations - rows[i].frees >= 1;
  CHECK(found);
  ExFreePoolWithTag(p, TAG4('N', 'o', 'n', 'e'));
}

static void null_when_exhausted(void) {
  allocation a = order(PagedPool, SIZE_MAX / 2, POOL_TAG);
  CHECK(ExAllocatePoolWithTag(PagedPool, SIZE_MAX, POOL_TAG) == NULL);
  CHECK(ExAllocatePoolWithTag(NonPagedPool, SIZE_MAX - 4096, POOL_TAG) == NULL);
  allocate(&a);
  CHECK(a.result == NULL);
  a.type = (POOL_TYPE)(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE);
  CHECK(raised_by(allocate, &a) == STATUS_INSUFFICIENT_RESOURCES);
}

static void limit_is_clean(void) {
  enum { most = 4096 };
  static void* p[most];
  unsigned n = 0, again = 0;
  exalloc_pool_usage usage;
  CHECK(exalloc_pool_query(PagedPool, &usage) == 0);
  CHECK(exalloc_pool_set_limit(PagedPool, usage.held + (1u << 20)) == 0);
  while (n < most && (p[n] = ExAllocatePoolWithTag(PagedPool, 2000, POOL_TAG)) != NULL) ++n;
  CHECK(n > 0 && n < most);
  CHECK(ExAllocatePoolWithTag(PagedPool, 2u << 20, POOL_TAG) == NULL);
  ExFreePool(p[0]);
  p[0] = ExAllocatePoolWithTag(PagedPool, 2000, POOL_TAG);
  CHECK(p[0] != NULL);
  while (again < n) ExFreePool(p[again++]);
  CHECK(exalloc_pool_set_limit(PagedPool, EXALLOC_UNLIMITED) == 0);
  CHECK(errors_told == 0);
}

static void must_succeed(void) {
  exalloc_pool_usage usage;
  exalloc_bug_check check;
  allocation a = order(NonPagedPoolMustSucceed, 3000, POOL_TAG);
  void* kept[4096];
  unsigned n = 0;
  CHECK(exalloc_pool_query(NonPagedPool, &usage) == 0);
  /* Nothing is left but the reserve. */
  CHECK(exalloc_pool_set_limit(NonPagedPool, 1) == 0);
  while (n < 4096 && (kept[n] = ExAllocatePoolWithTag(NonPagedPool, 3000, POOL_TAG)) != NULL) ++n;
  CHECK(n < 4096);
  allocate(&a);
  CHECK(a.result != NULL);
  ExFreePool(a.result);
  a.bytes = (SIZE_T)64 << 20;
  check = bug_check_of(allocate, &a);
  CHECK(check.code == MUST_SUCCEED_POOL_EMPTY && check.parameters[0] == a.bytes);
  while (n > 0) ExFreePool(kept[--n]);
  CHECK(exalloc_pool_set_limit(NonPagedPool, EXALLOC_UNLIMITED) == 0);
}

static void tags_are_checked(void) {
  allocation a = order(NonPagedPool, 10, 0);
  exalloc_bug_check check = bug_check_of(allocate, &a);
  CHECK(check.code == BAD_POOL_CALLER && check.parameters[0] == POOL_CALLER_TAG_ZERO);
  a.tag = TAG4('B', 'I', 'G', ' ');
  check = bug_check_of(allocate, &a);
  CHECK(check.code == BAD_POOL_CALLER && check.parameters[0] == POOL_CALLER_TAG_BIG);
  a.tag = TAG4('.', ' ', '!', '?');
  check = bug_check_of(allocate, &a);
  CHECK(check.code == BAD_POOL_CALLER && check.parameters[0] == POOL_CALLER_TAG_NO_LETTER);
  CHECK(check.parameters[1] == a.tag);
}

static void any_thread_frees(void* p) { ExFreePoolWithTag(p, POOL_TAG); }

static void freed_by_another(void) {
  int i;
  for (i = 0; i < 100; ++i) {
    void* p = ExAllocatePoolWithTag(NonPagedPool, (SIZE_T)i * 60, POOL_TAG);
    CHECK(p != NULL);
    in_thread(any_thread_frees, p);
  }
  CHECK(errors_told == 0);
}

static void zero_bytes(void) {
  void* p = ExAllocatePoolWithTag(PagedPool, 0, POOL_TAG);
  CHECK(p != NULL);
  ExFreePool(p);
}

const row pool_rows[] = {
    {"ExAllocatePool", "with the tag None", none_tag},
    {"ExAllocatePoolWithTag", "aligned to 16, 64 or a page; never across a page below 4,065 bytes",
     alignment},
    {"ExAllocatePoolWithTag", "NULL when exhausted, or STATUS_INSUFFICIENT_RESOURCES with 16",
     null_when_exhausted},
    {"ExAllocatePoolWithTag", "a limit is a clean end, and what is freed can be had again",
     limit_is_clean},
    {"ExAllocatePoolWithTag", "MustSucceed has a reserve; beyond it bug check 0x41", must_succeed},
    {"ExAllocatePoolWithTag", "0 bytes give the smallest block", zero_bytes},
    {"ExAllocatePoolWithTag", "tag 0, 'BIG ' and tags without letter or digit: C2/9B, 9C, 9D",
     tags_are_checked},
    {"ExFreePool", "whichever thread allocated", freed_by_another},
    {NULL, NULL, NULL}};

/* ---- Quota ---- */

static uint64_t used(const exalloc_requestor* r) {
  exalloc_requestor_usage usage;
  CHECK(exalloc_requestor_query(r, &usage) == 0);
  return usage.paged.used;
}

static void quota_charges(void) {
  exalloc_requestor* r = exalloc_requestor_create("conformance", 10000, 10000);
  void *p, *q;
  CHECK(r != NULL);
  exalloc_requestor_enter(r);
  p = ExAllocatePoolWithQuotaTag(PagedPool, 1000, POOL_TAG);
  CHECK(p != NULL && used(r) >= 1000 && used(r) <= 1200);
  q = ExAllocatePoolWithQuota(PagedPool, 500);
  CHECK(q != NULL && used(r) >= 1500);
  exalloc_requestor_enter(NULL);
  /* Released by whichever thread frees, for whomever it acts. */
  in_thread(any_thread_frees, p);
  ExFreePool(q);
  CHECK(used(r) == 0);
  CHECK(exalloc_requestor_destroy(r) == 0);
}

static void quota_exceeded(void) {
  exalloc_requestor* r = exalloc_requestor_create("small", 3000, 3000);
  allocation a = order(PagedPool, 2000, POOL_TAG);
  void* first;
  a.quota = 1;
  exalloc_requestor_enter(r);
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result != NULL);
  first = a.result;
  CHECK(raised_by(allocate, &a) == STATUS_QUOTA_EXCEEDED);
  a.type = (POOL_TYPE)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result == NULL);
  ExFreePool(first);
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result != NULL);
  ExFreePool(a.result);
  CHECK(used(r) == 0);
  exalloc_requestor_enter(NULL);
  CHECK(exalloc_requestor_destroy(r) == 0);
}

static void quota_shortage(void) {
  allocation a = order(PagedPool, SIZE_MAX / 2, POOL_TAG);
  a.quota = 1;
  CHECK(raised_by(allocate, &a) == STATUS_INSUFFICIENT_RESOURCES);
  a.type = (POOL_TYPE)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result == NULL);
}

static void quota_exempt(void) {
  exalloc_requestor* r = exalloc_requestor_create("tiny", 1, 1);
  allocation a = order(PagedPool, 5000, POOL_TAG);
  a.quota = 1;
  exalloc_requestor_enter(r);
  /* A page or more is never charged. */
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result != NULL);
  CHECK(used(r) == 0);
  ExFreePool(a.result);
  /* Nor is the system. */
  exalloc_requestor_enter(exalloc_requestor_system());
  a.bytes = 100;
  CHECK(raised_by(allocate, &a) == STATUS_SUCCESS && a.result != NULL);
  ExFreePool(a.result);
  exalloc_requestor_enter(NULL);
  CHECK(exalloc_requestor_destroy(r) == 0);
}

const row quota_rows[] = {
    {"ExAllocatePoolWithQuota", "charges the rounded block, released at the free", quota_charges},
    {"ExAllocatePoolWithQuotaTag", "over quota raises STATUS_QUOTA_EXCEEDED, or NULL with 8",
     quota_exceeded},
    {"ExAllocatePoolWithQuotaTag", "shortage raises STATUS_INSUFFICIENT_RESOURCES, or NULL with 8",
     quota_shortage},
    {"ExAllocatePoolWithQuotaTag", "the system, and a page or more, are never charged",
     quota_exempt},
    {NULL, NULL, NULL}};
