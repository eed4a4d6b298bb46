// The subcommands of the program; each lives in a file of its own.
#pragma once

#include <CLI/App.hpp>

namespace exalloc::cli {

// What the program's exit status says.
enum exit_code : int {
  fine = 0,
  check_failed = 1,  // the work was done, and something was wrong with it
  bad_input = 2,     // it could not be done: usage, files, no such card
};

// Thrown by a subcommand that ends with another status than `fine`, after it has said why.
struct exit_with {
  exit_code code;
};

// Each adds its subcommand; its callback does the work. Errors are thrown as std::exception.
void add_bench(CLI::App& app);
void add_doctor(CLI::App& app);
void add_info(CLI::App& app);
void add_lookaside(CLI::App& app);
void add_pool(CLI::App& app);
void add_replay(CLI::App& app);
void add_top(CLI::App& app);
void add_zones(CLI::App& app);

}  // namespace exalloc::cli
