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

namespace trailing_detail {

// Calls each(offset, n) with n 8, 4 or 1 so that all of 0..count - 1 is covered, parts of it twice.
template <class Each>
[[gnu::always_inline]] inline void cover(std::size_t count, Each&& each) noexcept {
  if (count >= 8) {
    each(std::size_t{0}, std::uint64_t{});
    each(count - 8, std::uint64_t{});
  } else if (count >= 4) {
    each(std::size_t{0}, std::uint32_t{});
    each(count - 4, std::uint32_t{});
  } else {
    for (std::size_t i = 0; i < count; ++i) each(i, std::uint8_t{});
  }
}

}  // namespace trailing_detail

// Of `room` bytes the caller asked for `bytes`.
inline void fill_trailing(void* block, std::size_t bytes, std::size_t room) noexcept {
  auto* const data = static_cast<std::byte*>(block);
  const std::size_t count = std::min(room - bytes, most_trailing);
  trailing_detail::cover(count, [&](std::size_t at, auto word) {
    word = static_cast<decltype(word)>(trailing_pattern);
    std::memcpy(data + bytes + at, &word, sizeof word);
  });
}

inline bool trailing_intact(const void* block, std::size_t bytes, std::size_t room) noexcept {
  const auto* const data = static_cast<const std::byte*>(block);
  const std::size_t count = std::min(room - bytes, most_trailing);
  std::uint64_t difference = 0;
  trailing_detail::cover(count, [&](std::size_t at, auto word) {
    std::memcpy(&word, data + bytes + at, sizeof word);
    difference |= static_cast<std::uint64_t>(word ^ static_cast<decltype(word)>(trailing_pattern));
  });
  return difference == 0;
}

}  // namespace exalloc
