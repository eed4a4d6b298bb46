/* Zones. */
#include <string.h>

#include "check.h"

#define BLOCK 40u
#define BLOCKS 300u
#define SEGMENT (16u + BLOCK * BLOCKS)

static ZONE_HEADER zone;
static uint64_t first_segment[(SEGMENT + 64) / 8], second_segment[(SEGMENT + 64) / 8];
static void* blocks[2 * BLOCKS];

static void make_zone(void) {
  CHECK(ExInitializeZone(&zone, BLOCK, first_segment, SEGMENT) == STATUS_SUCCESS);
}

static unsigned allocate_all(void) {
  unsigned n = 0;
  while (n < 2 * BLOCKS && (blocks[n] = ExAllocateFromZone(&zone)) != NULL) ++n;
  return n;
}

static int block_index(const void* p, const void* segment) {
  const size_t offset = (size_t)((const char*)p - (const char*)segment);
  if (offset < 16 || offset >= SEGMENT || (offset - 16) % BLOCK != 0) return -1;
  return (int)((offset - 16) / BLOCK);
}

static void initialize_refuses(void) {
  ZONE_HEADER z;
  char* base = (char*)first_segment;
  CHECK(ExInitializeZone(&z, 0, base, SEGMENT) == STATUS_UNSUCCESSFUL);
  CHECK(ExInitializeZone(&z, 12, base, SEGMENT) == STATUS_UNSUCCESSFUL);
  CHECK(ExInitializeZone(&z, 16, base + 4, SEGMENT) == STATUS_UNSUCCESSFUL);
  CHECK(ExInitializeZone(&z, 64, base, 56) == STATUS_UNSUCCESSFUL);
  CHECK(ExInitializeZone(&z, 16, NULL, SEGMENT) == STATUS_UNSUCCESSFUL);
}

static void initialize_carves(void) {
  unsigned n, i, seen[BLOCKS];
  memset(seen, 0, sizeof seen);
  /* 30 bytes are no whole block. */
  CHECK(ExInitializeZone(&zone, BLOCK, first_segment, SEGMENT + 30) == STATUS_SUCCESS);
  CHECK(zone.BlockSize == BLOCK);
  CHECK(zone.TotalSegmentSize == SEGMENT);
  CHECK(zone.SegmentList.Next == (PSINGLE_LIST_ENTRY)first_segment);
  n = allocate_all();
  CHECK(n == BLOCKS);
  for (i = 0; i < n; ++i) {
    const int index = block_index(blocks[i], first_segment);
    CHECK(index >= 0 && seen[index]++ == 0);
  }
  CHECK(errors_told == 0);
}

static void initialize_again_retires(void) {
  make_zone();
  CHECK(allocate_all() == BLOCKS);
  make_zone();
  CHECK(allocate_all() == BLOCKS);
  CHECK(errors_told == 0);
}

static void free_block_contents_stay(void) {
  unsigned i;
  make_zone();
  CHECK(allocate_all() == BLOCKS);
  for (i = 0; i < BLOCKS; ++i) {
    memset(blocks[i], (int)i, BLOCK);
    ExFreeToZone(&zone, blocks[i]);
  }
  for (i = 0; i < BLOCKS; ++i) {
    const unsigned char* p = (const unsigned char*)blocks[i];
    CHECK(p[0] == (unsigned char)i && p[BLOCK - 1] == (unsigned char)i);
  }
}

static void extend_adds(void) {
  unsigned n, i, from_second = 0;
  make_zone();
  CHECK(ExExtendZone(&zone, second_segment, 7) == STATUS_UNSUCCESSFUL);
  CHECK(ExExtendZone(&zone, (char*)second_segment + 4, SEGMENT) == STATUS_UNSUCCESSFUL);
  CHECK(zone.TotalSegmentSize == SEGMENT);
  CHECK(ExExtendZone(&zone, second_segment, SEGMENT) == STATUS_SUCCESS);
  CHECK(zone.TotalSegmentSize == 2 * SEGMENT);
  CHECK(zone.SegmentList.Next == (PSINGLE_LIST_ENTRY)second_segment);
  CHECK(zone.SegmentList.Next->Next == (PSINGLE_LIST_ENTRY)first_segment);
  n = allocate_all();
  CHECK(n == 2 * BLOCKS);
  for (i = 0; i < n; ++i) from_second += block_index(blocks[i], second_segment) >= 0;
  CHECK(from_second == BLOCKS);
}

static void interlocked_extend_adds(void) {
  KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  make_zone();
  CHECK(ExInterlockedExtendZone(&zone, second_segment, 7, &lock) == STATUS_UNSUCCESSFUL);
  CHECK(ExInterlockedExtendZone(&zone, second_segment, SEGMENT, &lock) == STATUS_SUCCESS);
  CHECK(lock == 0);
  CHECK(allocate_all() == 2 * BLOCKS);
}

