// `exalloc bench rtl`: operations per cycle and latency of the card's engines, measured on the
// Verilated engines themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace exalloc::bench {

struct latency {  // cycles from the request's handshake to the answer, one operation in flight
  unsigned min = 0, median = 0, max = 0;
};
struct rtl_case {
  std::string engine, name;
  unsigned banks = 0;             // of the slab engine; 0 where it plays no part
  double ops_per_cycle = 0;       // all banks together
  double blocks_per_cycle = 0;    // handed out and taken back; entries or tokens
  std::optional<latency> cycles;  // none where nothing answers an operation
};

// Told the name of each case before it runs.
using progress = std::function<void(const std::string&)>;

// Measures every case: the slab engine with 1 and with 4 banks, the lookaside engine, a stream port
// of the whole card. Throws std::runtime_error when an engine gives a wrong answer or none.
std::vector<rtl_case> measure_rtl(const progress& tell);

}  // namespace exalloc::bench
