// What the host's own code costs in simulated time: the constants and the formula.
//
// A simulated card knows how long it takes itself; the processor that runs the library is not
// simulated. Its time is charged by what the library counted during a call, at the figures below.
// docs/replay.md repeats them with their sources: change both. Those of lines are what `exalloc
// bench lines` measures.
#pragma once

#include <cstdint>

#include "exalloc/stats.hpp"

namespace exalloc::replay {

struct cost_model {
  // A call that the magazine serves: an index, a slot, the state byte. An unshared LIFO pair was
  // measured at 1.09 ns; the state byte's cache line is the rest.
  std::uint64_t fast_allocation_ns = 2;
  std::uint64_t fast_free_ns = 2;
  // A call that leaves the fast path: branches mispredicted, the list's lock, tokens translated.
  std::uint64_t slow_allocation_ns = 30;
  std::uint64_t slow_free_ns = 30;
  // A submission line: 64 bytes stored into memory that the card last read.
  std::uint64_t line_written_ns = 15;
  // A completion line that has been there for a while: the processor has looked ahead in the ring.
  std::uint64_t line_read_ns = 15;
  // The first one after waiting, besides that: it comes from the cache of whoever wrote it.
  std::uint64_t waited_line_ns = 85;
  // A doorbell: a mutex that nobody holds and a posted uncached store.
  std::uint64_t doorbell_ns = 50;
  // A register read goes over PCIe and back: 0.8 to 1.6 us.
  std::uint64_t register_read_ns = 1200;
};

// Simulated ns of the calls between two looks at a processor's counts.
constexpr std::uint64_t host_cost_ns(const cost_model& model, const processor_stats& before,
                                     const processor_stats& after) {
  return (after.fast_allocations - before.fast_allocations) * model.fast_allocation_ns +
         (after.fast_frees - before.fast_frees) * model.fast_free_ns +
         (after.slow_allocations - before.slow_allocations) * model.slow_allocation_ns +
         (after.slow_frees - before.slow_frees) * model.slow_free_ns +
         (after.lines_submitted - before.lines_submitted) * model.line_written_ns +
         (after.lines_consumed - before.lines_consumed) * model.line_read_ns +
         (after.doorbells - before.doorbells) * model.doorbell_ns +
         (after.register_reads - before.register_reads) * model.register_read_ns +
         (after.waits - before.waits) * model.waited_line_ns + (after.waited_ns - before.waited_ns);
}

}  // namespace exalloc::replay
