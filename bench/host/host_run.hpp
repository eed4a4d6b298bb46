// `exalloc bench host`: exalloc against software allocators. Every figure comes from a process of
// its own (exalloc-bench-host), and the allocators take turns round by round.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "host/request.hpp"

namespace exalloc::bench {

struct host_allocator {
  std::string name;
  std::string cases;                     // in it: host_cases, each between spaces
  std::vector<std::string> environment;  // NAME=VALUE, of its processes
  std::vector<std::string> tuning;       // the same, in cases a, b and c only
  std::string absent;                    // why it cannot be measured; else empty
  bool does(const std::string& what) const { return cases.find(" " + what + " ") != cases.npos; }
};
// All there are, exalloc's first.
const std::vector<host_allocator>& host_allocators();

struct host_case {
  const char* name;
  const char* means;
  const char* ours;  // whom the others are compared with
};
inline constexpr std::array<host_case, 8> host_cases{{
    {"a", "one thread, one block out at a time", "exalloc-zone"},
    {"b64", "one thread, 64 out, freed in random order", "exalloc-zone"},
    {"b512", "one thread, 512 out, freed in random order", "exalloc-zone"},
    {"c", "two threads, each as in b64", "exalloc-zone-lockfree"},
    {"d_touched", "one thread allocates and writes, another reads and frees",
     "exalloc-zone-lockfree"},
    {"d_untouched", "one thread allocates, another frees", "exalloc-zone-lockfree"},
    {"f", "the shifting mix of `exalloc bench mix`", "exalloc-pool"},
    {"g", "one thread takes blocks until none is left, another has used half of them",
     "exalloc-zone-lockfree"},
}};
inline constexpr std::array<unsigned, 4> host_sizes{64, 256, 2048, 0};  // 0: the three, mixed

struct host_options {
  unsigned rounds = 5;
  double milliseconds = 20;  // each measurement
  std::vector<std::string> allocators, cases;
  std::vector<unsigned> sizes;
};
struct host_row {
  std::string allocator, what;
  unsigned size = 0;
  sample medians;  // of the rounds, field by field
  unsigned rounds = 0;
  std::string failure;  // why there are no figures; else empty
};
struct host_results {
  std::vector<double> core_to_core_ns;  // one way, in each round; none with a single processor
  std::vector<host_row> rows;
};
using host_progress = std::function<void(const std::string&)>;
// Throws std::runtime_error when the measuring program is not there.
host_results measure_host(const host_options& options, const host_progress& tell);

struct host_instructions {
  std::string allocator, what;
  double per_pair = none;
  std::string failure;
};
// Instructions of a pair in cases a and b64 at 64 bytes, counted by valgrind, the harness included.
std::vector<host_instructions> count_host_instructions(const host_options& options,
                                                       const host_progress& tell);

// What is to be shown: medians of the peer over medians of ours.
struct host_goal {
  const char *what, *ours, *peer;  // peer "malloc": the best of them
  unsigned size;
  double sample::*figure;
  const char* figure_name;
  double at_least;
};
const std::vector<host_goal>& host_goals();
// NaN: one of the two was not measured.
double ratio_of(const host_goal& goal, const host_results& results);

}  // namespace exalloc::bench
