// The program `exalloc`: parses the command line, runs one subcommand, turns errors into a status.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>

#include "commands.hpp"
#include "usage.hpp"

namespace {

// Logs go to stderr, so that what a subcommand prints can be piped on.
void set_up_logging() {
  const auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
  const auto logger = std::make_shared<spdlog::logger>("exalloc", sink);
  logger->set_pattern("exalloc: %^%l%$: %v");
  spdlog::set_default_logger(logger);
}

int run(int argc, char** argv) {
  CLI::App app("exalloc hands out memory through a hardware allocator, on a card or simulated.",
               "exalloc");
  app.footer(
      "Example: what would the card do to nginx? Replay a recorded trace on the simulated card:\n"
      "  exalloc replay tests/data/nginx-wrk.ftrace.txt.xz --card sim\n\n"
      "'exalloc COMMAND --help' tells more about a command. Exit status: 0 all is well, 1 a check\n"
      "failed, 2 bad usage or input.");
  app.set_version_flag("--version", "exalloc " EXALLOC_VERSION);
  app.require_subcommand(1);
  exalloc::cli::add_replay(app);
  exalloc::cli::add_bench(app);
  exalloc::cli::add_info(app);
  exalloc::cli::add_doctor(app);
  exalloc::cli::add_top(app);
  exalloc::cli::add_pool(app);
  exalloc::cli::add_lookaside(app);
  exalloc::cli::add_zones(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too, as successes.
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "exalloc: error: {}\n", exalloc::cli::wrong_usage(app, error));
    return exalloc::cli::bad_input;
  } catch (const exalloc::cli::exit_with& status) {
    return status.code;
  }
  return exalloc::cli::fine;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    set_up_logging();
    return run(argc, argv);
  } catch (const std::exception& error) {
    // The library's own messages already begin with its name.
    std::string_view what = error.what();
    if (what.starts_with("exalloc: ")) what.remove_prefix(9);
    fmt::print(stderr, "exalloc: error: {}\n", what);
    return exalloc::cli::bad_input;
  }
}
