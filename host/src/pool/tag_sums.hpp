// What the tag counters of a status page add up to.
#pragma once

#include <algorithm>
#include <array>

#include "pool/tag_table.hpp"
#include "status/status_layout.hpp"

namespace exalloc {

// Tells a row for each tag and kind that was ever used, in no order; tag_overflow is all tags that
// found no slot. Takes no lock and no memory, so that it works in a bug check and on another
// process's page. Exact when no thread is in a call.
template <class Tell>
void each_tag_usage(const status::page& page, Tell&& tell) {
  for (std::size_t slot = 0; slot < status::tag_slots; ++slot) {
    const std::uint32_t tag = page.tags.tag[slot].load(std::memory_order_acquire);
    if (tag == 0) continue;
    for (std::size_t kind = 0; kind < pool_kinds; ++kind) {
      const auto sum = [&](std::array<status::count, 2> status::tag_counts::*field) {
        std::uint64_t total = 0;
        for (std::size_t w = 0; w < status::writers; ++w) {
          // Reading what was never written to would take shared memory.
          if (page.prepared[w].load(std::memory_order_acquire) == 0) continue;
          total += (page.counts[w][slot].*field)[kind].load(std::memory_order_acquire);
        }
        return total;
      };
      // What is freed is read first, so that nothing is seen freed that was not seen allocated.
      const std::uint64_t freed_bytes = sum(&status::tag_counts::freed_bytes);
      const std::uint64_t frees = sum(&status::tag_counts::frees);
      const std::uint64_t allocations = sum(&status::tag_counts::allocations);
      const std::uint64_t bytes = sum(&status::tag_counts::allocated_bytes);
      if (allocations == 0 && frees == 0) continue;
      tell(tag_usage{tag, static_cast<pool_kind>(kind), allocations, frees,
                     bytes - std::min(bytes, freed_bytes)});
    }
  }
}

}  // namespace exalloc
