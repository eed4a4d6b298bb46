// What producer and consumer agree on with the host: a block's first 8 bytes tell who filled it
// with what, so that a block that two owners use at once is noticed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "exalloc/kernel.hpp"

namespace exalloc::sim {

inline std::uint64_t pattern_of(kernel::token t, std::uint32_t number) {
  return std::uint64_t{number} << 32 | t;
}

// Blocks go from thread to thread with a token in a queue, which orders their contents; atomic
// accesses keep a faulty allocator from being undefined behaviour on top.
inline void write_pattern(std::byte* block, std::uint64_t value) {
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(block)).store(value, std::memory_order_relaxed);
}
inline std::uint64_t read_pattern(std::byte* block) {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(block)).load(std::memory_order_relaxed);
}

}  // namespace exalloc::sim
