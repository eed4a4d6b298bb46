// The measuring program of `exalloc bench host`: one allocator, one case, one size; it prints a
// line of JSON.   exalloc-bench-host ALLOCATOR CASE SIZE MILLISECONDS [PAIRS]
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

// One way, of a line that two threads hand to each other.
sample core_to_core(const request& r) {
  struct nobody {};
  alignas(64) std::atomic<std::uint64_t> ball{0};
  sample s;
  slices time(r.milliseconds);
  on_two<nobody>(
      [&] {
        std::uint64_t n = 0;
        do {
          for (unsigned i = 0; i < 64; ++i) {
            ball.store(++n, std::memory_order_release);
            ++n;
            while (ball.load(std::memory_order_acquire) != n) {
            }
          }
        } while (time.go_on(128));
        ball.store(~std::uint64_t{0}, std::memory_order_release);
      },
      [&] {
        for (std::uint64_t n = 1;; n += 2) {
          std::uint64_t got;
          while ((got = ball.load(std::memory_order_acquire)) < n) {
          }
          if (got != n) return;
          ball.store(n + 1, std::memory_order_release);
        }
      });
  s.ns_per_pair = time.ns_per_pair();
  return s;
}

using measure_function = sample (*)(const request&);
const std::map<std::string, measure_function> allocators{
    {"core-to-core", core_to_core},
    {"exalloc-zone", measure_zone},
    {"exalloc-zone-lockfree", measure_zone_lockfree},
    {"exalloc-zone-core", measure_zone_lockfree},
    {"exalloc-lookaside", measure_lookaside},
    {"exalloc-pool", measure_pool},
    {"glibc", measure_malloc},
    {"jemalloc", measure_malloc},
    {"mimalloc", measure_malloc},
    {"tcmalloc", measure_malloc},
    {"pmr", measure_pmr},
#ifdef EXALLOC_BENCH_BOOST
    {"boost-pool", measure_boost_pool},
    {"boost-lockfree", measure_boost_lockfree},
#endif
#ifdef EXALLOC_BENCH_DPDK
    {"dpdk-cached", measure_dpdk_cached},
    {"dpdk-bulk", measure_dpdk_bulk},
#endif
    {"spinlock", measure_spinlock},
    {"treiber", measure_treiber},
    {"private-list", measure_private_list},
    {"empty", measure_empty},
};

void print(const sample& s) {
  const auto field = [](const char* name, double value) {
    return std::isnan(value) ? fmt::format("\"{}\":null", name)
                             : fmt::format("\"{}\":{}", name, value);
  };
  fmt::print("{{{},{},{},{},{},{},{},{}}}\n", field("ns_per_pair", s.ns_per_pair),
             field("cpu_ns_per_pair", s.cpu_ns_per_pair), field("p50", s.p50), field("p99", s.p99),
             field("p999", s.p999), field("p9999", s.p9999), field("max", s.max),
             field("held_over_live", s.held_over_live));
}

int run(int argc, char** argv) {
  const auto found = argc >= 2 ? allocators.find(argv[1]) : allocators.end();
  if (argc < 5 || found == allocators.end()) {
    fmt::print(stderr, "usage: exalloc-bench-host ALLOCATOR CASE SIZE MILLISECONDS [PAIRS]\n");
    return 2;
  }
  const request r{argv[1], argv[2], static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)),
                  std::strtod(argv[4], nullptr), argc > 5 ? std::strtoul(argv[5], nullptr, 10) : 0};
  // An allocator that hangs must not keep its processors.
  ::alarm(20 + static_cast<unsigned>(r.milliseconds / 100));
  if (r.pairs == 0) claim_processor(r.allocator != "exalloc-zone-core");
  print(found->second(r));
  return 0;
}

}  // namespace
}  // namespace exalloc::bench

int main(int argc, char** argv) {
  try {
    return exalloc::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
