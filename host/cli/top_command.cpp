// `exalloc top`: a live poolmon for a running process.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "commands.hpp"
#include "input_error.hpp"
#include "live_command.hpp"
#include "live_process.hpp"
#include "terminal.hpp"
#include "top_view.hpp"

namespace exalloc::cli {
namespace {

using std::chrono::milliseconds;

struct arguments {
  live_arguments live;
  std::string pattern = "*";
  std::string order = "bytes";
  double seconds = 1;
};

constexpr const char* examples =
    "The columns are poolmon's: tag, type, allocations and frees since the process began, their\n"
    "difference, bytes in use, bytes an allocation; in brackets, the change since the last "
    "screen.\n"
    "Keys: t a f d b m sort by a column, r turns the order round, p shows nonpaged, paged or "
    "both,\n"
    "/ takes a pattern, l lookaside lists, z zones, c the card, h help, q leaves.\n\n"
    "Examples:\n"
    "  exalloc top                     the only process that uses exalloc, or a list to choose "
    "from\n"
    "  exalloc top 1234                that process\n"
    "  exalloc top 1234 --tag 'Ip*' --sort diff --every 5\n"
    "  exalloc pool 1234               the same once, as text: for scripts\n\n"
    "Every process can be watched by its owner, unless it was started with EXALLOC_STATUS=0.\n"
    "docs/watching.md tells more.\n\n"
    "Exit status: 0 all is well, 2 no such process, one that cannot be watched, or no terminal.";

// The user's choice; nothing if he leaves.
std::optional<std::uint64_t> choose(terminal& screen) {
  const auto all = inspect::watchable_processes();
  for (std::size_t chosen = 0;;) {
    std::vector<top_view::line> lines{
        {"Which process?  arrows, then Enter; q quits", top_view::look::title}};
    const std::size_t room = std::max<std::size_t>(1, screen.height() - 1);
    const std::size_t first = chosen < room ? 0 : chosen - room + 1;
    for (std::size_t i = first; i < all.size() && i - first < room; ++i)
      lines.push_back({fmt::format("{:>8} {}", all[i].process, all[i].program),
                       i == chosen ? top_view::look::heading : top_view::look::plain});
    screen.show(lines);
    const auto event = screen.wait(std::chrono::hours(1));
    if (std::holds_alternative<terminal::gone>(event)) return std::nullopt;
    if (const char* key = std::get_if<char>(&event); key != nullptr && *key == 'q')
      return std::nullopt;
    if (const auto* key = std::get_if<special_key>(&event)) {
      if (*key == special_key::up && chosen > 0) --chosen;
      if (*key == special_key::down && chosen + 1 < all.size()) ++chosen;
      if (*key == special_key::enter) return all[chosen].process;
    }
  }
}

// Until the user leaves.
void watch(terminal& screen, inspect::live_process& process, top_view& view, milliseconds every) {
  using clock = std::chrono::steady_clock;
  auto next = clock::now();
  for (;;) {
    if (clock::now() >= next) {
      view.update(process, process.refresh(milliseconds(500)));
      next = clock::now() + every;
    }
    screen.show(view.lines(screen.height(), screen.width()));
    const auto left = std::chrono::ceil<milliseconds>(next - clock::now());
    const auto event = screen.wait(std::max(left, milliseconds(0)));
    if (std::holds_alternative<terminal::gone>(event)) return;
    if (const char* key = std::get_if<char>(&event); key != nullptr && !view.press(*key)) return;
    if (const auto* key = std::get_if<special_key>(&event)) view.press(*key);
  }
}

void top(const arguments& args) {
  const auto every = milliseconds(std::llround(args.seconds * 1000));
  std::optional<std::uint64_t> number = args.live.process;
  std::unique_ptr<inspect::live_process> process;
  if (!number) {
    const auto all = inspect::watchable_processes();
    // One is taken, none is an error.
    if (all.size() < 2) number = inspect::choose_process(std::nullopt);
  }
  // Before the terminal becomes a screen, on which errors would be lost.
  if (number) process = std::make_unique<inspect::live_process>(*number);
  terminal screen;
  if (!number) {
    number = choose(screen);
    if (!number) return;
    process = std::make_unique<inspect::live_process>(*number);
  }
  top_view view({args.pattern, inspect::tag_order_of(args.order).value(), false});
  watch(screen, *process, view, every);
}

}  // namespace

void add_top(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("top", "Watch the pool of a running process, live, as poolmon does.");
  const auto args = std::make_shared<arguments>();
  add_process(*command, args->live);
  command->add_option("--every", args->seconds, "Time from screen to screen")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str();
  command->add_option("--tag", args->pattern, "Only tags that match; * and ? are wildcards")
      ->type_name("PATTERN")
      ->capture_default_str();
  command->add_option("--sort", args->order, "The column to sort by at first")
      ->check(CLI::IsMember(inspect::tag_order_names()))
      ->capture_default_str();
  command->footer(examples);
  command->callback([args] { top(*args); });
}

}  // namespace exalloc::cli
