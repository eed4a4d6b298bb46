// `exalloc zones`: the zones of a living process.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "live_command.hpp"
#include "status_tables.hpp"

namespace exalloc::cli {
namespace {

constexpr const char* examples =
    "Columns: Address is the ZONE_HEADER's, Size a block's in bytes; In use are blocks that were\n"
    "allocated and not freed (exact when no thread is in a call); List is the zone's number on "
    "the\n"
    "card, or 'host' when the card had none left; Mode is 'scarce' while so few blocks are free "
    "that\n"
    "threads share them, 'lost' when the card is lost and the zone goes on in the host; "
    "Quarantined\n"
    "are blocks that the lost card or its kernels may have: in use until somebody frees them.\n\n"
    "Examples:\n"
    "  exalloc zones                        of the only process that uses exalloc\n"
    "  exalloc zones 1234 --sort used       the fullest first\n"
    "  exalloc zones 1234 --json | jq '.zones[] | select(.free == 0)'\n\n"
    "'exalloc top' shows the same live (key z). docs/watching.md tells more.\n\n"
    "Exit status: 0 all is well, 2 no such process, or one that cannot be watched.";

void print_zones(const live_arguments& args) {
  const auto process = ask(args);
  const status::page& page = process->page();
  inspect::table zones = inspect::zone_table(page);
  zones.sort(args.order, args.reverse);
  if (args.json) {
    print(nlohmann::ordered_json{{"process", process->process()},
                                 {"program", process->program()},
                                 {"card", inspect::card_json(page)},
                                 {"zones", zones.json()},
                                 {"left_out", page.zones_left_out}});
  } else {
    print(zones.text());
    if (page.zones_left_out != 0)
      print(fmt::format("{} more are not shown\n", page.zones_left_out));
  }
}

}  // namespace

void add_zones(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("zones", "Print the zones of a running process.");
  const auto args = std::make_shared<live_arguments>();
  args->order = "in_use";
  add_process(*command, *args);
  add_printing(*command, *args, inspect::zone_columns());
  command->footer(examples);
  command->callback([args] { print_zones(*args); });
}

}  // namespace exalloc::cli
