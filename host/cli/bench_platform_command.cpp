// `exalloc bench platform`: the card behind a PCIe link.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_output.hpp"
#include "bench_platform.hpp"
#include "platform_timeline.hpp"
#include "usage.hpp"

namespace exalloc::cli {
namespace {

nlohmann::ordered_json to_json(const bench::spread& s) {
  return {{"p50", s.p50}, {"p99", s.p99}, {"p999", s.p999}, {"max", s.max}};
}

nlohmann::ordered_json to_json(const bench::platform_case& c) {
  return {{"portals", c.portals},
          {"stock", c.stock},
          {"blocks_per_s", c.blocks_per_s},
          {"bound_blocks_per_s", c.bound_blocks_per_s},
          {"naive_blocks_per_s", c.naive_blocks_per_s},
          {"bytes_per_block", c.bytes_per_block},
          {"miss_ns", to_json(c.miss_ns)},
          {"sync_ns", to_json(c.sync_ns)},
          {"free_ns", to_json(c.free_ns)}};
}

std::string text_of(const bench::spread& s) {
  return fmt::format("{}/{}/{}/{}", s.p50, s.p99, s.p999, s.max);
}

void bench_platform(const bench::platform_options& options, const std::string& json_file) {
  json_output json(json_file);
  const bench::platform_result result = bench::measure_platform(
      options, [](const std::string& what) { fmt::print(stderr, "measuring {}\n", what); });
  std::FILE* const text = json.text();
  fmt::print(text, "link {}; M blocks/s allocated and freed; ns as p50/p99/p99.9/max\n",
             result.link);
  fmt::print(text, "{:>7} {:>5} {:>8} {:>8} {:>5} {:<10} {:>7} {:>6} {:>7}  {:<21} {:<21} {}\n",
             "portals", "stock", "blocks", "bound", "%", "set by", "naive", "times", "B/block",
             "miss", "synchronous", "free");
  for (const bench::platform_case& c : result.cases) {
    fmt::print(text,
               "{:>7} {:>5} {:>8.1f} {:>8.1f} {:>5.0f} {:<10} {:>7.2f} {:>6.0f} {:>7.1f}  {:<21} "
               "{:<21} {}\n",
               c.portals, c.stock, c.blocks_per_s / 1e6, c.bound_blocks_per_s / 1e6,
               100 * c.blocks_per_s / c.bound_blocks_per_s, c.bound_by, c.naive_blocks_per_s / 1e6,
               c.blocks_per_s / c.naive_blocks_per_s, c.bytes_per_block, text_of(c.miss_ns),
               text_of(c.sync_ns), text_of(c.free_ns));
  }
  fmt::print(text, "{:.0f} card cycles simulated a second\n", result.cycles_per_s);
  nlohmann::ordered_json out{{"link", result.link}};
  for (const bench::platform_case& c : result.cases) out["results"].push_back(to_json(c));
  out["cycles_per_s"] = result.cycles_per_s;
  json.write(out);
}

void write_timelines(const std::string& link, std::uint64_t seed, const std::string& folder) {
  for (const bench::timeline& drawing : bench::draw_timelines(link, seed)) {
    const std::string name = fmt::format("{}/{}.json", folder, drawing.name);
    std::ofstream file(name);
    file << bench::wavedrom(drawing);
    file.close();
    if (!file) {
      throw std::runtime_error(
          fmt::format("{}: cannot be written; check folder and permissions", name));
    }
    fmt::print("{}: {}\n", name, drawing.title);
    for (const bench::timeline_row& row : drawing.rows) {
      fmt::print("  {:<19}", row.name);
      for (const auto& part : row.parts) {
        fmt::print(" {} {}-{}", part.what, part.begin_ps / 1000, part.end_ps / 1000);
        fmt::print("{}", &part == &row.parts.back() ? " ns" : ",");
      }
      fmt::print("\n");
    }
  }
}

void add_timeline(CLI::App& bench) {
  struct arguments {
    std::string link = "gen3x16", folder = ".";
    std::uint64_t seed = 1;
  };
  CLI::App* const command = bench.add_subcommand(
      "timeline", "Timing diagrams of what travels between processor and card, from a run.");
  const auto args = std::make_shared<arguments>();
  command->add_option("--link", args->link, "The PCIe link")
      ->check(CLI::IsMember({"gen3x8", "gen3x16", "gen4x8", "gen4x16", "zero"}))
      ->capture_default_str();
  command->add_option("--seed", args->seed, "Seed of the link's latencies")
      ->type_name("N")
      ->check(whole_number())
      ->capture_default_str();
  command->add_option("FOLDER", args->folder, "Where the diagrams go, as WaveDrom sources")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  command->footer(
      "Writes platform-miss.json, platform-refill.json and platform-naive.json, and prints when\n"
      "each transaction came to which place. scripts/draw makes pictures of those in docs/img.\n"
      "Example: exalloc bench timeline docs/img && scripts/draw");
  command->callback([args] { write_timelines(args->link, args->seed, args->folder); });
}

}  // namespace

void add_bench_platform(CLI::App& bench) {
  add_timeline(bench);
  struct arguments {
    bench::platform_options options;
    bool full = false;
  };
  CLI::App* const command = bench.add_subcommand(
      "platform", "Blocks a second and latencies of the Verilated card behind a PCIe link.");
  const auto args = std::make_shared<arguments>();
  bench::platform_options& options = args->options;
  command->add_option("--link", options.link, "The PCIe link")
      ->check(CLI::IsMember({"gen3x8", "gen3x16", "gen4x8", "gen4x16", "zero"}))
      ->capture_default_str();
  command
      ->add_option("--card", options.card,
                   "sim: the card on its link; xrt: the same below XRT, with scripts/xrt-sim")
      ->check(CLI::IsMember({"sim", "xrt"}))
      ->capture_default_str();
  command->add_option("--portals", options.portals, "Portals, each with a processor at it")
      ->type_name("N")
      ->check(whole_number(1, 64))
      ->default_str("1 4 16 64");
  command->add_option("--stocks", options.stocks, "Tokens that a processor keeps ready")
      ->type_name("N")
      ->check(whole_number(16, 4096))
      ->default_str("16 256 1024 4096");
  command->add_flag("--full", args->full, "1, 2, 4 ... 64 portals, and stocks of 16, 64 ... 4096");
  command->add_option("--probes", options.probes, "Latencies of each kind, at least")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Seed of the link's latencies")
      ->type_name("N")
      ->check(whole_number())
      ->capture_default_str();
  const auto json_file = add_json_option(*command);
  command->footer(
      "What processors that do nothing else allocate and free, the bound that link, engine, stock\n"
      "and processors set, and a design of one register read an allocation and one register write\n"
      "a free on the same link; the latency of a miss, of a synchronous allocation and of a free.\n"
      "docs/platform.md tells how. Times are simulated and repeat exactly; the run itself takes a\n"
      "minute or two, with --full three times that.\n"
      "Examples: exalloc bench platform --link gen4x8 --json platform.json\n"
      "          exalloc bench platform --portals 1 16 --stocks 1024\n"
      "          scripts/xrt-sim build/exalloc bench platform --card xrt");
  command->callback([args, json_file] {
    bench::platform_options& o = args->options;
    if (o.portals.empty())
      o.portals =
          args->full ? std::vector{1U, 2U, 4U, 8U, 16U, 32U, 64U} : std::vector{1U, 4U, 16U, 64U};
    if (o.stocks.empty())
      o.stocks = args->full ? std::vector{16U, 64U, 256U, 1024U, 4096U}
                            : std::vector{16U, 256U, 1024U, 4096U};
    bench_platform(o, *json_file);
  });
}

}  // namespace exalloc::cli
