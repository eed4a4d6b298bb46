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

  static header_words of(const pool_header& h) noexcept { return std::bit_cast<header_words>(h); }
  pool_header header() const noexcept { return std::bit_cast<pool_header>(*this); }

  // The sealed header of a block, put together in registers.
  static header_words make(std::uint32_t tag, std::uint16_t size, std::uint8_t type,
                           pool_state state, std::uint16_t requestor, std::uint16_t room,
                           const void* block) noexcept {
    pool_header h{};
    h.tag = tag;
    h.size = size;
    h.type = type;
    h.state = state;
    h.requestor = requestor;
    h.room = room;
    const std::uint64_t check = pool_header::check_of(h, block);
    return {tag | std::uint64_t{size} << 32 | std::uint64_t{type} << 48 |
                std::uint64_t{static_cast<std::uint8_t>(state)} << 56,
            requestor | std::uint64_t{room} << 16 | check << 32};
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
};
static_assert(sizeof(header_words) == sizeof(pool_header));
static_assert(std::endian::native == std::endian::little);

}  // namespace exalloc
