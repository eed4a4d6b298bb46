// `exalloc bench mix`: how much memory allocators hold for what is in use, while the sizes asked
// for shift.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace exalloc::bench {

inline constexpr std::array<unsigned, 3> mix_sizes{64, 256, 2048};
inline constexpr std::uint64_t mix_live_target = 48 << 20;
inline constexpr unsigned mix_steps = 1'500'000;  // a phase
struct mix_weights {
  std::array<unsigned, 3> percent;  // of mix_sizes
};
inline constexpr std::array<mix_weights, 4> mix_phases{
    {{{90, 8, 2}}, {{20, 70, 10}}, {{5, 15, 80}}, {{60, 30, 10}}}};

struct mix_point {
  std::uint64_t live = 0;  // bytes asked for and not freed
  std::uint64_t held = 0;  // resident memory over the start, the allocator's own tables included
  double ns_per_step = 0;
  double ratio() const { return static_cast<double>(held) / static_cast<double>(live); }
};
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
