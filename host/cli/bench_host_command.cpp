// `exalloc bench host`: exalloc against software allocators.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "bench_output.hpp"
#include "host/host_run.hpp"
#include "usage.hpp"

namespace exalloc::cli {
namespace {

using namespace bench;

std::string number(double value, int digits = 1) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}
std::string size_name(unsigned size) { return size == 0 ? "mixed" : fmt::format("{} B", size); }

const host_row* find(const host_results& results, const std::string& allocator,
                     const std::string& what, unsigned size) {
  for (const host_row& r : results.rows)
    if (r.allocator == allocator && r.what == what && r.size == size) return &r;
  return nullptr;
}

std::vector<unsigned> sizes_in(const host_results& results, const std::string& what) {
  std::vector<unsigned> out;
  for (const unsigned size : host_sizes)
    if (std::any_of(results.rows.begin(), results.rows.end(),
                    [&](auto& r) { return r.what == what && r.size == size; }))
      out.push_back(size);
  return out;
}

// Allocators in a case, the fastest at its first size first.
std::vector<std::string> allocators_in(const host_results& results, const std::string& what) {
  std::vector<const host_row*> rows;
  for (const host_row& r : results.rows)
    if (r.what == what && r.size == sizes_in(results, what).front() && r.failure.empty())
      rows.push_back(&r);
  std::stable_sort(rows.begin(), rows.end(), [](auto* a, auto* b) {
    return a->medians.ns_per_pair < b->medians.ns_per_pair;
  });
  std::vector<std::string> out;
  for (const host_row* r : rows) out.push_back(r->allocator);
  return out;
}

void print_times(std::FILE* text, const host_results& results, const host_case& c) {
  const auto sizes = sizes_in(results, c.name);
  // Elsewhere the one is the other, but for the helper thread of exalloc-zone-core.
  const bool both = c.name[0] == 'd';
  fmt::print(text, "\n{}: {}\n{:<22}", c.name, c.means, "");
  for (const unsigned size : sizes) fmt::print(text, " {:>{}}", size_name(size), both ? 26 : 17);
  fmt::print(text, "\n{:<22}", "allocator");
  for (std::size_t i = 0; i < sizes.size(); ++i)
    fmt::print(text, " {:>9}{} {:>7}", "ns/pair", both ? "   cpu ns" : "", "÷ ours");
  fmt::print(text, "\n");
  for (const std::string& name : allocators_in(results, c.name)) {
    fmt::print(text, "{:<22}", name);
    for (const unsigned size : sizes) {
      const host_row* const row = find(results, name, c.name, size);
      const host_row* const ours = find(results, c.ours, c.name, size);
      const sample s = row == nullptr ? sample{} : row->medians;
      fmt::print(text, " {:>9}{} {:>7}", number(s.ns_per_pair),
                 both ? fmt::format(" {:>8}", number(s.cpu_ns_per_pair)) : "",
                 number(ours == nullptr ? none : s.ns_per_pair / ours->medians.ns_per_pair, 2));
    }
    fmt::print(text, "\n");
  }
}

void print_tails(std::FILE* text, const host_results& results, const host_case& c) {
  const auto has_tails = [&](const host_row& r) {
    return r.what == c.name && !std::isnan(r.medians.p50);
  };
  if (std::none_of(results.rows.begin(), results.rows.end(), has_tails)) return;
  fmt::print(text, "\n{}: one allocation, ns\n{:<22} {:>6} {:>8} {:>8} {:>8} {:>9} {:>10}\n",
             c.name, "allocator", "size", "p50", "p99", "p99.9", "p99.99", "max");
  for (const unsigned size : sizes_in(results, c.name)) {
    for (const std::string& name : allocators_in(results, c.name)) {
      const host_row* const r = find(results, name, c.name, size);
      if (r == nullptr || !has_tails(*r)) continue;
      const sample& s = r->medians;
      fmt::print(text, "{:<22} {:>6} {:>8} {:>8} {:>8} {:>9} {:>10}\n", name, size_name(size),
                 number(s.p50, 0), number(s.p99, 0), number(s.p999, 0), number(s.p9999, 0),
                 number(s.max, 0));
    }
  }
}

void print_held(std::FILE* text, const host_results& results, const host_case& c) {
  const auto has = [&](const host_row& r) {
    return r.what == c.name && !std::isnan(r.medians.held_over_live);
  };
  if (std::none_of(results.rows.begin(), results.rows.end(), has)) return;
  fmt::print(text, "\n{}: {}\n", c.name,
             std::string(c.name) == "f" ? "memory held over memory live, worst phase"
                                        : "blocks there are over blocks one thread could have");
  for (const host_row& r : results.rows)
    if (has(r))
      fmt::print(text, "{:<22} {:>6} {:>8}\n", r.allocator, size_name(r.size),
                 number(r.medians.held_over_live, 3));
}

void print_goals(std::FILE* text, const host_results& results) {
  fmt::print(
      text, "\ngoals: the peer's figure over ours\n{:<12} {:>6} {:<15} {:<22} {:<13} {:>8} {:>6}\n",
      "case", "size", "figure", "ours", "against", "ratio", "goal");
  for (const host_goal& g : host_goals()) {
    const double ratio = ratio_of(g, results);
    if (std::isnan(ratio)) continue;
    fmt::print(text, "{:<12} {:>6} {:<15} {:<22} {:<13} {:>8} {:>6}  {}\n", g.what,
               size_name(g.size), g.figure_name, g.ours,
               std::string(g.peer) == "malloc" ? "best malloc" : g.peer, number(ratio, 2),
               number(g.at_least, 1), ratio >= g.at_least ? "met" : "missed");
  }
}

void print_absent(std::FILE* text) {
  for (const host_allocator& a : host_allocators())
    if (!a.absent.empty()) fmt::print(text, "not measured: {}: {}\n", a.name, a.absent);
}

void print_failures(std::FILE* text, const host_results& results) {
  std::map<std::pair<std::string, std::string>, std::string> where;  // by allocator and reason
  for (const host_row& r : results.rows)
    if (!r.failure.empty())
      where[{r.allocator, r.failure}] += fmt::format(" {} ({})", r.what, size_name(r.size));
  for (const auto& [what, cases] : where)
    fmt::print(text, "failed: {}: {}; in{}\n", what.first, what.second, cases);
}

nlohmann::ordered_json rounded(double value) {
  if (std::isnan(value)) return nullptr;
  return std::round(value * 1000) / 1000;
}

nlohmann::ordered_json to_json(const host_results& results) {
  nlohmann::ordered_json out{{"core_to_core_ns", nlohmann::ordered_json::array()},
                             {"results", nlohmann::ordered_json::array()}};
  for (const double ns : results.core_to_core_ns) out["core_to_core_ns"].push_back(rounded(ns));
  for (const host_row& r : results.rows) {
    if (!r.failure.empty()) continue;
    const sample& s = r.medians;
    out["results"].push_back({{"allocator", r.allocator},
                              {"case", r.what},
                              {"size", r.size},
                              {"ns_per_pair", rounded(s.ns_per_pair)},
                              {"cpu_ns_per_pair", rounded(s.cpu_ns_per_pair)},
                              {"p50", rounded(s.p50)},
                              {"p99", rounded(s.p99)},
                              {"p999", rounded(s.p999)},
                              {"p9999", rounded(s.p9999)},
                              {"max", rounded(s.max)},
                              {"held_over_live", rounded(s.held_over_live)},
                              {"rounds", r.rounds}});
  }
  return out;
}

const host_progress progress = [](const std::string& what) { fmt::print(stderr, "{}\n", what); };

void run(const host_options& options, const std::string& json_file) {
  json_output json(json_file);
  const host_results results = measure_host(options, progress);
  std::FILE* const text = json.text();
  fmt::print(text, "core to core, one way, each round:");
  for (const double ns : results.core_to_core_ns) fmt::print(text, " {:.0f}", ns);
  fmt::print(text, " ns\n");
  for (const host_case& c : host_cases) {
    if (allocators_in(results, c.name).empty()) continue;
    print_times(text, results, c);
    print_tails(text, results, c);
    print_held(text, results, c);
  }
  print_goals(text, results);
  print_absent(text);
  print_failures(text, results);
  json.write(to_json(results));
  if (std::all_of(results.rows.begin(), results.rows.end(),
                  [](auto& r) { return !r.failure.empty(); }))
    throw std::runtime_error(
        "nothing was measured: see --help for which allocator is in which case");
}

void count(const host_options& options, const std::string& json_file) {
  json_output json(json_file);
  const auto counts = count_host_instructions(options, progress);
  fmt::print(json.text(), "instructions per pair at 64 B, the harness included\n");
  nlohmann::ordered_json out{{"instructions", nlohmann::ordered_json::array()}};
  for (const host_instructions& i : counts) {
    fmt::print(json.text(), "{:<22} {:<5} {:>8} {}\n", i.allocator, i.what, number(i.per_pair),
               i.failure);
    out["instructions"].push_back(
        {{"allocator", i.allocator}, {"case", i.what}, {"per_pair", rounded(i.per_pair)}});
  }
  print_absent(json.text());
  json.write(out);
}

std::string help_text() {
  std::string out =
      "A pair is an allocation and its free; ns/pair is wall clock, cpu ns the processor time of "
      "all\n"
      "threads, what they wait for each other left out; ÷ ours: over exalloc's, so above 1 exalloc "
      "is\n"
      "faster. The first 8 bytes of each block are written, but in d_untouched.\n\nCases:\n";
  for (const host_case& c : host_cases) out += fmt::format("  {:<12} {}\n", c.name, c.means);
  out += "\nAllocators:\n ";
  std::size_t column = 1;
  for (const host_allocator& a : host_allocators()) {
    if (column + a.name.size() > 90) {
      out += "\n ";
      column = 1;
    }
    out += " " + a.name;
    column += a.name.size() + 1;
  }
  return out +
         "\n\nEach figure is the median over rounds in which the allocators take turns, each in a "
         "process\n"
         "of its own. `empty` is the harness without an allocator: take it off in your mind. With "
         "two\n"
         "processors and the right to real-time priority (root) a busy machine disturbs little.\n"
         "Examples: exalloc bench host --quick --json host.json\n"
         "          exalloc bench host --case a --size 64 --allocator exalloc-zone dpdk-cached\n"
         "          exalloc bench host --instructions";
}

}  // namespace

