// What the pool knows of a block: 16 bytes in front of a small block, or in a table for the others.
//
// The layout is read from core files too (docs/crash-dump.md), so every field has a fixed place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "exalloc/nt/pool_fast.h"

namespace exalloc {

enum class pool_kind : std::uint8_t { nonpaged = 0, paged = 1 };
inline constexpr std::size_t pool_kinds = 2;

enum class pool_state : std::uint8_t {
  none = 0,
  allocated = EXALLOC_POOL_ALLOCATED,
  free = EXALLOC_POOL_FREE,
};

struct pool_header {
  std::uint32_t tag;   // as the caller gave it, PROTECTED_POOL included
  std::uint16_t size;  // bytes the caller asked for; of a big block the last page's
  std::uint8_t type;   // the caller's pool type, low 3 bits; charged below
  pool_state state;
  std::uint32_t owner;  // the block's token; if it is charged, the requestor charged for it
  std::uint32_t check;  // check_of(all but state, the block's address)

  static constexpr std::uint8_t type_mask = 7, paged_bit = 1, charged_bit = 0x80;

  // Every bit of the fields and of the address matters, so that damage and a header that was copied
  // elsewhere are noticed. `low` and `high` are the fields before `check`, as they lie in memory.
  // The state is left out, so that a free need only change that byte: any bit of it that is damaged
  // makes it no state at all.
  static std::uint32_t mix(std::uint64_t low, std::uint32_t high, const void* block) noexcept {
    // Of an allocated block, which is what calls look at, this changes nothing.
    constexpr std::uint64_t any_state = std::uint64_t{0xFF} << 56;
    constexpr auto allocated = static_cast<std::uint64_t>(pool_state::allocated) << 56;
    return mix_allocated((low & ~any_state) | allocated, high, block);
  }
  // The same where the state is known.
  static std::uint32_t mix_allocated(std::uint64_t low, std::uint32_t high,
                                     const void* block) noexcept {
    const std::uint64_t mixed =
        (low ^ reinterpret_cast<std::uintptr_t>(block)) * std::uint64_t{EXALLOC_POOL_ODD};
    return static_cast<std::uint32_t>(mixed >> 32) ^ high;
  }
  static std::uint32_t check_of(const pool_header& h, const void* block) noexcept {
    const std::uint64_t low = h.tag | std::uint64_t{h.size} << 32 | std::uint64_t{h.type} << 48;
    return mix(low, h.owner, block);
  }
  bool intact(const void* block) const noexcept { return check == check_of(*this, block); }
  void seal(const void* block) noexcept { check = check_of(*this, block); }
};
static_assert(sizeof(pool_header) == EXALLOC_POOL_HEADER);

}  // namespace exalloc
