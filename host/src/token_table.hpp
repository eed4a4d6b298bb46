// From a token to its block, and each block's state byte.
#pragma once

#include <cstddef>
#include <cstdint>

#include "block.hpp"
#include "driver.hpp"
#include "mapped_array.hpp"

namespace exalloc {

inline constexpr std::size_t page_size = 4096;

// Where the blocks of consecutive slabs lie: one after the other, or so many in each page.
struct block_layout {
  std::byte* base = nullptr;
  std::uint32_t block_size = 0;
  std::uint32_t blocks_per_page = 0;  // 0: pages do not matter

  std::byte* address(std::uint32_t index) const noexcept {
    if (blocks_per_page == 0) return base + std::size_t{index} * block_size;
    return base + std::size_t{index / blocks_per_page} * page_size +
           std::size_t{index % blocks_per_page} * block_size;
  }
};

class token_table {
 public:
  // Of slabs 0 .. slabs - 1. Throws std::system_error.
  explicit token_table(std::uint32_t slabs)
      : slabs_(slabs), states_(std::size_t{slabs} * slab_width) {}

  // Before the card may hand out blocks of these slabs.
  void describe(std::uint32_t first_slab, std::uint32_t count,
                const block_layout& layout) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) slabs_[first_slab + i] = {layout, i * slab_width};
  }
  // After nobody can hold a block of these slabs any more.
  void forget(std::uint32_t first_slab, std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) slabs_[first_slab + i] = {};
    for (std::uint32_t i = 0; i < count * slab_width; ++i)
      states_[token_of(first_slab, i)].store(block_state::free, std::memory_order_relaxed);
  }

  // Null for a token without a block.
  void* pointer(std::uint32_t token) const noexcept {
    if (slab_of(token) >= slabs_.size()) return nullptr;
    const slab& s = slabs_[slab_of(token)];
    if (s.layout.base == nullptr) return nullptr;
    return s.layout.address(s.first_index +
                            static_cast<std::uint32_t>(regs::token::block.get(token)));
  }
  state_byte* states() const noexcept { return states_.data(); }

 private:
  struct slab {
    block_layout layout;
    std::uint32_t first_index = 0;  // of the slab's first block in the layout
  };
  mapped_array<slab> slabs_;
  mapped_array<state_byte> states_;
};

}  // namespace exalloc
