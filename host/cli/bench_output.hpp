// Where the figures of `exalloc bench` go.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace exalloc::cli {

// Where --json goes; found out before anything is measured.
class json_output {
 public:
  explicit json_output(const std::string& name) : name_(name) {
    if (name_.empty() || name_ == "-") return;
    file_.open(name_);
    if (!file_) {
      throw std::runtime_error(
          fmt::format("--json {}: cannot be written; check folder and permissions", name_));
    }
  }
  // Where the table goes.
  std::FILE* text() const { return name_ == "-" ? stderr : stdout; }
  void write(const nlohmann::ordered_json& out) {
    if (name_ == "-") {
      fmt::print("{}\n", out.dump(2));
    } else if (file_.is_open()) {
      file_ << out.dump(2) << '\n';
      file_.close();
      if (!file_) {
        throw std::runtime_error(
            fmt::format("--json {}: could not be written; is the disk full?", name_));
      }
    }
  }

 private:
  std::string name_;
  std::ofstream file_;
};

inline std::shared_ptr<std::string> add_json_option(CLI::App& command) {
  const auto json_file = std::make_shared<std::string>();
  command
      .add_option("--json", *json_file,
                  "Write the figures as JSON too ('-': to stdout, and the table to stderr)")
      ->type_name("FILE");
  return json_file;
}

// Adds `host` to the command `bench`.
void add_bench_host(CLI::App& bench);
// Adds `card`.
void add_bench_card(CLI::App& bench);
// Adds `platform` and `timeline`, where the card is simulated.
void add_bench_platform(CLI::App& bench);

}  // namespace exalloc::cli
