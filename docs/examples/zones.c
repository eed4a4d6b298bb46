/* Packets from a zone: carve, allocate, free, extend, retire. */
#include <exalloc/exalloc.h>
#include <exalloc/wdm.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct packet {
  LIST_ENTRY links;
  int number;
} packet;

enum { segment_bytes = 16 + 100 * sizeof(packet) };

int main(void) {
  ZONE_HEADER zone;
  KSPIN_LOCK lock;
  LIST_ENTRY queue;
  void* segments[2];
  int sent = 0, extended = 0;
  if (exalloc_card_name() == NULL) {
    fprintf(stderr, "%s\n", exalloc_last_error());
    return 1;
  }
  segments[0] = malloc(segment_bytes);
  segments[1] = malloc(segment_bytes);
  KeInitializeSpinLock(&lock);
  InitializeListHead(&queue);
  if (!NT_SUCCESS(ExInitializeZone(&zone, sizeof(packet), segments[0], segment_bytes))) {
    fprintf(stderr, "no zone: %s\n", exalloc_last_error());
    return 1;
  }
  while (sent < 150) {
    packet* p = (packet*)ExInterlockedAllocateFromZone(&zone, &lock);
    if (p == NULL) {
      /* Exactly when no packet is free anywhere. */
      if (!NT_SUCCESS(ExInterlockedExtendZone(&zone, segments[1], segment_bytes, &lock))) return 1;
      ++extended;
      continue;
    }
    p->number = sent++;
    InsertTailList(&queue, &p->links);
  }
  while (!IsListEmpty(&queue)) {
    packet* p = CONTAINING_RECORD(RemoveHeadList(&queue), packet, links);
    ExInterlockedFreeToZone(&zone, p, &lock);
  }
  printf("%s: %d packets, extended %d time, full: %d\n", exalloc_card_name(), sent, extended,
         ExIsFullZone(&zone));
  exalloc_zone_delete(&zone); /* NT has no such call: it gives the card's list back */
  free(segments[0]);
  free(segments[1]);
  return sent == 150 && extended == 1 ? 0 : 1;
}
