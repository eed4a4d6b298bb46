// What every layer means by a block.
#pragma once

#include <atomic>
#include <cstdint>

#include "exalloc/regs.hpp"

namespace exalloc {

struct block {
  void* pointer = nullptr;
  std::uint32_t token = 0;
};

// A token's state byte. Free also stands for "no block at all". Away is used for lists that on-card
// kernels share: in the card, or a kernel's.
enum class block_state : std::uint8_t { free = 0, allocated = 1, away = 2 };
using state_byte = std::atomic<block_state>;
static_assert(sizeof(state_byte) == 1);

constexpr std::uint32_t token_of(std::uint32_t first_slab, std::uint32_t index) {
  return (first_slab << regs::token::slab.lsb) + index;
}
constexpr std::uint32_t slab_of(std::uint32_t token) { return token >> regs::token::slab.lsb; }

}  // namespace exalloc
