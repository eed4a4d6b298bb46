#include "bench_platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>

#include "exalloc/regs.hpp"
#include "platform_host.hpp"
#include "platform_xrt.hpp"

namespace exalloc::bench {
namespace {

namespace off = regs::offset;

constexpr std::uint64_t warm_up_ns = 10'000, longest_warm_up_ns = 3'000'000, naive_ns = 20'000;
constexpr unsigned fewest_probes_each = 8;

double naive_rate(measured_card& device, unsigned processors) {
  const picoseconds end = device.now() + naive_ns * sim::ps_per_ns;
  return static_cast<double>(device.naive_pairs(processors, end)) / (naive_ns * 1e-9);
}

struct bound {
  double pairs_per_s;
  const char* by;
};

// docs/platform.md has this in words.
bound bound_of(const sim::link_settings& link, unsigned portals, unsigned stock) {
  const replay::cost_model cost;
  constexpr double tokens = regs::tokens_per_line, line = regs::line_bytes, burst = 4;
  const double granted = std::min(stock, bench_processor::most_granted);  // by a line
  const double lines_out = 1 / tokens + 1 / granted, lines_in = 1 / tokens;
  bound least{4 * 300e6 / (1.0 / 16 + 1 / tokens), "engine"};
  const auto take = [&](double rate, const char* by) {
    if (rate < least.pairs_per_s) least = {rate, by};
  };
  if (link.has_rate()) {
    const double up =
        lines_in * (line + sim::request_overhead) + lines_out * sim::request_overhead / burst;
    const double down = lines_out * (line + sim::completion_overhead / burst) +
                        (4 + sim::request_overhead) / granted;
    take(static_cast<double>(link.bytes_per_second()) / std::max(up, down), "link");
  }
  const double loop =
      static_cast<double>(link.doorbell_ns() + link.memory_read_ns(64) + link.memory_write_ns(64));
  if (loop > 0) take(portals * stock / (loop * 1e-9), "stock");
  const double host = static_cast<double>(cost.fast_allocation_ns + cost.fast_free_ns) +
                      lines_in * static_cast<double>(cost.line_read_ns) +
                      lines_out * static_cast<double>(cost.line_written_ns) +
                      static_cast<double>(cost.doorbell_ns) / granted;
  take(portals / (host * 1e-9), "processors");
  return least;
}

spread spread_of(std::vector<std::uint64_t> all) {
  if (all.empty()) throw std::runtime_error("bench platform: nothing was measured");
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    const auto n = static_cast<double>(all.size());
    return all[static_cast<std::size_t>(std::max(std::ceil(share * n), 1.0)) - 1];
  };
  return {at(0.5), at(0.99), at(0.999), all.back()};
}

platform_case measure(measured_card& device, const sim::link_settings& link,
                      const platform_options& options, unsigned portals, unsigned stock) {
  prepare(device);
  platform_case out;
  out.portals = portals;
  out.stock = stock;
  const bound b = bound_of(link, portals, stock);
  out.bound_blocks_per_s = b.pairs_per_s;
  out.bound_by = b.by;
  out.naive_blocks_per_s = naive_rate(device, portals);

  const auto later = [&](std::uint64_t ns) { return device.now() + ns * sim::ps_per_ns; };
  std::vector<std::unique_ptr<bench_processor>> processors;
  for (unsigned p = 0; p < portals; ++p) {
    processors.push_back(std::make_unique<bench_processor>(device, p, stock));
    processors.back()->probes_left = 2 * std::max(options.probes / portals, fewest_probes_each);
  }
  device.read(off::id);
  run(device, processors, later(1'000'000'000), &bench_processor::probe);

  const auto pairs = [&] {
    std::uint64_t sum = 0;
    for (const auto& p : processors) sum += p->pairs;
    return sum;
  };
  // Until nothing is left of how it began: stocks that fill and rings that take much in.
  const sim::picoseconds longest = later(longest_warm_up_ns);
  const auto warm = [&] {
    return device.now() >= longest ||
           std::all_of(processors.begin(), processors.end(),
                       [](const auto& p) { return p->pairs >= 3 * p->turnover() / 2; });
  };
  while (!warm()) run(device, processors, later(warm_up_ns), &bench_processor::work);
  for (auto& p : processors) p->free_ns.clear();
  const std::uint64_t pairs_before = pairs();
  const auto before = device.counted();
  run(device, processors, later(options.measured_ns), &bench_processor::work);
  const auto after = device.counted();
  const auto done = static_cast<double>(pairs() - pairs_before);
  out.blocks_per_s = done / (static_cast<double>(options.measured_ns) * 1e-9);
  out.bytes_per_block =
      static_cast<double>(after.down_bytes - before.down_bytes + after.up_bytes - before.up_bytes) /
      done;
  std::vector<std::uint64_t> sync, miss, frees;
  for (const auto& p : processors) {
    sync.insert(sync.end(), p->sync_ns.begin(), p->sync_ns.end());
    miss.insert(miss.end(), p->miss_ns.begin(), p->miss_ns.end());
    frees.insert(frees.end(), p->free_ns.begin(), p->free_ns.end());
  }
  out.sync_ns = spread_of(std::move(sync));
  out.miss_ns = spread_of(std::move(miss));
  out.free_ns = spread_of(std::move(frees));
  return out;
}

std::unique_ptr<measured_card> open_measured(const std::string& card,
                                             const sim::link_settings& link) {
  if (card == "xrt") return open_measured_xrt(link);
  return std::make_unique<platform_card>(link);
}

}  // namespace

platform_result measure_platform(const platform_options& options, const platform_progress& tell) {
  sim::link_settings link = sim::link_preset(options.link);
  link.seed = options.seed;
  platform_result out;
  out.link = options.link;
  const std::size_t cases = options.portals.size() * options.stocks.size();
  std::uint64_t cycles = 0;
  const auto began = std::chrono::steady_clock::now();
  for (const unsigned portals : options.portals) {
    for (const unsigned stock : options.stocks) {
      tell(fmt::format("{} of {}: {} portals, stock {}", out.cases.size() + 1, cases, portals,
                       stock));
      const std::unique_ptr<measured_card> device = open_measured(options.card, link);
      const std::uint64_t cycles_before = device->counted().cycles;
      out.cases.push_back(measure(*device, link, options, portals, stock));
      cycles += device->counted().cycles - cycles_before;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  out.cycles_per_s = static_cast<double>(cycles) / took.count();
  return out;
}

}  // namespace exalloc::bench
