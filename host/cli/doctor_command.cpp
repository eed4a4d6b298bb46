// `exalloc doctor`: what is missing on this machine, and how to mend it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "doctor_checks.hpp"
#include "from_environment.hpp"

namespace exalloc::cli {
namespace {

constexpr const char* examples =
    "Looks at the PCIe card, its driver, permissions, hugepages, host memory, xclbin, the limit "
    "of\n"
    "locked memory, and the EXALLOC_* settings. What the chosen card does not need is a note.\n\n"
    "Examples:\n"
    "  exalloc doctor                     for the card that EXALLOC_CARD names, else soft\n"
    "  exalloc doctor --card xrt          why does my card not work?\n"
    "  exalloc doctor --json | jq '.findings[] | select(.verdict == \"problem\")'\n\n"
    "docs/xrt.md tells how a card is set up. Exit status: 0 no problem, 1 a problem, 2 bad usage.";

const char* name_of(verdict v) {
  switch (v) {
    case verdict::good:
      return "ok";
    case verdict::note:
      return "note";
    default:
      return "problem";
  }
}

void examine_and_print(std::string card, const std::string& root, bool as_json) {
  if (card.empty()) card = text_from_environment("EXALLOC_CARD", "soft");
  std::vector<finding> all = examine(card, root);
  std::vector<finding> settings = examine_environment(environ);
  std::move(settings.begin(), settings.end(), std::back_inserter(all));
  const auto problems = std::count_if(all.begin(), all.end(),
                                      [](const finding& f) { return f.is == verdict::problem; });
  if (as_json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const finding& f : all)
      list.push_back(
          {{"about", f.about}, {"verdict", name_of(f.is)}, {"text", f.text}, {"mend", f.mend}});
    fmt::print("{}\n", nlohmann::ordered_json{{"card", card}, {"findings", list}}.dump(2));
  } else {
    for (const finding& f : all) {
      fmt::print("{:<9}{:<16}{}\n", name_of(f.is), f.about, f.text);
      if (!f.mend.empty()) fmt::print("{:25}-> {}\n", "", f.mend);
    }
    fmt::print("{}\n", problems == 0
                           ? fmt::format("the card \"{}\" has what it needs", card)
                           : fmt::format("{} problem(s) for the card \"{}\"", problems, card));
  }
  if (problems != 0) throw exit_with{check_failed};
}

}  // namespace

void add_doctor(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("doctor", "Say what is missing for a card, and how to mend it.");
  const auto card = std::make_shared<std::string>();
  const auto root = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("--card", *card, "The card you want to use")
      ->check(CLI::IsMember({"soft", "soft-core", "sim", "xrt"}));
  command->add_flag("--json", *as_json, "Print JSON");
  command
      ->add_option("--root", *root,
                   "Look at another system's /proc, /sys and /dev below FOLDER; opens no card")
      ->type_name("FOLDER")
      ->check(CLI::ExistingDirectory);
  command->footer(examples);
  command->callback([card, root, as_json] { examine_and_print(*card, *root, *as_json); });
}

}  // namespace exalloc::cli
