// What a processor keeps of each size class whose headers are in front, for calls that take the
// short way (pool_calls.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "exalloc/nt/pool_fast.h"
#include "magazine.hpp"
#include "pool/pool_header.hpp"
#include "pool/size_classes.hpp"
#include "status/status_layout.hpp"

namespace exalloc {

// Read and written by the processor's owner alone, but for `draining`. A line, with all that a call
// needs to know. `ready` null: the processor has not used the class yet.
struct alignas(64) pool_use : exalloc_pool_use {
  pool_use() noexcept : exalloc_pool_use{nullptr, nothing, nullptr, 0} {}
  // First word of no header.
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};

  magazine* own() const noexcept { return static_cast<magazine*>(ready); }
  // The processor's own counters of the tag.
  status::count* own_counts() const noexcept { return reinterpret_cast<status::count*>(counts); }

  // Of the last order: tag and type as they were given.
  std::uint32_t tag = 0, type = 0;
  // Of the class:
  std::uint32_t reciprocal = 0;  // 2^32 / stride, rounded up
  std::uint16_t stride = 0, room = 0;
  pool_kind kind{};
};
static_assert(sizeof(pool_use) == 64);

// By use number. The first one stays empty: it stands for all that goes another way.
using pool_uses = std::array<pool_use, 1 + pool_kinds * size_classes::front_count>;

namespace pool_use_numbers {

inline constexpr std::uint8_t none = 0;
constexpr std::uint8_t of(pool_kind kind, std::size_t index) noexcept {
  if (index >= size_classes::front_count) return none;
  return static_cast<std::uint8_t>(1 + static_cast<std::size_t>(kind) * size_classes::front_count +
                                   index);
}

// Requests up to this may have their header in front.
inline constexpr std::size_t largest_request =
    size_classes::sizes[size_classes::front_count - 1].room();
static_assert(size_classes::sizes[size_classes::of(largest_request, false)].front);

// By pool type (its low 3 bits) and size in 16 bytes, rounded up.
constexpr auto make_table() {
  std::array<std::array<std::uint8_t, largest_request / pool_alignment + 1>, 8> table{};
  for (std::size_t type = 0; type < table.size(); ++type)
    for (std::size_t i = 0; i < table[type].size(); ++i)
      table[type][i] = of(static_cast<pool_kind>(type & pool_header::paged_bit),
                          size_classes::of(i * pool_alignment, (type & 4) != 0));
  return table;
}
inline constexpr auto table = make_table();

static_assert(table[0].size() == EXALLOC_POOL_SIZES);

inline std::uint8_t of_request(std::uint32_t type, std::size_t bytes) noexcept {
  return table[type & pool_header::type_mask][(bytes + pool_alignment - 1) / pool_alignment];
}

}  // namespace pool_use_numbers
}  // namespace exalloc
