/* Lookaside lists, of both pool types and the newer form. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define LOOKASIDE_TAG TAG4('C', 'o', 'n', 'f')

static unsigned allocated, freed;
static POOL_TYPE last_type;
static SIZE_T last_size;
static ULONG last_tag;
static int give_null;

static PVOID own_allocate(POOL_TYPE type, SIZE_T size, ULONG tag) {
  last_type = type;
  last_size = size;
  last_tag = tag;
  if (give_null) return NULL;
  ++allocated;
  return malloc(size);
}
static VOID own_free(PVOID entry) {
  ++freed;
  free(entry);
}

static NPAGED_LOOKASIDE_LIST np;
static PAGED_LOOKASIDE_LIST pg;

static void own_list(ULONG flags) {
  allocated = freed = 0;
  ExInitializeNPagedLookasideList(&np, own_allocate, own_free, flags, 48, LOOKASIDE_TAG, 77);
}

static void initialize_fields(void) {
  own_list(POOL_NX_ALLOCATION);
  CHECK(np.L.Depth == 4 && np.L.MaximumDepth == 256);
  CHECK((ULONG)np.L.Type == (NonPagedPool | POOL_NX_ALLOCATION));
  CHECK(np.L.TotalAllocates == 0 && np.L.AllocateMisses == 0 && np.L.TotalFrees == 0 &&
        np.L.FreeMisses == 0);
  CHECK(np.L.Size == 48 && np.L.Tag == LOOKASIDE_TAG);
  CHECK(np.L.Allocate == own_allocate && np.L.Free == own_free);
  CHECK(allocated == 0);
  ExDeleteNPagedLookasideList(&np);
  ExInitializePagedLookasideList(&pg, own_allocate, own_free, 0, 1, LOOKASIDE_TAG, 0);
  CHECK(pg.L.Type == PagedPool && pg.L.Size == sizeof(void*));
  ExDeletePagedLookasideList(&pg);
}

static void initialize_defaults(void) {
  void* e;
  ExInitializePagedLookasideList(&pg, NULL, NULL, 0, 100, LOOKASIDE_TAG, 0);
  CHECK(pg.L.Allocate == ExAllocatePoolWithTag && pg.L.Free == ExFreePool);
  e = ExAllocateFromPagedLookasideList(&pg);
  CHECK(e != NULL);
  memset(e, 1, 100);
  ExFreeToPagedLookasideList(&pg, e);
  ExDeletePagedLookasideList(&pg);
  CHECK(errors_told == 0);
}

static void nt4_depth(void) {
  void* e[20];
  int i;
  exalloc_lookaside_nt4(1);
  own_list(0);
  exalloc_lookaside_nt4(0);
  CHECK(np.L.Depth == 77 && np.L.MaximumDepth == 77);
  ExDeleteNPagedLookasideList(&np);
  exalloc_lookaside_nt4(1);
  allocated = freed = 0;
  ExInitializeNPagedLookasideList(&np, own_allocate, own_free, 0, 48, LOOKASIDE_TAG, 10);
  exalloc_lookaside_nt4(0);
  for (i = 0; i < 20; ++i) e[i] = ExAllocateFromNPagedLookasideList(&np);
  for (i = 0; i < 20; ++i) ExFreeToNPagedLookasideList(&np, e[i]);
  CHECK(freed == 10 && np.L.FreeMisses == 10);
  ExDeleteNPagedLookasideList(&np);
  CHECK(freed == 20);
}

static void allocate_is_lifo(void) {
  void *a, *b, *c;
  own_list(0);
  a = ExAllocateFromNPagedLookasideList(&np);
  b = ExAllocateFromNPagedLookasideList(&np);
  CHECK(np.L.TotalAllocates == 2 && np.L.AllocateMisses == 2 && allocated == 2);
  CHECK(last_type == NonPagedPool && last_size == 48 && last_tag == LOOKASIDE_TAG);
  ExFreeToNPagedLookasideList(&np, a);
  ExFreeToNPagedLookasideList(&np, b);
  CHECK(ExAllocateFromNPagedLookasideList(&np) == b);
  CHECK(ExAllocateFromNPagedLookasideList(&np) == a);
  CHECK(np.L.TotalAllocates == 4 && np.L.AllocateMisses == 2 && allocated == 2);
  give_null = 1;
  c = ExAllocateFromNPagedLookasideList(&np);
  give_null = 0;
  CHECK(c == NULL && np.L.TotalAllocates == 5 && np.L.AllocateMisses == 3);
  ExFreeToNPagedLookasideList(&np, a);
  ExFreeToNPagedLookasideList(&np, b);
  ExDeleteNPagedLookasideList(&np);
}

static void free_keeps_depth(void) {
  void* e[10];
  int i;
  own_list(0);
  for (i = 0; i < 10; ++i) e[i] = ExAllocateFromNPagedLookasideList(&np);
  for (i = 0; i < 10; ++i) {
    memset(e[i], i, 48);
    ExFreeToNPagedLookasideList(&np, e[i]);
    CHECK(np.L.TotalFrees == (ULONG)i + 1);
    /* Depth may have grown meanwhile, but starts with 4. */
    CHECK(np.L.FreeMisses == freed);
    CHECK((ULONG)i + 1 - freed <= np.L.Depth);
  }
  /* The contents of an entry are left alone. */
  for (i = 0; i < 4; ++i) CHECK(((unsigned char*)e[i])[47] == i);
  ExDeleteNPagedLookasideList(&np);
  CHECK(freed == 10);
}

