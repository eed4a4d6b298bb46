// What a kernel on the card needs to use blocks of a zone: where a token's block lies.
//
// Plain C++14 without a library behind it, so that HLS compilers read it too. The host fills the
// segments with exalloc_zone_segments (exalloc/stream.h) and passes them to the kernel; tokens come
// and go through the kernel's stream port. docs/streams.md shows how to connect one.
#pragma once

#include <cstdint>

namespace exalloc {
namespace kernel {

// The name of a block; 0 names none.
typedef std::uint32_t token;

// The same bytes as exalloc_segment: block i has token first_token + i and lies block_size * i
// bytes behind device_address.
struct segment {
  std::uint64_t device_address;
  std::uint32_t first_token;
  std::uint32_t blocks;
  std::uint32_t block_size;
  std::uint32_t reserved;
};

// Whether the token's block lies in the segment.
inline bool holds(const segment& s, token t) { return t - s.first_token < s.blocks; }

// Device address of the token's block, which lies in the segment.
inline std::uint64_t address_in(const segment& s, token t) {
  return s.device_address + static_cast<std::uint64_t>(t - s.first_token) * s.block_size;
}

// Device address of the token's block, 0 if no segment holds it: a zone has grown since the kernel
// was told of its segments.
inline std::uint64_t address(const segment* segments, unsigned count, token t) {
  std::uint64_t found = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (holds(segments[i], t)) found = address_in(segments[i], t);
  }
  return found;
}

}  // namespace kernel
}  // namespace exalloc
