// `exalloc pool`: the pool by tag, of a living process, a core file or a dump.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "commands.hpp"
#include "crash_dump.hpp"
#include "crash_report.hpp"
#include "file_source.hpp"
#include "live_command.hpp"
#include "status_tables.hpp"
#include "tables.hpp"

namespace exalloc::cli {
namespace {

struct arguments : live_arguments {
  std::string core;
  std::string pattern = "*";
  bool big = false;
  std::vector<std::string> addresses;
};

constexpr const char* examples =
    "Columns, as in poolmon: Diff is Allocs minus Frees, the blocks in use; Bytes are theirs,\n"
    "headers included; Per Alloc is Bytes / Diff. The tag '....' stands for all tags there was\n"
    "no room for.\n\n"
    "Examples:\n"
    "  exalloc pool                                 of the only process of yours with exalloc\n"
    "  exalloc pool 1234                            of that process; 'exalloc top' shows it live\n"
    "  exalloc pool --core core                     what a process had when it was stopped\n"
    "  exalloc pool --core core --tag 'Ip*'         tags that begin with Ip; '?' is any character\n"
    "  exalloc pool --core core --sort diff         most blocks first (--reverse: last)\n"
    "  exalloc pool --core core --big               the blocks of a page and more, too\n"
    "  exalloc pool --core core --address 0x7f12b8  whose block lies there?\n"
    "  exalloc pool --core core --json | jq .tags   for scripts\n\n"
    "A core file has what is needed when exalloc stopped the process (a bug check): let it be\n"
    "written with 'ulimit -c unlimited'. Where core files are off, EXALLOC_DUMP=FILE has the\n"
    "process write a dump of its own, which --core reads as well. No debug symbols are needed;\n"
    "docs/crash-dump.md tells more.\n\n"
    "Exit status: 0 all is well, 2 bad usage, no such process, one that cannot be watched, or a\n"
    "file that cannot be read or holds no bug check.";

std::uint64_t parse_address(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw std::runtime_error(
        fmt::format("--address {}: not a hexadecimal address, such as 0x7f12b8001040", text));
  }
  return value;
}

inspect::tag_choice tags_chosen(const arguments& args) {
  return {args.pattern, inspect::tag_order_of(args.order).value(), args.reverse};
}

void print_core(const arguments& args) {
  inspect::crash_questions questions{tags_chosen(args), args.big, {}};
  for (const std::string& text : args.addresses) questions.addresses.push_back(parse_address(text));
  const inspect::file_source file(args.core);
  const inspect::crash_dump dump(file);
  if (args.json) {
    print(inspect::crash_json(dump, questions));
  } else {
    print(inspect::crash_text(dump, questions));
  }
}

void print_live(const arguments& args) {
  const auto process = ask(args);
  const status::page& page = process->page();
  const auto tags = inspect::choose_tags(inspect::tags_of(page), tags_chosen(args));
  if (args.json) {
    print(nlohmann::ordered_json{{"process", process->process()},
                                 {"program", process->program()},
                                 {"pool", inspect::pool_table(page).json()},
                                 {"tags", inspect::tag_table_json(tags)}});
  } else {
    print(inspect::tag_table_text(tags) + inspect::tag_totals_text(tags) + '\n' +
          inspect::pool_table(page).text());
  }
}

}  // namespace

void add_pool(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "pool", "Print the pool by tag: of a running process, a core file or a dump.");
  const auto args = std::make_shared<arguments>();
  args->order = "bytes";
  CLI::Option* const process = add_process(*command, *args);
  CLI::Option* const core =
      command->add_option("--core", args->core, "A core file, or a dump (EXALLOC_DUMP)")
          ->type_name("FILE")
          ->excludes(process);
  command->add_option("--tag", args->pattern, "Only tags that match; * and ? are wildcards")
      ->type_name("PATTERN")
      ->capture_default_str();
  add_printing(*command, *args, inspect::tag_order_names());
  command->add_flag("--big", args->big, "The blocks of a page and more, too")->needs(core);
  command
      ->add_option("--address", args->addresses,
                   "Tell whose block lies there, instead of the tables; may be repeated")
      ->type_name("ADDRESS")
      ->needs(core);
  command->footer(examples);
  command->callback([args] { args->core.empty() ? print_live(*args) : print_core(*args); });
}

}  // namespace exalloc::cli