static void delete_frees_what_is_held(void) {
  void *a, *b;
  own_list(0);
  a = ExAllocateFromNPagedLookasideList(&np);
  b = ExAllocateFromNPagedLookasideList(&np);
  ExFreeToNPagedLookasideList(&np, a);
  ExDeleteNPagedLookasideList(&np);
  /* b is still out, and not tracked. */
  CHECK(allocated == 2 && freed == 1);
  free(b);
}

static void paged_forms(void) {
  void* e;
  allocated = freed = 0;
  ExInitializePagedLookasideList(&pg, own_allocate, own_free, 0, 48, LOOKASIDE_TAG, 0);
  e = ExAllocateFromPagedLookasideList(&pg);
  CHECK(last_type == PagedPool);
  ExFreeToPagedLookasideList(&pg, e);
  CHECK(ExAllocateFromPagedLookasideList(&pg) == e);
  ExFreeToPagedLookasideList(&pg, e);
  CHECK(pg.L.TotalAllocates == 2 && pg.L.TotalFrees == 2 && freed == 0);
  ExDeletePagedLookasideList(&pg);
  CHECK(freed == 1);
}

static void allocate_np(void* list) {
  ExAllocateFromNPagedLookasideList((PNPAGED_LOOKASIDE_LIST)list);
}

static void flags_raise(void) {
  /* No pool has so much. */
  ExInitializeNPagedLookasideList(&np, NULL, NULL,
                                  POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE,
                                  (SIZE_T)0xF0000000u, LOOKASIDE_TAG, 0);
  CHECK(exalloc_pool_set_limit(NonPagedPool, (uint64_t)64 << 20) == 0);
  CHECK(raised_by(allocate_np, &np) == STATUS_INSUFFICIENT_RESOURCES);
  CHECK(exalloc_pool_set_limit(NonPagedPool, EXALLOC_UNLIMITED) == 0);
  ExDeleteNPagedLookasideList(&np);
}

static PLOOKASIDE_LIST_EX told_list;
static PVOID ex_allocate(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list) {
  told_list = list;
  return own_allocate(type, size, tag);
}
static VOID ex_free(PVOID entry, PLOOKASIDE_LIST_EX list) {
  told_list = list;
  own_free(entry);
}

static void ex_form(void) {
  LOOKASIDE_LIST_EX ex;
  void* e;
  allocated = freed = 0;
  CHECK(ExInitializeLookasideListEx(&ex, ex_allocate, ex_free, PagedPool, 0, 48, LOOKASIDE_TAG,
                                    0) == STATUS_SUCCESS);
  told_list = NULL;
  e = ExAllocateFromLookasideListEx(&ex);
  CHECK(told_list == &ex && allocated == 1);
  ExFreeToLookasideListEx(&ex, e);
  CHECK(freed == 0);
  ExFlushLookasideListEx(&ex);
  CHECK(freed == 1);
  e = ExAllocateFromLookasideListEx(&ex);
  CHECK(allocated == 2);
  ExFreeToLookasideListEx(&ex, e);
  ExDeleteLookasideListEx(&ex);
  CHECK(freed == 2);
  CHECK(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, 8, 48, LOOKASIDE_TAG, 0) ==
        STATUS_INVALID_PARAMETER_5);
}

const row lookaside_rows[] = {
    {"ExInitializeNPagedLookasideList",
     "Depth 4, MaximumDepth 256, Type or'ed with Flags, counters 0, nothing preallocated",
     initialize_fields},
    {"ExInitializePagedLookasideList", "Size is at least a pointer's; Type is PagedPool",
     initialize_fields},
    {"ExInitializePagedLookasideList", "NULL callbacks are ExAllocatePoolWithTag and ExFreePool",
     initialize_defaults},
    {"ExInitializeNPagedLookasideList", "with the NT4 switch the caller's Depth is the limit",
     nt4_depth},
    {"ExInitializeNPagedLookasideList", "Flags 16: the default allocator raises", flags_raise},
    {"ExAllocateFromNPagedLookasideList",
     "TotalAllocates; the entry freed last; else AllocateMisses and Allocate(Type, Size, Tag)",
     allocate_is_lifo},
    {"ExAllocateFromPagedLookasideList", "the same for paged pool", paged_forms},
    {"ExFreeToNPagedLookasideList",
     "TotalFrees; beyond Depth FreeMisses and Free(E); contents are left alone", free_keeps_depth},
    {"ExFreeToPagedLookasideList", "the same for paged pool", paged_forms},
    {"ExDeleteNPagedLookasideList", "every cached entry goes to Free, those that are out do not",
     delete_frees_what_is_held},
    {"ExDeletePagedLookasideList", "the same for paged pool", paged_forms},
    {"ExInitializeLookasideListEx", "callbacks are told the list; flush; wrong flags are refused",
     ex_form},
    {NULL, NULL, NULL}};
