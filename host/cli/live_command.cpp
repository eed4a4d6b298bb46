#include "live_command.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "input_error.hpp"
#include "usage.hpp"

namespace exalloc::cli {

CLI::Option* add_process(CLI::App& command, live_arguments& args) {
  return command
      .add_option("PID", args.process, "The process; without it the only one of yours there is")
      ->check(whole_number(1, std::numeric_limits<pid_t>::max()))
      ->type_name("NUMBER");
}

void add_printing(CLI::App& command, live_arguments& args,
                  const std::vector<std::string>& columns) {
  command.add_option("--sort", args.order, "The column to sort by: largest first, or by name")
      ->check(CLI::IsMember(columns))
      ->type_name("COLUMN")
      ->capture_default_str();
  command.add_flag("--reverse", args.reverse, "The other way round");
  command.add_flag("--json", args.json, "Print JSON");
}

std::unique_ptr<inspect::live_process> ask(const live_arguments& args) {
  using inspect::live_process;
  auto process = std::make_unique<live_process>(inspect::choose_process(args.process));
  const auto answer = process->refresh(std::chrono::seconds(2));
  if (answer == live_process::answer::ended)
    throw exalloc::input_error(fmt::format("process {} has just ended", process->process()));
  if (answer == live_process::answer::silent) {
    spdlog::warn(
        "process {} does not answer (is it stopped?): lists, zones and sizes are those of its last "
        "answer, if there was one",
        process->process());
  }
  return process;
}

void print(const std::string& text) {
  fmt::print("{}", text);
  if (std::fflush(stdout) != 0)
    throw std::runtime_error("standard output cannot be written; is the disk full?");
}

void print(const nlohmann::ordered_json& json) {
  print(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

}  // namespace exalloc::cli