static void free_all_in_thread(void* unused) {
  unsigned i;
  (void)unused;
  for (i = 0; i < BLOCKS; ++i) ExFreeToZone(&zone, blocks[i]);
}

static void null_only_when_none_is_free(void) {
  make_zone();
  CHECK(allocate_all() == BLOCKS);
  CHECK(ExAllocateFromZone(&zone) == NULL);
  /* Whichever thread freed it. */
  in_thread(free_all_in_thread, NULL);
  CHECK(allocate_all() == BLOCKS);
  CHECK(errors_told == 0);
}

static void interlocked_allocates(void) {
  KSPIN_LOCK lock;
  unsigned n = 0;
  void* first;
  KeInitializeSpinLock(&lock);
  make_zone();
  while ((blocks[n] = ExInterlockedAllocateFromZone(&zone, &lock)) != NULL) ++n;
  CHECK(n == BLOCKS);
  first = blocks[0];
  CHECK(ExInterlockedFreeToZone(&zone, first, &lock) == NULL);
  CHECK(ExInterlockedFreeToZone(&zone, blocks[1], &lock) != NULL);
  CHECK(lock == 0);
}

static void free_returns_previous_head(void) {
  make_zone();
  CHECK(allocate_all() == BLOCKS);
  CHECK(ExFreeToZone(&zone, blocks[5]) == NULL);
  CHECK(ExFreeToZone(&zone, blocks[6]) == blocks[5]);
  CHECK(ExFreeToZone(&zone, blocks[7]) == blocks[6]);
  /* The head is what the next allocation gives. */
  CHECK(ExAllocateFromZone(&zone) == blocks[7]);
  CHECK(errors_told == 0);
}

static void free_refuses(void) {
  unsigned i, n;
  make_zone();
  n = allocate_all();
  ExFreeToZone(&zone, blocks[0]);
  ExFreeToZone(&zone, blocks[0]);
  CHECK(errors_told == 1 && strcmp(last_cause, "double_free") == 0);
  ExFreeToZone(&zone, (char*)blocks[1] + 8);
  CHECK(errors_told == 2 && strcmp(last_cause, "range") == 0);
  ExFreeToZone(&zone, &zone);
  CHECK(errors_told == 3 && strcmp(last_cause, "foreign") == 0);
  for (i = 1; i < n; ++i) ExFreeToZone(&zone, blocks[i]);
  CHECK(allocate_all() == BLOCKS);
  CHECK(errors_told == 3);
}

static void full_exactly(void) {
  make_zone();
  CHECK(ExIsFullZone(&zone) == FALSE);
  CHECK(allocate_all() == BLOCKS);
  CHECK(ExIsFullZone(&zone) == TRUE);
  ExFreeToZone(&zone, blocks[0]);
  CHECK(ExIsFullZone(&zone) == FALSE);
}

static void first_segment_after_extend(void) {
  unsigned n, i;
  make_zone();
  CHECK(ExExtendZone(&zone, second_segment, SEGMENT) == STATUS_SUCCESS);
  n = allocate_all();
  for (i = 0; i < n; ++i)
    CHECK(ExIsObjectInFirstZoneSegment(&zone, blocks[i]) ==
          (block_index(blocks[i], first_segment) >= 0));
  CHECK(ExIsObjectInFirstZoneSegment(&zone, &zone) == FALSE);
  exalloc_zone_delete(&zone);
}

const row zone_rows[] = {
    {"ExInitializeZone", "refuses sizes and addresses that D98 refuses", initialize_refuses},
    {"ExInitializeZone", "header of 16 bytes, whole blocks, TotalSegmentSize is what was carved",
     initialize_carves},
    {"ExInitializeZone", "again on a live header retires the old zone", initialize_again_retires},
    {"ExInitializeZone", "the contents of free blocks are never touched", free_block_contents_stay},
    {"ExExtendZone", "the same checks; the new segment goes to the head of SegmentList",
     extend_adds},
    {"ExInterlockedExtendZone", "the same under the lock", interlocked_extend_adds},
    {"ExAllocateFromZone", "NULL if and only if none is free, whichever thread freed it",
     null_only_when_none_is_free},
    {"ExInterlockedAllocateFromZone", "the same under the lock, which is free afterwards",
     interlocked_allocates},
    {"ExFreeToZone", "returns the previous head, NULL exactly when no block was free",
     free_returns_previous_head},
    {"ExFreeToZone", "what is no allocated block is refused, reported, and changes nothing",
     free_refuses},
    {"ExInterlockedFreeToZone", "the same under the lock", interlocked_allocates},
    {"ExIsFullZone", "TRUE if and only if every block is allocated", full_exactly},
    {"ExIsObjectInFirstZoneSegment", "right after an extension too", first_segment_after_extend},
    {NULL, NULL, NULL}};
