#include "usage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <vector>

namespace exalloc::cli {
namespace {

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// The first word that none of its commands or options took.
std::string stranger(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> commands = commands_of(app);
  if (word.starts_with('-')) return fmt::format("there is no option {}", word);
  if (commands.empty()) return fmt::format("\"{}\" is one argument too many", word);
  return fmt::format("there is no command \"{}\"; known are {}", word, fmt::join(commands, ", "));
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return CLI::Validator(
      [least, most](std::string& text) -> std::string {
        std::uint64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc() && stopped == end && value >= least && value <= most) return {};
        return fmt::format("\"{}\" is no whole number from {} to {}", text, least, most);
      },
      most == std::numeric_limits<std::uint64_t>::max() ? ""
                                                        : fmt::format("{} to {}", least, most));
}

std::string wrong_usage(const CLI::App& app, const CLI::ParseError& error) {
  std::string name = app.get_name();
  std::string what;
  const CLI::App* at = &app;
  for (;;) {
    const std::vector<std::string> left = at->remaining();
    if (!left.empty()) what = stranger(*at, left.front());
    const std::vector<CLI::App*> called = at->get_subcommands();
    if (!what.empty() || called.empty()) break;
    at = called.front();
    name += ' ' + at->get_name();
  }
  if (what.empty()) {
    const std::vector<std::string> commands = commands_of(*at);
    what = commands.empty() ? error.what()
                            : fmt::format("which command? Known are {}", fmt::join(commands, ", "));
  }
  return fmt::format("{} ('{} --help' tells more)", what, name);
}

}  // namespace exalloc::cli
