#include "pool/injection.hpp"

namespace exalloc {

void injection::set(const injection_setting& s) noexcept {
  const std::lock_guard lock(mutex_);
  setting_ = s;
  seen_ = 0;
  sites_used_ = 0;
  sites_.fill(nullptr);
}

bool injection::note(const void* site) noexcept {
  std::size_t at = (reinterpret_cast<std::uintptr_t>(site) * 0x9E37'79B9'7F4A'7C15U) >> 32;
  for (at %= most_sites; sites_[at] != nullptr; at = (at + 1) % most_sites)
    if (sites_[at] == site) return false;
  // Probing needs room to end.
  if (sites_used_ == most_sites / 2) return false;
  sites_[at] = site;
  ++sites_used_;
  return true;
}

bool injection::strikes(std::uint32_t tag, const void* site) noexcept {
  const std::lock_guard lock(mutex_);
  if (setting_.tag != 0 && !same_name(setting_.tag, tag)) return false;
  const bool strikes =
      setting_.once_per_site ? note(site) : setting_.every != 0 && ++seen_ % setting_.every == 0;
  if (strikes) injected_.fetch_add(1, std::memory_order_relaxed);
  return strikes;
}

}  // namespace exalloc
