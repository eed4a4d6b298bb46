// The terminal as a screen of lines, with keys.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "top_view.hpp"

namespace exalloc::cli {

// While it lives, the terminal is a screen; afterwards it is as it was. One at a time.
class terminal {
 public:
  // Throws std::runtime_error if standard input or output is no terminal, or an unknown one.
  terminal();
  ~terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  std::size_t height() const;
  std::size_t width() const;
  void show(const std::vector<top_view::line>& lines);

  // What happened: a key, nothing for as long as was to be waited, or another size.
  struct nothing {};
  struct resized {};
  struct gone {};  // the terminal is closed, or a signal asks to end
  using event = std::variant<nothing, resized, gone, char, special_key>;
  event wait(std::chrono::milliseconds time);

 private:
  struct screen;
  std::unique_ptr<screen> screen_;
};

}  // namespace exalloc::cli
