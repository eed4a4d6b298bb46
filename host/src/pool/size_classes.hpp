// The block sizes of the pool, in two families: blocks with their header in front, and blocks whose
// headers stand in a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pool/pool_header.hpp"
#include "token_table.hpp"

namespace exalloc {

// The largest request that is not a big one: a page without the header and the smallest block of
// NT.
inline constexpr std::size_t largest_small = 4064;
inline constexpr std::size_t pool_alignment = 16;
inline constexpr std::size_t cache_line = 64;

namespace size_classes {

struct size {
  std::uint16_t stride = 0;  // from block to block, a header in front included
  bool front = false;        // the header is in front

  constexpr std::size_t room() const noexcept {
    return front ? stride - sizeof(pool_header) : stride;
  }
};

// In front: steps of 16 to 128, then of an eighth of the power of two below, so at most 12.5 % are
// lost. In a table: whole cache lines, then fractions of a page, which a header in front would
// leave no room for.
inline constexpr std::size_t front_count = 31;
constexpr auto make_sizes() {
  std::array<size, front_count + 19> sizes{};
  std::size_t n = 0;
  const auto add = [&](unsigned stride, bool front) {
    sizes[n++] = {static_cast<std::uint16_t>(stride), front};
  };
  for (unsigned stride = 32; stride <= 128; stride += 16) add(stride, true);
  for (unsigned base = 128; base < 1024; base *= 2)
    for (unsigned stride = base + base / 8; stride <= 2 * base; stride += base / 8)
      add(stride, true);
  for (unsigned stride = cache_line; stride <= 1024; stride += cache_line) add(stride, false);
  for (unsigned stride : {1344U, 2048U, 4096U}) add(stride, false);
  return sizes;
}
inline constexpr auto sizes = make_sizes();
inline constexpr std::size_t count = sizes.size();
static_assert(sizes[front_count - 1].front && !sizes[front_count].front);
static_assert(sizes.back().stride == page_size);

// For every multiple of 16, the first class with room for it.
constexpr auto make_table(bool cache_aligned) {
  std::array<std::uint8_t, largest_small / pool_alignment + 1> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::size_t c = cache_aligned ? front_count : 0;
    while (sizes[c].room() < i * pool_alignment ||
           // Beyond 1 KiB with its header, a block goes to the table.
           (!cache_aligned && !sizes[c].front && sizes[c].stride < 1024))
      ++c;
    table[i] = static_cast<std::uint8_t>(c);
  }
  return table;
}
inline constexpr std::array<std::array<std::uint8_t, largest_small / pool_alignment + 1>, 2>
    by_size{make_table(false), make_table(true)};

// The class of a request of at most largest_small bytes.
constexpr std::size_t of(std::size_t bytes, bool cache_aligned) noexcept {
  return by_size[cache_aligned][(bytes + pool_alignment - 1) / pool_alignment];
}

}  // namespace size_classes
}  // namespace exalloc
