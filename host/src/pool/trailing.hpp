// The pattern behind what a caller asked for, which tells when it was written beyond.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace exalloc {

// Beyond this nothing is checked: filling the rest of a large class would cost more than the call.
inline constexpr std::size_t most_trailing = 16;

// No text ends with this, no small number is it, and 0 is what runs over most often.
inline constexpr std::uint64_t trailing_pattern = 0xB7B7'B7B7'B7B7'B7B7;

// Of `room` bytes the caller asked for `bytes`; so many behind them are looked at.
constexpr std::size_t trailing_count(std::size_t bytes, std::size_t room) noexcept {
  return std::min(room - bytes, most_trailing);
}

namespace trailing_detail {

inline std::uint64_t load(const std::byte* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}
inline void store(std::byte* to, std::uint64_t word) noexcept {
  std::memcpy(to, &word, sizeof word);
}
// The bits of the last `count` bytes of a word, 1 to 7.
inline std::uint64_t last_bytes(std::size_t count) noexcept {
  return ~std::uint64_t{0} << (64 - 8 * count);
}

}  // namespace trailing_detail

// Words that overlap cover all of it. Where it is shorter than one, the block's last word is used,
// the caller's bytes in it left alone.
[[gnu::always_inline]] inline void fill_trailing(void* block, std::size_t bytes,
                                                 std::size_t room) noexcept {
  using namespace trailing_detail;
  auto* const data = static_cast<std::byte*>(block);
  if (bytes == room) return;
  const std::size_t count = trailing_count(bytes, room);
  std::byte* const last = data + bytes + count - 8;
  if (count >= 8) {
    store(data + bytes, trailing_pattern);
    store(last, trailing_pattern);
  } else {
    const std::uint64_t bits = last_bytes(count);
    store(last, (load(last) & ~bits) | (trailing_pattern & bits));
  }
}

[[gnu::always_inline]] inline bool trailing_intact(const void* block, std::size_t bytes,
                                                   std::size_t room) noexcept {
  using namespace trailing_detail;
  const auto* const data = static_cast<const std::byte*>(block);
  if (bytes == room) return true;
  const std::size_t count = trailing_count(bytes, room);
  const std::byte* const last = data + bytes + count - 8;
  if (count >= 8) return load(data + bytes) == trailing_pattern && load(last) == trailing_pattern;
  return ((load(last) ^ trailing_pattern) & last_bytes(count)) == 0;
}

}  // namespace exalloc
