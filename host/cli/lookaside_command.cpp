// `exalloc lookaside`: the lookaside lists of a living process, as !lookaside shows them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "live_command.hpp"
#include "status_tables.hpp"

namespace exalloc::cli {
namespace {

struct arguments : live_arguments {
  std::string pattern = "*";
};

constexpr const char* examples =
    "Columns: Depth is how many entries the list keeps at most just now, Max how many it ever "
    "may;\n"
    "Allocates and Frees are calls, the Misses after each those that went on to the list's own\n"
    "Allocate and Free; Hits is the share of allocations that did not; List is its number on the\n"
    "card, or 'host' when the card had none left.\n\n"
    "Examples:\n"
    "  exalloc lookaside                         of the only process that uses exalloc\n"
    "  exalloc lookaside 1234 --tag 'Ip*'        tags that begin with Ip ('?': any one character)\n"
    "  exalloc lookaside 1234 --sort hit_rate --reverse   the list that misses most first\n"
    "  exalloc lookaside 1234 --json | jq '.lookaside[] | select(.hit_rate < 0.5)'\n\n"
    "'exalloc top' shows the same live (key l). docs/watching.md tells more.\n\n"
    "Exit status: 0 all is well, 2 no such process, or one that cannot be watched.";

void print_lists(const arguments& args) {
  const auto process = ask(args);
  const status::page& page = process->page();
  inspect::table lists = inspect::lookaside_table(page, args.pattern);
  lists.sort(args.order, args.reverse);
  if (args.json) {
    print(nlohmann::ordered_json{{"process", process->process()},
                                 {"program", process->program()},
                                 {"lookaside", lists.json()},
                                 {"left_out", page.lookasides_left_out}});
  } else {
    print(lists.text());
    if (page.lookasides_left_out != 0)
      print(fmt::format("{} more are not shown\n", page.lookasides_left_out));
  }
}

}  // namespace

void add_lookaside(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("lookaside", "Print the lookaside lists of a running process.");
  const auto args = std::make_shared<arguments>();
  args->order = "allocates";
  add_process(*command, *args);
  command->add_option("--tag", args->pattern, "Only tags that match; * and ? are wildcards")
      ->type_name("PATTERN")
      ->capture_default_str();
  add_printing(*command, *args, inspect::lookaside_columns());
  command->footer(examples);
  command->callback([args] { print_lists(*args); });
}

}  // namespace exalloc::cli
