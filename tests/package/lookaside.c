/* A program of the installed package, in C: a lookaside list with callbacks of its own. */
#include <exalloc/exalloc.h>
#include <exalloc/wdm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned allocated, freed;

static PVOID allocate(POOL_TYPE type, SIZE_T size, ULONG tag) {
  if ((type & 1) != PagedPool || size != 48 || tag != 'koLA') return NULL;
  ++allocated;
  return malloc(size);
}

static VOID release(PVOID entry) {
  ++freed;
  free(entry);
}

int main(int argc, char** argv) {
  const char* card = argc > 1 ? argv[1] : "soft";
  if (exalloc_set_card(card) != 0) {
    fprintf(stderr, "%s\n", exalloc_last_error());
    return 1;
  }
  static PAGED_LOOKASIDE_LIST list;
  ExInitializePagedLookasideList(&list, allocate, release, POOL_NX_ALLOCATION, 48, 'koLA', 0);
  if (list.L.Depth != 4 || list.L.MaximumDepth != 256 || list.L.Size != 48) return 2;
  void* entries[6];
  for (int i = 0; i < 6; ++i) {
    if ((entries[i] = ExAllocateFromPagedLookasideList(&list)) == NULL) return 3;
    memset(entries[i], i, 48);
  }
  for (int i = 0; i < 6; ++i) ExFreeToPagedLookasideList(&list, entries[i]);
  if (freed != 2 || list.L.FreeMisses != 2) return 4;
  if (ExAllocateFromPagedLookasideList(&list) != entries[3]) return 5;
  if (list.L.TotalAllocates != 7 || list.L.AllocateMisses != 6 || list.L.TotalFrees != 6) return 6;
  ExFreeToPagedLookasideList(&list, entries[3]);
  ExDeletePagedLookasideList(&list);
  printf("%s: %u entries allocated, %u freed\n", exalloc_card_name(), allocated, freed);
  return freed != allocated;
}
