// The block sizes of the pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "token_table.hpp"

namespace exalloc {

// The largest request that is not a big allocation: a page without the header and the smallest
// block of NT.
inline constexpr std::size_t largest_small = 4064;
inline constexpr std::size_t pool_alignment = 16;
inline constexpr std::size_t cache_line = 64;

namespace size_classes {

// Steps of 16 to 128, of an eighth of the next power of two's half to 1 KiB (so at most 12.5 % are
// lost), then fractions of a page.
constexpr auto make_sizes() {
  std::array<std::uint16_t, 35> sizes{};
  std::size_t n = 0;
  for (unsigned size = 16; size <= 128; size += 16) sizes[n++] = static_cast<std::uint16_t>(size);
  for (unsigned base = 128; base < 1024; base *= 2)
    for (unsigned size = base + base / 8; size <= 2 * base; size += base / 8)
      sizes[n++] = static_cast<std::uint16_t>(size);
  for (unsigned size : {1360U, 2048U, 4096U}) sizes[n++] = static_cast<std::uint16_t>(size);
  return sizes;
}
inline constexpr auto sizes = make_sizes();
inline constexpr std::size_t count = sizes.size();
static_assert(sizes.back() == page_size);

// For every multiple of 16, the first class that is large enough and a multiple of `alignment`.
constexpr auto make_table(std::size_t alignment) {
  std::array<std::uint8_t, largest_small / pool_alignment + 1> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::size_t c = 0;
    while (sizes[c] < i * pool_alignment || sizes[c] % alignment != 0) ++c;
    table[i] = static_cast<std::uint8_t>(c);
  }
  return table;
}
inline constexpr auto by_size = make_table(pool_alignment);
inline constexpr auto by_size_cache_aligned = make_table(cache_line);

// The class of a request of at most largest_small bytes.
constexpr std::size_t of(std::size_t bytes, bool cache_aligned) noexcept {
  const std::size_t i = (bytes + pool_alignment - 1) / pool_alignment;
  return cache_aligned ? by_size_cache_aligned[i] : by_size[i];
}

}  // namespace size_classes
}  // namespace exalloc
