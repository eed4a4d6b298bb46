// `exalloc bench platform`: blocks a second and latencies of the card behind a PCIe link, beside
// the bound that link and engine set and a design of one register access a call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace exalloc::bench {

struct spread {  // ns of simulated time
  std::uint64_t p50 = 0, p99 = 0, p999 = 0, max = 0;
};
struct platform_case {
  unsigned portals = 0;
  unsigned stock = 0;             // tokens a processor has ready or asked for
  double blocks_per_s = 0;        // allocated, and as many freed
  double bound_blocks_per_s = 0;  // docs/platform.md has the formula
  const char* bound_by = "";
  double naive_blocks_per_s = 0;
  double bytes_per_block = 0;  // on the wire, both ways
  spread miss_ns;              // of an allocation that finds nothing ready
  spread sync_ns;              // of an allocation of one block that waits for the card
  spread free_ns;              // of a free, those that write a line included
};
struct platform_options {
  std::string card = "sim";  // or "xrt": the simulated card below XRT
  std::string link = "gen3x16";
  std::uint64_t seed = 1;              // of the link's latencies
  std::vector<unsigned> portals;       // 1 to 64
  std::vector<unsigned> stocks;        // 16 to 4,096 tokens
  std::uint64_t measured_ns = 40'000;  // of simulated time, each case
  unsigned probes = 100;               // of a miss and of a synchronous allocation, at least
};
struct platform_result {
  std::string link;
  std::vector<platform_case> cases;
  double cycles_per_s = 0;  // of the card, clocked in a second of real time
};

// Told of each case before it is measured.
using platform_progress = std::function<void(const std::string&)>;

// Simulated figures are the same in every run of the same options. Throws std::invalid_argument for
// a link that there is not, std::runtime_error when the card gives a wrong answer or none.
platform_result measure_platform(const platform_options& options, const platform_progress& tell);

}  // namespace exalloc::bench
