// `exalloc replay`: a recorded allocation trace, played on a card.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "commands.hpp"
#include "exalloc/card.hpp"
#include "exalloc/stats.hpp"
#include "from_environment.hpp"
#include "library_allocator.hpp"
#include "progress.hpp"
#include "replay.hpp"
#include "report.hpp"
#include "usage.hpp"

namespace exalloc::cli {
namespace {

struct arguments {
  std::string trace;
  std::string format = "auto";
  std::string card;
  std::string caches = "lookaside";
  std::string magazines = "on";
  std::string link;
  std::string timing = "closed";
  std::uint64_t limit = 0;
  std::optional<std::uint64_t> seed;
  std::string json;
  std::string wave;
  std::string fault;
  bool strict = false;
  bool warm = false;
  std::uint64_t zone_blocks = 64;
};

constexpr const char* examples =
    "Examples:\n"
    "  exalloc replay trace.txt.xz                     on the soft card: are the calls right?\n"
    "  exalloc replay trace.txt --card sim             on the Verilated card: how fast are they?\n"
    "  exalloc replay trace.txt --link gen4x8 --timing open   at the trace's own times\n"
    "  exalloc replay trace.txt --card xrt             on a card through XRT (docs/xrt.md)\n"
    "  exalloc replay trace.txt --json - | jq .checks  for scripts\n"
    "  exalloc replay trace.txt --caches zone          caches as zones, not lookaside lists\n"
    "  exalloc replay trace.txt --card sim --limit 2000 --wave card.fst\n"
    "  exalloc replay trace.txt --card sim --fault lost:completion@1%,seed=7\n\n"
    "Faults (--fault, sim only), separated by commas:\n"
    "  late:TLPS@WHICH+TIME  lost:TLPS@WHICH  dup:TLPS@WHICH  poison:TLPS@WHICH\n"
    "  slverr:read@WHICH or :write  decerr:...        the bus refuses the card's own accesses\n"
    "  down@TIME+TIME  retrain@TIME+TIME  reset@TIME  the link, the card\n"
    "  seed=N  start=TIME  timeout=TIME               (1, 200us, 50us)\n"
    "TLPS is write, read, completion or any, with .down (to the card) or .up (to the host);\n"
    "WHICH is a share (2%), a number (7: the seventh) or a time (300us: the first from then on),\n"
    "each with how many at most (2%x3); TIME is 800ns, 50us, 3ms. docs/platform.md tells what "
    "each\n"
    "one does. No block may be handed out twice or lost, whatever they are.\n\n"
    "Record a trace of your own system:\n"
    "  trace-cmd record -e kmem:kmalloc -e kmem:kfree -e kmem:kmem_cache_alloc \\\n"
    "            -e kmem:kmem_cache_free your-program; trace-cmd report > trace.txt\n"
    "or of one program, with glibc's mtrace:\n"
    "  MALLOC_TRACE=$PWD/trace.txt LD_PRELOAD=libc_malloc_debug.so.0 your-program\n"
    "  (your-program must call mtrace(); docs/replay.md tells how without)\n\n"
    "Exit status: 0 all checks passed, 1 a check failed, 2 bad usage or input.";

bool terminal_is_utf8() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view locale = text_from_environment(name);
    if (locale.empty()) continue;
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

std::optional<replay::trace_format> format_of(const std::string& name) {
  if (name == "ftrace") return replay::trace_format::ftrace;
  if (name == "mtrace") return replay::trace_format::mtrace;
  return std::nullopt;
}

void flush_or_throw(std::FILE* stream, const char* name) {
  if (std::fflush(stream) != 0) {
    throw std::runtime_error(fmt::format("{} cannot be written; is the disk full?", name));
  }
}

// Completes the recording whatever ends the replay.
struct recording {
  ~recording() {
    if (on) current_card().trace({});
  }
  bool on = false;
};

// The simulated card reads its link from the environment when it is opened.
void choose_link(const arguments& args) {
  if (!args.link.empty()) ::setenv("EXALLOC_LINK", args.link.c_str(), 1);
  if (args.seed) ::setenv("EXALLOC_LINK_SEED", std::to_string(*args.seed).c_str(), 1);
}

replay::replay_result run(const arguments& args) {
  recording waves;
  std::unique_ptr<replay::library_allocator> calls;
  const auto open = [&]() -> replay::allocator& {
    choose_link(args);
    if (!args.fault.empty()) ::setenv("EXALLOC_FAULT", args.fault.c_str(), 1);
    const bool needs_sim = !args.link.empty() || !args.fault.empty();
    const std::string card = args.card.empty() && needs_sim ? "sim" : args.card;
    calls = std::make_unique<replay::library_allocator>(card, args.magazines == "on",
                                                        !args.fault.empty());
    if (args.timing == "open" && !calls->has_time()) {
      throw std::runtime_error(
          fmt::format("--timing open needs a simulated card, and the {} card has no time; add "
                      "--card sim or --link",
                      calls->card_name()));
    }
    if (!args.fault.empty() && calls->card_name() != "sim") {
      throw std::runtime_error(
          fmt::format("--fault needs the simulated link, and the {} card has none; add --card sim",
                      calls->card_name()));
    }
    if (!args.wave.empty()) {
      if (calls->card_name() != "sim") {
        throw std::runtime_error(
            fmt::format("--wave needs the Verilated card, and the {} card has no signals; add "
                        "--card sim",
                        calls->card_name()));
      }
      current_card().trace(args.wave);
      waves.on = true;
    }
    return *calls;
  };

  replay::replay_options options;
  options.trace = args.trace;
  options.reading = {format_of(args.format), args.limit, args.strict};
  options.seed = args.seed.value_or(1);
  options.timing = args.timing == "open" ? replay::call_timing::open : replay::call_timing::closed;
  options.caches = args.caches == "zone" ? replay::cache_kind::zone : replay::cache_kind::lookaside;
  options.warm = args.warm;
  options.zone_blocks = args.zone_blocks;
  options.complain = [](const std::string& text) { spdlog::warn("{}", text); };
  replay::progress progress;
  options.progress = [&](double fraction, std::uint64_t lines) { progress(fraction, lines); };
  return replay::run_replay(options, open);
}

// A place that cannot be written is told before the long run, not after it.
void refuse_unwritable(const char* option, const std::string& file, const std::string& trace) {
  std::error_code error;
  if (std::filesystem::equivalent(file, trace, error)) {
    throw std::runtime_error(
        fmt::format("{} {}: is the trace itself; name another file", option, file));
  }
  const bool existed = std::filesystem::exists(file, error);
  if (!std::ofstream(file, std::ios::app)) {
    throw std::runtime_error(
        fmt::format("{} {}: cannot be written; check folder and permissions", option, file));
  }
  if (!existed) std::filesystem::remove(file, error);
}

void replay_trace(const arguments& args) {
  if (!args.link.empty() && args.card == "soft") {
    throw std::runtime_error(
        "--link needs the simulated card, and the soft card has no link; leave out --card soft");
  }
  const bool json_to_stdout = args.json == "-";
  const bool json_to_file = !args.json.empty() && !json_to_stdout;
  if (json_to_file) refuse_unwritable("--json", args.json, args.trace);
  if (!args.wave.empty()) refuse_unwritable("--wave", args.wave, args.trace);

  const replay::replay_result result = run(args);

  std::FILE* const text_stream = json_to_stdout ? stderr : stdout;
  fmt::print(text_stream, "{}", replay::text_report(result, terminal_is_utf8()));
  flush_or_throw(text_stream, "the report");
  if (json_to_stdout) {
    fmt::print("{}", replay::json_report(result));
    flush_or_throw(stdout, "the JSON report");
  } else if (json_to_file) {
    std::ofstream json_file(args.json);
    json_file << replay::json_report(result);
    json_file.close();
    if (!json_file) {
      throw std::runtime_error(
          fmt::format("--json {}: could not be written; is the disk full?", args.json));
    }
  }
  if (!result.passed()) throw exit_with{check_failed};
}

}  // namespace

void add_replay(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "replay", "Play a recorded allocation trace on a card, check every call, report.");
  const auto args = std::make_shared<arguments>();
  command->add_option("TRACE", args->trace, "The trace: text, plain or compressed (xz, gz, zst)")
      ->required();
  command->add_option("--format", args->format, "Format of the trace")
      ->check(CLI::IsMember({"auto", "ftrace", "mtrace"}))
      ->capture_default_str();
  command
      ->add_option("--card", args->card,
                   "Card to play it on; without it EXALLOC_CARD decides, else soft")
      ->check(CLI::IsMember({"soft", "sim", "xrt"}));
  command
      ->add_option("--caches", args->caches,
                   "What a kmem_cache becomes: a zone or a lookaside list")
      ->check(CLI::IsMember({"zone", "lookaside"}))
      ->capture_default_str();
  command
      ->add_option("--magazines", args->magazines,
                   "off: every call on a lookaside list waits for the card, whose counts are "
                   "compared")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  command
      ->add_option("--link", args->link,
                   "PCIe link of the simulated card, and that card if --card is not given; without "
                   "it EXALLOC_LINK decides, else gen3x16")
      ->check(CLI::IsMember({"gen3x8", "gen3x16", "gen4x8", "gen4x16", "zero"}));
  command
      ->add_option("--timing", args->timing,
                   "closed: calls back to back; open: at the trace's own times (not for an mtrace, "
                   "which has none)")
      ->check(CLI::IsMember({"closed", "open"}))
      ->capture_default_str();
  command->add_flag("--warm", args->warm,
                    "Play the trace twice: first to fill stocks and to let zones and the Depth of "
                    "lookaside lists grow, then to count and measure");
  command
      ->add_option("--zone-blocks", args->zone_blocks,
                   "Blocks that a zone begins with (--caches zone); small zones are held short, so "
                   "that no processor keeps what another one needs")
      ->type_name("N")
      ->check(whole_number(1, 65'536))
      ->capture_default_str();
  command->add_option("--limit", args->limit, "Read only the first LINES lines (0: all)")
      ->type_name("LINES")
      ->check(whole_number());
  command
      ->add_option("--seed", args->seed,
                   "Seed of what is random, the link's latencies too: see docs/replay.md")
      ->type_name("N")
      ->check(whole_number())
      ->default_str("1");
  command
      ->add_option("--json", args->json,
                   "Write the report as JSON too ('-': to stdout, and the text to stderr)")
      ->type_name("FILE");
  command
      ->add_option("--wave", args->wave,
                   "Record the card's signals, and beside them, in FILE.transactions.fst, what "
                   "travels on the link by name (sim only)")
      ->type_name("FILE.fst");
  command->add_option("--fault", args->fault, "What goes wrong on link, bus and card: see below")
      ->type_name("FAULT,...")
      ->check([](const std::string& faults) {
        return std::string(faults.empty() ? "no fault is named, as in lost:completion@1%" : "");
      });
  command->add_flag("--strict", args->strict, "Refuse a trace with a malformed line");
  command->footer(examples);
  command->callback([args] { replay_trace(*args); });
}

}  // namespace exalloc::cli
