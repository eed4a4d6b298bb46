// Latencies drawn from a distribution that is given by its quantiles: whole numbers throughout, so
// that a seed gives the same latencies on every machine.
#pragma once

#include <array>
#include <cstdint>

namespace exalloc::sim {

using picoseconds = std::uint64_t;
constexpr picoseconds ps_per_ns = 1'000;

struct latency_table {
  // ns at 0, 50, 90, 99, 99.9 and 100 % of all; in between it runs straight.
  std::array<std::uint32_t, 6> ns{};

  static constexpr latency_table fixed(std::uint32_t ns) { return {{ns, ns, ns, ns, ns, ns}}; }
  std::uint32_t minimum_ns() const { return ns.front(); }
  std::uint32_t median_ns() const { return ns[1]; }
};

// A stream of latencies. Streams of one seed and different numbers are independent.
class latency_source {
 public:
  latency_source(const latency_table& table, std::uint64_t seed, unsigned stream)
      : table_(table), state_(seed * 0x9E37'79B9'7F4A'7C15 + stream) {}

  picoseconds next();

 private:
  latency_table table_;
  std::uint64_t state_;
};

}  // namespace exalloc::sim
