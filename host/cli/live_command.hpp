// What the commands that look at a living process share.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "live_process.hpp"

namespace exalloc::cli {

struct live_arguments {
  std::optional<std::uint64_t> process;
  std::string order;
  bool reverse = false;
  bool json = false;
};

CLI::Option* add_process(CLI::App& command, live_arguments& args);
// --sort, --reverse and --json.
void add_printing(CLI::App& command, live_arguments& args, const std::vector<std::string>& columns);

// The process that was named, or the only one; its page was copied just now. Says on standard error
// when it did not answer. Throws what live_process throws, and input_error if it ended meanwhile.
std::unique_ptr<inspect::live_process> ask(const live_arguments& args);

// To standard output. Throws std::runtime_error when that cannot be written.
void print(const std::string& text);
void print(const nlohmann::ordered_json& json);

}  // namespace exalloc::cli
