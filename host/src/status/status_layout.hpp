// The shared-memory page of a process that `exalloc top` and its like read: layout only.
//
// It is one file of shared memory, /dev/shm/exalloc-PID, readable and writable by its owner alone.
// Readers of another build notice by `version`. All numbers are written with relaxed atomics and
// may run behind each other by a call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace exalloc::status {

inline constexpr std::uint64_t magic =
    0x0173'636F'6C6C'6178;  // "xalloc" and a version of this word
inline constexpr std::uint32_t version = 2;
inline constexpr std::size_t tag_slots = 2048;  // the last one: all tags that found no slot
inline constexpr std::size_t writers = 65;  // a processor each (its portal), the last one shared
inline constexpr std::size_t lookaside_rows = 1024;
inline constexpr std::size_t zone_rows = 1024;

using count = std::atomic<std::uint64_t>;

// By pool kind: nonpaged, paged.
struct tag_counts {
  std::array<count, 2> allocations, frees, allocated_bytes, freed_bytes;
};

struct tag_names {
  // A tag never leaves its slot. 0: nobody's yet.
  std::array<std::atomic<std::uint32_t>, tag_slots> tag;
};

// Filled when a reader asks for it, see `asked`.
struct lookaside_row {
  std::uint64_t address;  // of the caller's fields
  std::uint32_t tag, type, size, depth, maximum_depth;
  std::uint32_t allocates, allocate_misses, frees, free_misses;
  std::uint32_t list;  // its number on the card; UINT32_MAX: in the host
};
struct zone_row {
  std::uint64_t address;  // of the caller's header
  std::uint64_t blocks, in_use, quarantined;
  std::uint32_t block_size, segments, list;
  std::uint32_t mode;  // 1: scarce; 2: the card is lost
};
struct pool_row {
  std::uint64_t held, locked, limit, reserve, big_blocks, big_pages;
};
struct card_row {
  std::array<char, 16> name;
  std::uint32_t lists, lists_used, slabs, slabs_used, lookasides, lookasides_used, portals,
      portals_used;
  std::uint64_t recalls, recalled_blocks, scarce_entries, errors;
  std::array<std::uint64_t, 32> counters;  // of the card, in the order of regs/exalloc.json
  std::uint32_t counters_used, reserved;
};

struct page {
  std::uint64_t magic;
  std::uint32_t version, bytes;    // sizeof(page)
  std::uint64_t process, started;  // PID, and its start time (field 22 of /proc/PID/stat)
  std::array<char, 64> program;

  // A reader adds 1 to `asked` and wakes it (futex); the process fills in the rows and then sets
  // `answered` to what it saw.
  std::atomic<std::uint32_t> asked, answered;
  // Odd while rows are being written.
  std::atomic<std::uint32_t> sequence;
  std::uint32_t lookasides, zones;  // rows in use
  std::uint32_t lookasides_left_out, zones_left_out;
  card_row card;
  std::array<pool_row, 2> pool;
  std::array<lookaside_row, lookaside_rows> lookaside;
  std::array<zone_row, zone_rows> zone;

  tag_names tags;
  // Whether counts[writer] is in use; else it is not even to be read, as that takes memory.
  std::array<std::atomic<std::uint8_t>, writers> prepared;
  // Whole pages of memory for each writer. Bytes in use: allocated_bytes - freed_bytes of all
  // writers together.
  alignas(4096) std::array<std::array<tag_counts, tag_slots>, writers> counts;
};
static_assert(sizeof(page::counts) / writers % 4096 == 0);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace exalloc::status
