/* A lookaside list in front of the pool, and what it counts. */
#include <exalloc/exalloc.h>
#include <exalloc/wdm.h>
#include <stdio.h>

#define REQUEST_TAG ((ULONG)'R' | (ULONG)'e' << 8 | (ULONG)'q' << 16 | (ULONG)'s' << 24)

typedef struct request {
  int opcode;
  char payload[200];
} request;

int main(void) {
  NPAGED_LOOKASIDE_LIST list;
  int i;
  ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, sizeof(request), REQUEST_TAG, 0);
  for (i = 0; i < 1000; ++i) {
    request* r = (request*)ExAllocateFromNPagedLookasideList(&list);
    if (r == NULL) return 1;
    r->opcode = i;
    ExFreeToNPagedLookasideList(&list, r);
  }
  /* One miss: from then on the entry comes back from the list. */
  printf("%u allocations, %u misses, depth %u\n", (unsigned)list.L.TotalAllocates,
         (unsigned)list.L.AllocateMisses, (unsigned)list.L.Depth);
  i = list.L.TotalAllocates == 1000 && list.L.AllocateMisses == 1;
  ExDeleteNPagedLookasideList(&list);
  return i ? 0 : 1;
}
