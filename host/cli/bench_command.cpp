// `exalloc bench`: measurements.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "bench_lines.hpp"
#include "bench_mix.hpp"
#include "bench_output.hpp"
#include "commands.hpp"
#include "usage.hpp"
#ifdef EXALLOC_HAS_SIM
#include "bench_rtl.hpp"
#include "rtl_engine.hpp"
#endif

namespace exalloc::cli {
namespace {

nlohmann::ordered_json to_json(const bench::mix_point& p) {
  return {{"live_bytes", p.live}, {"held_bytes", p.held}, {"held_over_live", p.ratio()}};
}

void bench_mix(const std::string& json_file) {
  json_output json(json_file);
  const auto results = bench::measure_mix(
      [](const std::string& name) { fmt::print(stderr, "measuring {}\n", name); });
  std::FILE* const text = json.text();
  const auto mebibytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  fmt::print(text, "{:<15} {:<18} {:>10} {:>10} {:>10} {:>9}\n", "allocator", "phase", "live MiB",
             "held MiB", "held/live", "ns/step");
  nlohmann::ordered_json out;
  for (const bench::mix_result& r : results) {
    nlohmann::ordered_json entry{{"allocator", r.allocator}};
    if (!r.failure.empty()) {
      fmt::print(text, "{:<15} cannot be measured: {}\n", r.allocator, r.failure);
      entry["failure"] = r.failure;
      out["results"].push_back(entry);
      continue;
    }
    for (std::size_t i = 0; i < r.phases.size(); ++i) {
      const bench::mix_point& p = r.phases[i];
      const auto& w = bench::mix_phases[i].percent;
      fmt::print(text, "{:<15} {:<18} {:>10.1f} {:>10.1f} {:>10.2f} {:>9.0f}\n", r.allocator,
                 fmt::format("{}/{}/{} %", w[0], w[1], w[2]), mebibytes(p.live), mebibytes(p.held),
                 p.ratio(), p.ns_per_step);
      nlohmann::ordered_json phase = to_json(p);
      phase["ns_per_step"] = p.ns_per_step;
      entry["phases"].push_back(phase);
    }
    fmt::print(text, "{:<15} {:<18} {:>10.1f} {:>10.1f} {:>10.2f}\n", r.allocator,
               "then 90 % freed", mebibytes(r.survivors.live), mebibytes(r.survivors.held),
               r.survivors.ratio());
    fmt::print(text, "{:<15} {:<18} {:>10} {:>10} {:>10.2f}\n", r.allocator, "worst phase", "", "",
               r.worst());
    entry["survivors"] = to_json(r.survivors);
    entry["worst"] = r.worst();
    out["results"].push_back(entry);
  }
  json.write(out);
}

void bench_lines(unsigned rounds, const std::string& json_file) {
  json_output json(json_file);
  nlohmann::ordered_json out;
  for (const bench::line_case& c : bench::measure_lines(rounds)) {
    fmt::print(json.text(), "{:<56} {:>6.1f} ns\n", c.name, c.ns);
    out["lines"].push_back({{"name", c.name}, {"ns", c.ns}});
  }
  json.write(out);
}

#ifdef EXALLOC_HAS_SIM

nlohmann::ordered_json to_json(const bench::rtl_case& c) {
  nlohmann::ordered_json out{{"engine", c.engine},
                             {"case", c.name},
                             {"banks", c.banks},
                             {"ops_per_cycle", c.ops_per_cycle},
                             {"blocks_per_cycle", c.blocks_per_cycle}};
  if (c.cycles)
    out["latency_cycles"] = {
        {"min", c.cycles->min}, {"median", c.cycles->median}, {"max", c.cycles->max}};
  return out;
}

void bench_rtl(const std::string& json_file) {
  json_output json(json_file);
  const auto cases = bench::measure_rtl(
      [](const std::string& name) { fmt::print(stderr, "measuring {}\n", name); });

  std::FILE* const text = json.text();
  fmt::print(text, "{:<9} {:<17} {:>5} {:>11} {:>13} {:>11}   latency in cycles\n", "engine",
             "case", "banks", "ops/cycle", "blocks/cycle", "Gblocks/s");
  fmt::print(text, "{:<9} {:<17} {:>5} {:>11} {:>13} {:>11}   min median max\n", "", "", "", "", "",
             fmt::format("at {:.0f} MHz", sim::rtl_engine::clock_mhz));
  for (const bench::rtl_case& c : cases) {
    fmt::print(
        text, "{:<9} {:<17} {:>5} {:>11.3f} {:>13.2f} {:>11.2f}   {}\n", c.engine, c.name, c.banks,
        c.ops_per_cycle, c.blocks_per_cycle, c.blocks_per_cycle * sim::rtl_engine::clock_mhz / 1000,
        c.cycles ? fmt::format("{:>3} {:>6} {:>3}", c.cycles->min, c.cycles->median, c.cycles->max)
                 : "  -      -   -");
  }

  nlohmann::ordered_json out{{"clock_mhz", sim::rtl_engine::clock_mhz}};
  for (const bench::rtl_case& c : cases) out["cases"].push_back(to_json(c));
  json.write(out);
}

#endif

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "bench", "Measure: cards, engines, the link, the pool, against other allocators.");
  command->footer(
      "Where to begin:\n"
      "  exalloc bench platform --portals 1 --stocks 1024   the card on a PCIe link: blocks a "
      "second\n"
      "  exalloc bench host --quick                         this machine: against malloc and "
      "others\n\n"
      "'rtl', 'platform' and 'timeline' count clock cycles and simulated time, and repeat "
      "exactly;\n"
      "the others measure this machine. 'exalloc bench NAME --help' tells what each one measures.");
  command->require_subcommand(1);
  add_bench_host(*command);
  add_bench_card(*command);
  CLI::App* const mix = command->add_subcommand(
      "mix", "Memory held for what is in use, while the sizes asked for shift: pool and malloc.");
  const auto mix_json = add_json_option(*mix);
  mix->footer(
      "Blocks of 64, 256 and 2048 bytes, 48 MiB in use at most, four phases of 1.5 million steps\n"
      "with the weights shown. A step frees a random block when more is in use or with\n"
      "probability 0.45, else allocates one and touches it. Held is the growth of resident\n"
      "memory, the allocator's tables included. Nonpaged pool needs as much lockable memory\n"
      "(ulimit -l), or EXALLOC_LOCK=0. Takes some seconds.\n"
      "Example: exalloc bench mix --json mix.json");
  mix->callback([mix_json] { bench_mix(*mix_json); });
  CLI::App* const lines = command->add_subcommand(
      "lines", "What this machine pays for ring lines that another core reads and writes.");
  const auto lines_json = add_json_option(*lines);
  const auto rounds = std::make_shared<unsigned>(4'000);
  lines->add_option("--rounds", *rounds, "Of which the median is taken")
      ->type_name("N")
      ->check(whole_number(1, 10'000'000))
      ->capture_default_str();
  lines->footer(
      "Medians, a line, in real time: run it on a machine that has nothing else\n"
      "to do. The other core stands for the card. The cost model of simulated processors\n"
      "(docs/replay.md) has its figures for lines from here.\n"
      "Example: exalloc bench lines --json lines.json");
  lines->callback([rounds, lines_json] { bench_lines(*rounds, *lines_json); });
#ifdef EXALLOC_HAS_SIM
  CLI::App* const rtl = command->add_subcommand(
      "rtl", "Operations per cycle and latency of the Verilated engines, at default size.");
  const auto json_file = add_json_option(*rtl);
  rtl->footer(
      "Rates are of all banks together, requests offered in every cycle; blocks are entries of\n"
      "the lookaside engine, tokens of a stream port. Latency is from a request's handshake to "
      "its\n"
      "answer, with one operation in flight; of a stream port, from its configuration to the "
      "first\n"
      "token. Takes about a minute.\n"
      "Example: exalloc bench rtl --json rtl.json");
  rtl->callback([json_file] { bench_rtl(*json_file); });
  add_bench_platform(*command);
#endif
}

}  // namespace exalloc::cli
