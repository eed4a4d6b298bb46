// Why a pool call may not take the short way: one word, read once a call.
#pragma once

#include <atomic>
#include <cstdint>

namespace exalloc::attention {

inline constexpr std::uint32_t not_open = 1;   // nobody has used the pool yet
inline constexpr std::uint32_t findings = 2;   // the card has found something out, see findings.hpp
inline constexpr std::uint32_t injection = 4;  // allocations may be made to fail
inline constexpr std::uint32_t guard = 8;      // some blocks come from the guard-page pool

inline constinit std::atomic<std::uint32_t> word{not_open};

inline std::uint32_t reasons() noexcept { return word.load(std::memory_order_acquire); }
inline void set(std::uint32_t reason, bool on) noexcept {
  if (on) {
    word.fetch_or(reason, std::memory_order_acq_rel);
  } else {
    word.fetch_and(~reason, std::memory_order_acq_rel);
  }
}

}  // namespace exalloc::attention
