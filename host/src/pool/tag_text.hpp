// How tags and tag tables look: shared by reports, programs and screens, in poolmon's layout.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "pool/pool_header.hpp"

namespace exalloc {

// Bit 31 of a tag (PROTECTED_POOL) is no part of its last character.
inline constexpr std::uint32_t protected_tag_bit = 0x8000'0000;

// The four characters of a tag; what cannot be printed is a '.'.
struct tag_text {
  explicit constexpr tag_text(std::uint32_t tag) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<char>((tag & ~protected_tag_bit) >> (8 * i) & 0xFF);
      text[i] = c >= 0x20 && c <= 0x7E ? c : '.';
    }
  }
  constexpr std::string_view view() const noexcept { return {text.data(), text.size()}; }
  std::array<char, 4> text{};
};

constexpr std::string_view kind_name(pool_kind kind) noexcept {
  return kind == pool_kind::paged ? "Paged" : "Nonp";
}

// Columns: tag, type, allocations, frees, diff, bytes, bytes an allocation.
inline constexpr char tag_columns[] = "{:<4} {:<5} {:>12} {:>12} {:>10} {:>14} {:>10}\n";

}  // namespace exalloc
