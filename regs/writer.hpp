// Text of an output file, built line by line.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace exalloc::regs_gen {

class writer {
 public:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  void blank() { text_ += '\n'; }

  /// Prose, wrapped at 100 columns; every line starts with the prefix.
  void prose(std::string_view prefix, std::string_view text) {
    std::size_t column = 0;
    while (!text.empty()) {
      const std::size_t space = text.find(' ');
      const std::string_view next = text.substr(0, space);
      text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
      if (column != 0 && column + 1 + next.size() > 100) {
        text_ += '\n';
        column = 0;
      }
      const std::string_view before = column == 0 ? prefix : std::string_view(" ");
      text_ += before;
      text_ += next;
      column += before.size() + next.size();
    }
    text_ += '\n';
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace exalloc::regs_gen
