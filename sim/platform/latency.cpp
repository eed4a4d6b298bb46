#include "platform/latency.hpp"

#include <cstddef>

namespace exalloc::sim {
namespace {

// The quantiles' places, in 2^-32.
constexpr std::array<std::uint64_t, 6> places = [] {
  std::array<std::uint64_t, 6> out{};
  constexpr std::array<std::uint64_t, 6> per_mille{0, 500, 900, 990, 999, 1000};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (per_mille[i] << 32) / 1000;
  return out;
}();

// SplitMix64, by Sebastiano Vigna, in the public domain.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

}  // namespace

picoseconds latency_source::next() {
  state_ += 0x9E37'79B9'7F4A'7C15;
  const std::uint64_t place = mix(state_) >> 32;
  std::size_t i = 0;
  while (place >= places[i + 1]) ++i;
  const std::uint64_t from = table_.ns[i] * ps_per_ns, to = table_.ns[i + 1] * ps_per_ns;
  return from + (to - from) * (place - places[i]) / (places[i + 1] - places[i]);
}

}  // namespace exalloc::sim
