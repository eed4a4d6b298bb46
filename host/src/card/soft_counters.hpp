// The event counters of the soft card.
#pragma once

#include <array>
#include <cstdint>

#include "exalloc/regs.hpp"

namespace exalloc::soft {

class event_counters {
 public:
  void count(regs::counter which, std::uint64_t n = 1) { at_[static_cast<unsigned>(which)] += n; }
  std::uint64_t value(unsigned index) const { return at_[index]; }
  std::uint64_t value(regs::counter which) const { return value(static_cast<unsigned>(which)); }

 private:
  std::array<std::uint64_t, regs::offset::counters_count> at_{};
};

}  // namespace exalloc::soft
