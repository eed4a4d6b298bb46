/* A program of the installed package, in C: a zone from one end to the other. */
#include <exalloc/exalloc.h>
#include <exalloc/wdm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  const char* card = argc > 1 ? argv[1] : "soft";
  if (exalloc_set_card(card) != 0) {
    fprintf(stderr, "%s\n", exalloc_last_error());
    return 1;
  }
  enum { size = 4096 };
  static _Alignas(16) unsigned char segment[size];
  ZONE_HEADER zone;
  if (!NT_SUCCESS(ExInitializeZone(&zone, 64, segment, size))) return 2;
  void* blocks[size / 64];
  unsigned n = 0;
  while ((blocks[n] = ExAllocateFromZone(&zone)) != NULL) memset(blocks[n++], 0x5A, 64);
  if (n != (size - sizeof(ZONE_SEGMENT_HEADER)) / 64 || !ExIsFullZone(&zone)) return 3;
  if (ExFreeToZone(&zone, blocks[0]) != NULL) return 4;
  for (unsigned i = 1; i < n; ++i) {
    if (ExFreeToZone(&zone, blocks[i]) == NULL) return 5;
  }
  void* pool = ExAllocatePoolWithTag(NonPagedPool, 100, 'tseT');
  if (pool == NULL) return 6;
  ExFreePool(pool);
  exalloc_zone_delete(&zone);
  printf("%s: %u blocks\n", exalloc_card_name(), n);
  return strcmp(exalloc_card_name(), card) != 0;
}
