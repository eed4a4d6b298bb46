// What `exalloc bench host` asks of a measuring process, and what that answers.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace exalloc::bench {

// What one process measures: one allocator, one case, one size.
struct request {
  std::string allocator;
  std::string what;          // a, b64, b512, c, d_touched, d_untouched, f, g
  unsigned size = 64;        // bytes; 0: 64, 256 and 2048 mixed
  double milliseconds = 20;  // measured for so long, after a quarter of that to warm up
  unsigned long pairs = 0;   // not 0: exactly so many pairs and no clock, for counting instructions
  std::vector<unsigned> sizes() const {
    return size == 0 ? std::vector<unsigned>{64, 256, 2048} : std::vector<unsigned>{size};
  }
};

inline constexpr double none = std::numeric_limits<double>::quiet_NaN();

// Nanoseconds, but for the last; NaN: not measured in this case.
struct sample {
  double ns_per_pair = none;      // wall clock
  double cpu_ns_per_pair = none;  // processor time of all threads, waiting for each other left out
  double p50 = none, p99 = none, p999 = none, p9999 = none, max = none;  // of one allocation
  double held_over_live = none;
};

}  // namespace exalloc::bench
