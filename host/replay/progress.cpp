#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace exalloc::replay {
namespace {

using namespace std::chrono_literals;

constexpr auto silence = 2s;               // shorter runs need no progress
constexpr auto terminal_interval = 200ms;  // the line is rewritten in place
constexpr auto log_interval = 5s;          // each one is a line in somebody's log

}  // namespace

progress::progress()
    : terminal_(isatty(STDERR_FILENO) != 0),
      began_(std::chrono::steady_clock::now()),
      next_(began_ + (terminal_ ? std::chrono::milliseconds(silence) : log_interval)) {}

progress::~progress() {
  if (shown_ && terminal_) fmt::print(stderr, "\r\033[K");
}

void progress::operator()(double fraction, std::uint64_t lines) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? std::chrono::milliseconds(terminal_interval) : log_interval);
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const std::string share = fraction > 0 ? fmt::format("{:.0f} %, ", 100 * fraction) : "";
  const std::string left =
      fraction > 0.02 ? fmt::format(", about {:.0f} s to go", seconds / fraction - seconds) : "";
  fmt::print(stderr, "{}replay: {}{} lines in {:.0f} s{}{}", terminal_ ? "\r\033[K" : "", share,
             lines, seconds, left, terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace exalloc::replay
