// When the passes of the depth governor are due (docs/protocol.md, "The depth governor").
#pragma once

#include <algorithm>
#include <cstdint>

namespace exalloc::soft {

// Time is a number of cycles that somebody counts.
class governor_clock {
 public:
  // A new period of so many cycles begins now; with 0 the governor rests.
  void start(std::uint32_t period, std::uint64_t now) {
    period_ = period;
    begun_ = now;
  }
  std::uint32_t period() const { return period_; }

  // Passes that have become due since it was last asked: no more than 15, however long that is.
  unsigned due(std::uint64_t now) {
    if (period_ == 0) return 0;
    const std::uint64_t passes = (now - begun_) / period_;
    begun_ += passes * period_;
    return static_cast<unsigned>(std::min<std::uint64_t>(passes, most_passes));
  }

 private:
  static constexpr std::uint64_t most_passes = 15;
  std::uint32_t period_ = 0;
  std::uint64_t begun_ = 0;
};

}  // namespace exalloc::soft
