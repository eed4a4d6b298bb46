// What the tag counters tell; tag_counters.hpp counts.
#pragma once

#include <cstdint>
#include <vector>

#include "pool/pool_header.hpp"

namespace exalloc {

struct tag_usage {
  std::uint32_t tag = 0;  // tag_overflow: all tags that found no slot of their own
  pool_kind kind = pool_kind::nonpaged;
  std::uint64_t allocations = 0, frees = 0;
  std::uint64_t bytes = 0;  // of the blocks in use, headers included
};

// No tag that a caller may use, as it has neither letter nor digit.
inline constexpr std::uint32_t tag_overflow = 0x2E2E'2E2E;

// All tags that were ever used, a row for each kind that was; by tag. Exact when no thread is in a
// call.
std::vector<tag_usage> tag_usages();

}  // namespace exalloc
