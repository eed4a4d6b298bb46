// A pool header as the words it is written and read with, with atomics: a thread that frees a block
// wrongly may see it half written, which its check tells.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "pool/pool_header.hpp"

namespace exalloc {

struct header_words {
  std::uint64_t low = 0;    // tag, size, type, state
  std::uint32_t owner = 0;  // token, or requestor
  std::uint32_t check = 0;

  // The sealed header of an allocated block, put together in registers.
  static header_words make(std::uint64_t low, std::uint32_t owner, const void* block) noexcept {
    return {low, owner, pool_header::mix_allocated(low, owner, block)};
  }
  static header_words make(std::uint32_t tag, std::uint16_t size, std::uint8_t type,
                           std::uint32_t owner, const void* block) noexcept {
    return make(low_of(tag, type) | std::uint64_t{size} << 32, owner, block);
  }
  static constexpr std::uint64_t low_of(std::uint32_t tag, std::uint8_t type) noexcept {
    return tag | std::uint64_t{type} << 48 |
           std::uint64_t{static_cast<std::uint8_t>(pool_state::allocated)} << 56;
  }

  std::uint32_t tag() const noexcept { return static_cast<std::uint32_t>(low); }
  std::uint16_t size() const noexcept { return static_cast<std::uint16_t>(low >> 32); }
  std::uint8_t type() const noexcept { return static_cast<std::uint8_t>(low >> 48); }
  pool_state state() const noexcept { return static_cast<pool_state>(low >> 56); }
  bool charged() const noexcept { return (type() & pool_header::charged_bit) != 0; }
  // Of a block that is charged.
  std::uint16_t requestor() const noexcept { return static_cast<std::uint16_t>(owner); }
  // Whether it names the block, or else a requestor.
  bool names(std::uint32_t token) const noexcept {
    return charged() ? owner >> 16 == 0 : owner == token;
  }
  // The second half as one word, for a report.
  std::uint64_t high() const noexcept { return owner | std::uint64_t{check} << 32; }
  bool intact(const void* block) const noexcept {
    return check == pool_header::mix(low, owner, block);
  }
  // Intact, if it is allocated.
  bool sealed_as_allocated(const void* block) const noexcept {
    return check == pool_header::mix_allocated(low, owner, block);
  }
  // Allocated, and nobody is charged for it.
  bool plainly_allocated() const noexcept {
    constexpr std::uint64_t plain = std::uint64_t{static_cast<std::uint8_t>(pool_state::allocated)}
                                    << 5;
    return low >> 51 == plain;
  }

  static header_words load(pool_header* from) noexcept {
    words_of w(from);
    return {w.low.load(std::memory_order_relaxed), w.owner.load(std::memory_order_relaxed),
            w.check.load(std::memory_order_relaxed)};
  }
  void store(pool_header* to) const noexcept {
    words_of w(to);
    w.low.store(low, std::memory_order_relaxed);
    w.owner.store(owner, std::memory_order_relaxed);
    w.check.store(check, std::memory_order_relaxed);
  }
  // Marks the header of an allocated block free: all else stays, for whoever asks for its last
  // owner.
  static void mark_free(pool_header* header) noexcept {
    auto& state = reinterpret_cast<std::uint8_t&>(header->state);
    std::atomic_ref(state).store(static_cast<std::uint8_t>(pool_state::free),
                                 std::memory_order_relaxed);
  }

 private:
  struct words_of {
    explicit words_of(pool_header* h) noexcept
        : low(*reinterpret_cast<std::uint64_t*>(h)),
          owner(reinterpret_cast<std::uint32_t*>(h)[2]),
          check(h->check) {}
    std::atomic_ref<std::uint64_t> low;
    std::atomic_ref<std::uint32_t> owner, check;
  };
};
static_assert(sizeof(header_words) == sizeof(pool_header));
static_assert(std::endian::native == std::endian::little);

}  // namespace exalloc
