// Tokens of ring lines into ready blocks and back, many at once: with AVX-512 or AVX2 where the
// processor has them.
#pragma once

#include <cstdint>
#include <span>

#include "block_list.hpp"

namespace exalloc {

// Writes the blocks of the tokens, the last token's first, to `out`. False: one of them is not of
// the run, and what is in `out` means nothing.
bool decode_line(const block_list::run& r, const state_byte* states,
                 std::span<const std::uint32_t> tokens, exalloc_ready* out) noexcept;

// Writes as many tokens of blocks, in their order.
void encode_line(const state_byte* states, const exalloc_ready* blocks,
                 std::span<std::uint32_t> tokens) noexcept;

// The same with what is named, for tests; false if this processor has not got it.
enum class vector_unit : std::uint8_t { none, avx2, avx512 };
bool use_vector_unit(vector_unit u) noexcept;

}  // namespace exalloc
