// Why a pool call may not take the short way. While there is a reason, that way's limits keep every
// call from it.
#pragma once

#include <atomic>
#include <cstdint>

#include "pool/short_way.hpp"

namespace exalloc::attention {

inline constexpr std::uint32_t not_open = 1;   // nobody has used the pool yet
inline constexpr std::uint32_t findings = 2;   // the card has found something out, see findings.hpp
inline constexpr std::uint32_t injection = 4;  // allocations may be made to fail
inline constexpr std::uint32_t guard = 8;      // some blocks come from the guard-page pool

inline constinit std::atomic<std::uint32_t> word{not_open};

inline std::uint32_t reasons() noexcept { return word.load(std::memory_order_acquire); }
// Takes no lock: findings come while others are held.
inline void set(std::uint32_t reason, bool on) noexcept {
  if (on) {
    word.fetch_or(reason);
  } else {
    word.fetch_and(~reason);
  }
  // Of several that set reasons at once, the last one to write the limits finds the word as it was.
  for (std::uint32_t seen = ~word.load(); seen != word.load();) {
    seen = word.load();
    detail::pool_short_way.open(seen == 0);
  }
}

}  // namespace exalloc::attention
