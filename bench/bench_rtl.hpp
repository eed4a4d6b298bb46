// `exalloc bench rtl`: operations per cycle and latency of the card's engines, measured on the
// Verilated engines themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace exalloc::bench {

struct latency {  // cycles from the request's handshake to the answer, one operation in flight
  unsigned min = 0, median = 0, max = 0;
};
struct rtl_case {
  std::string engine, name;
  unsigned banks = 0;
  double ops_per_cycle = 0;     // all banks together
  double blocks_per_cycle = 0;  // handed out and taken back
  latency cycles;
};

// Measures every case with 1 and with 4 banks; progress is told the name of each before it runs.
std::vector<rtl_case> measure_rtl(const std::function<void(const std::string&)>& progress);

}  // namespace exalloc::bench
