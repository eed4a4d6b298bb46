// The command line as a user may get it wrong: each mistake is one sentence that says what and
// where.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace exalloc::cli {

// Digits only, from `least` to `most`. CLI11's own checks go by way of double: they take what no
// integer holds, and name 10^308 as the limit.
CLI::Validator whole_number(std::uint64_t least = 0,
                            std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

// What is wrong with the command line that `app` refused with `error`, and where its help is.
std::string wrong_usage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace exalloc::cli
