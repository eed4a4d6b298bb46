// A ring line in memory.
#pragma once

#include <array>
#include <cstdint>

#include "exalloc/regs.hpp"

namespace exalloc {

// 64 bytes: header, then tokens. The header word is published last (rings are read while they are
// written).
struct alignas(regs::line_bytes) line {
  std::uint64_t header = 0;
  std::array<std::uint32_t, regs::tokens_per_line> tokens{};
};
static_assert(sizeof(line) == regs::line_bytes);

}  // namespace exalloc
