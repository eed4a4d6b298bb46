// Allocations, frees and bytes by tag: counters per processor, in the status page.
#pragma once

#include <cstdint>
#include <vector>

#include "pool/pool_header.hpp"

namespace exalloc {

struct tag_usage {
  std::uint32_t tag = 0;
  pool_kind kind = pool_kind::nonpaged;
  std::uint64_t allocations = 0, frees = 0;
  std::uint64_t bytes = 0;  // in use
};

// Counts on behalf of the calling thread's processor, without a lock or an atomic read-modify-write
// unless it has none of its own.
void count_allocation(pool_kind kind, std::uint32_t tag, std::size_t bytes) noexcept;
void count_free(pool_kind kind, std::uint32_t tag, std::size_t bytes) noexcept;

// All tags that were ever used, a row for each kind; by tag. Exact when no thread is in a call.
std::vector<tag_usage> tag_usages();

}  // namespace exalloc