void add_bench_host(CLI::App& bench) {
  struct chosen {
    bench::host_options options;
    bool quick = false, instructions = false;
    unsigned rounds = 0;
    double milliseconds = 0;
  };
  CLI::App* const command = bench.add_subcommand(
      "host",
      "exalloc against glibc, jemalloc, mimalloc, tcmalloc, boost, pmr, DPDK, hand-made lists.");
  const auto c = std::make_shared<chosen>();
  std::vector<std::string> names, cases;
  for (const auto& a : bench::host_allocators()) names.push_back(a.name);
  for (const auto& k : bench::host_cases) cases.emplace_back(k.name);
  command->add_flag("--quick", c->quick,
                    "5 rounds of 20 ms each, some 3 minutes; else 15 of 60 ms, 20 minutes");
  command->add_option("--rounds", c->rounds, "How often each figure is measured")
      ->check(whole_number(1, 1000));
  command->add_option("--milliseconds", c->milliseconds, "How long each time")
      ->check(CLI::Range(0.01, 10000.0));
  command->add_option("--allocator", c->options.allocators, "Only these")
      ->check(CLI::IsMember(names))
      ->type_name("NAME");
  command->add_option("--case", c->options.cases, "Only these")
      ->check(CLI::IsMember(cases))
      ->type_name("NAME");
  command->add_option("--size", c->options.sizes, "Only these: bytes, 0 for all three mixed")
      ->check(CLI::IsMember(std::vector<unsigned>{0, 64, 256, 2048}))
      ->type_name("BYTES");
  command->add_flag("--instructions", c->instructions,
                    "Count instructions of cases a and b64 with valgrind instead");
  const auto json_file = add_json_option(*command);
  command->footer(help_text());
  command->callback([c, json_file] {
    c->options.rounds = c->rounds != 0 ? c->rounds : c->quick ? 5 : 15;
    c->options.milliseconds = c->milliseconds != 0 ? c->milliseconds : c->quick ? 20 : 60;
    if (c->instructions) return count(c->options, *json_file);
    run(c->options, *json_file);
  });
}

}  // namespace exalloc::cli
