// `exalloc bench`: measurements.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "bench_rtl.hpp"
#include "commands.hpp"
#include "rtl_engine.hpp"

namespace exalloc::cli {
namespace {

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
  std::ofstream file;
  if (!json_file.empty() && json_file != "-") {
    file.open(json_file);
    if (!file) {
      throw std::runtime_error(
          fmt::format("--json {}: cannot be written; check folder and permissions", json_file));
    }
  }
  const auto cases = bench::measure_rtl(
      [](const std::string& name) { fmt::print(stderr, "measuring {}\n", name); });

  std::FILE* const text = json_file == "-" ? stderr : stdout;
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
  if (json_file == "-") {
    fmt::print("{}\n", out.dump(2));
  } else if (file.is_open()) {
    file << out.dump(2) << '\n';
    file.close();
    if (!file) {
      throw std::runtime_error(
          fmt::format("--json {}: could not be written; is the disk full?", json_file));
    }
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("bench", "Measure.");
  command->require_subcommand(1);
  CLI::App* const rtl = command->add_subcommand(
      "rtl", "Operations per cycle and latency of the Verilated engines, at default size.");
  const auto json_file = std::make_shared<std::string>();
  rtl->add_option("--json", *json_file,
                  "Write the figures as JSON too ('-': to stdout, and the table to stderr)")
      ->type_name("FILE");
  rtl->footer(
      "Rates are of all banks together, requests offered in every cycle; blocks are entries of\n"
      "the lookaside engine, tokens of a stream port. Latency is from a request's handshake to "
      "its\n"
      "answer, with one operation in flight; of a stream port, from its configuration to the "
      "first\n"
      "token. Takes about a minute.\n"
      "Example: exalloc bench rtl --json rtl.json");
  rtl->callback([json_file] { bench_rtl(*json_file); });
}

}  // namespace exalloc::cli
