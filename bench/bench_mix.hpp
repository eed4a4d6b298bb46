// `exalloc bench mix`: how much memory allocators hold for what is in use, while the sizes asked
// for shift.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mix_steps.hpp"

namespace exalloc::bench {

struct mix_result {
  std::string allocator;
  std::string failure;            // why there are no figures; else empty
  std::vector<mix_point> phases;  // at the end of each
  mix_point survivors;            // after that, when 90 % were freed at random
  double worst() const;           // ratio of all phases
};

using mix_progress = std::function<void(const std::string&)>;

// Measures paged and nonpaged pool and malloc, each in a process of its own. The process that calls
// this must not have used exalloc. Throws std::system_error.
std::vector<mix_result> measure_mix(const mix_progress& tell);

}  // namespace exalloc::bench
