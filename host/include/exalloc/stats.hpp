// What the library counted: for replay, benchmarks and tests.
#pragma once

#include <cstdint>

#include "exalloc/card.hpp"
#include "exalloc/export.h"

namespace exalloc {

// Counts of one processor since it was made. Every count only grows.
struct processor_stats {
  std::uint64_t fast_allocations = 0;  // served by the magazine alone
  std::uint64_t fast_frees = 0;
  std::uint64_t slow_allocations = 0;  // needed a ring, the card or the list's lock
  std::uint64_t slow_frees = 0;
  std::uint64_t lines_submitted = 0;  // ring lines written
  std::uint64_t lines_consumed = 0;   // ring lines read
  std::uint64_t doorbells = 0;        // register writes on behalf of this processor
  std::uint64_t register_reads = 0;
  std::uint64_t waits = 0;      // times a caller waited for the card
  std::uint64_t waited_ns = 0;  // card time that passed in those waits
  std::uint64_t passed_on = 0;  // blocks that came from other processors past the card
};

// Counts of the whole library since the card was opened.
struct library_stats {
  std::uint64_t recalls = 0;          // times a list was recalled from all processors
  std::uint64_t recalled_blocks = 0;  // blocks taken from magazines by them
  std::uint64_t scarce_entries = 0;   // times a list went into scarce mode
  std::uint64_t errors = 0;           // errors reported
};

// The calling thread's current processor.
EXALLOC_API processor_stats current_processor_stats();
EXALLOC_API library_stats current_library_stats();
// The open card; opens it if need be. Throws std::runtime_error as open_card does.
EXALLOC_API card& current_card();

}  // namespace exalloc
