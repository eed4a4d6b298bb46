// `exalloc bench card`: a card in wall time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "bench_card.hpp"
#include "bench_output.hpp"
#include "from_environment.hpp"
#include "usage.hpp"

namespace exalloc::cli {
namespace {

nlohmann::ordered_json to_json(const bench::wall_spread& s) {
  return {{"p50", s.p50}, {"p99", s.p99}, {"p999", s.p999}, {"max", s.max}};
}

nlohmann::ordered_json to_json(const bench::card_case& c) {
  return {{"threads", c.threads},
          {"stock", c.stock},
          {"blocks_per_s", c.blocks_per_s},
          {"bound_blocks_per_s", c.bound_blocks_per_s},
          {"bound_by", c.bound_by},
          {"naive_blocks_per_s", c.naive_blocks_per_s},
          {"register_read_ns", to_json(c.register_read_ns)},
          {"miss_ns", to_json(c.miss_ns)},
          {"sync_ns", to_json(c.sync_ns)}};
}

std::string text_of(const bench::wall_spread& s) {
  return fmt::format("{}/{}/{}/{}", s.p50, s.p99, s.p999, s.max);
}

void bench_card(const bench::card_options& options, const std::string& json_file) {
  json_output json(json_file);
  const bench::card_result r = bench::measure_card(
      options, [](const std::string& what) { fmt::print(stderr, "measuring {}\n", what); });
  const unsigned processors = std::thread::hardware_concurrency();
  std::FILE* const text = json.text();
  fmt::print(text,
             "card {}, link {}, {} processors; wall time: M blocks/s, ns as p50/p99/p99.9/max\n",
             r.card, r.link.empty() ? "unknown" : r.link, processors);
  if (!r.caution.empty()) fmt::print(text, "caution: {}\n", r.caution);
  fmt::print(text, "{:>7} {:>5} {:>8} {:>8} {:<7} {:>7}  {:<25} {:<25} {}\n", "threads", "stock",
             "blocks", "bound", "set by", "naive", "miss", "synchronous", "register read");
  for (const bench::card_case& c : r.cases)
    fmt::print(text, "{:>7} {:>5} {:>8.2f} {:>8.1f} {:<7} {:>7.2f}  {:<25} {:<25} {}\n", c.threads,
               c.stock, c.blocks_per_s / 1e6, c.bound_blocks_per_s / 1e6, c.bound_by,
               c.naive_blocks_per_s / 1e6, text_of(c.miss_ns), text_of(c.sync_ns),
               text_of(c.register_read_ns));
  nlohmann::ordered_json out{{"card", r.card},
                             {"link", r.link},
                             {"clock", "wall"},
                             {"caution", r.caution},
                             {"processors", processors}};
  for (const bench::card_case& c : r.cases) out["results"].push_back(to_json(c));
  json.write(out);
}

}  // namespace

void add_bench_card(CLI::App& bench) {
  CLI::App* const command = bench.add_subcommand(
      "card", "Blocks a second and latencies of a card in wall time: of a real one, through XRT.");
  const auto options = std::make_shared<bench::card_options>();
  options->card = text_from_environment("EXALLOC_CARD", "soft");
  command->add_option("--card", options->card, "The card")
      ->check(CLI::IsMember({"soft", "soft-core", "sim", "xrt"}))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads, each with a portal of its own")
      ->type_name("N")
      ->check(whole_number(1, 64))
      ->default_str("1 4 16 64, as far as there are processors");
  command->add_option("--stocks", options->stocks, "Tokens that a thread keeps ready")
      ->type_name("N")
      ->check(whole_number(16, 4096))
      ->default_str("64 1024");
  command->add_option("--ms", options->measured_ms, "How long each rate is measured")
      ->type_name("N")
      ->check(whole_number(1, 60'000))
      ->capture_default_str();
  command->add_option("--probes", options->probes, "Latencies of each kind")
      ->type_name("N")
      ->check(whole_number(1, 10'000'000))
      ->capture_default_str();
  const auto json_file = add_json_option(*command);
  command->footer(
      "Threads at portals of their own allocate and free as fast as they can, and check that no\n"
      "block is handed out twice. Beside that: what engine and link allow, where XRT tells the\n"
      "link; a design of one register read an allocation and one register write a free; what an\n"
      "allocation takes that finds nothing ready, and a register read. Bind it to the card's NUMA\n"
      "node, on a machine that has nothing else to do. On a card that is simulated these are the\n"
      "times of the simulation: `exalloc bench platform` has simulated time.\n"
      "Examples: numactl -N 0 -m 0 exalloc bench card --card xrt --json card.json\n"
      "          exalloc bench card --card soft-core --threads 1");
  command->callback([options, json_file] {
    const unsigned processors = std::max(std::thread::hardware_concurrency(), 1U);
    if (options->threads.empty()) {
      for (const unsigned n : {1U, 4U, 16U, 64U})
        if (n <= processors) options->threads.push_back(n);
    }
    if (options->stocks.empty()) options->stocks = {64, 1024};
    bench_card(*options, *json_file);
  });
}

}  // namespace exalloc::cli
