// A pool header as the two words it is written and read with: each is stored whole, so a header is
// never seen half written by a thread that frees a block wrongly.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "pool/pool_header.hpp"

namespace exalloc {

struct header_words {
  std::uint64_t low = 0, high = 0;

  // The sealed header of a block, put together in registers.
  static header_words make(std::uint32_t tag, std::uint16_t size, std::uint8_t type,
                           std::uint16_t requestor, std::uint16_t room,
                           const void* block) noexcept {
    header_words w;
    w.low = tag | std::uint64_t{size} << 32 | std::uint64_t{type} << 48 |
            std::uint64_t{static_cast<std::uint8_t>(pool_state::allocated)} << 56;
    w.high = requestor | std::uint64_t{room} << 16;
    return w.sealed(block);
  }
  header_words freed(const void* block) const noexcept {
    constexpr std::uint64_t change = std::uint64_t{static_cast<std::uint8_t>(pool_state::free)} ^
                                     static_cast<std::uint8_t>(pool_state::allocated);
    return header_words{low ^ change << 56, high & 0xFFFF'FFFF}.sealed(block);
  }

  std::uint32_t tag() const noexcept { return static_cast<std::uint32_t>(low); }
  std::uint16_t size() const noexcept { return static_cast<std::uint16_t>(low >> 32); }
  std::uint8_t type() const noexcept { return static_cast<std::uint8_t>(low >> 48); }
  pool_state state() const noexcept { return static_cast<pool_state>(low >> 56); }
  std::uint16_t requestor() const noexcept { return static_cast<std::uint16_t>(high); }
  std::uint16_t room() const noexcept { return static_cast<std::uint16_t>(high >> 16); }
  bool intact(const void* block) const noexcept {
    return high >> 32 == pool_header::mix(low, static_cast<std::uint32_t>(high), block);
  }

  static header_words load(pool_header* from) noexcept {
    auto* words = reinterpret_cast<std::uint64_t*>(from);
    return {std::atomic_ref(words[0]).load(std::memory_order_relaxed),
            std::atomic_ref(words[1]).load(std::memory_order_relaxed)};
  }
  void store(pool_header* to) const noexcept {
    auto* words = reinterpret_cast<std::uint64_t*>(to);
    std::atomic_ref(words[0]).store(low, std::memory_order_relaxed);
    std::atomic_ref(words[1]).store(high, std::memory_order_relaxed);
  }

 private:
  header_words sealed(const void* block) const noexcept {
    return {
        low,
        high | std::uint64_t{pool_header::mix(low, static_cast<std::uint32_t>(high), block)} << 32};
  }
};
static_assert(sizeof(header_words) == sizeof(pool_header));
static_assert(std::endian::native == std::endian::little);

}  // namespace exalloc
