// What `exalloc top` shows, apart from the terminal: the state behind its keys, and its lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "live_process.hpp"
#include "tables.hpp"

namespace exalloc::cli {

// Keys that are no characters.
enum class special_key : std::uint8_t {
  up,
  down,
  left,
  right,
  page_up,
  page_down,
  home,
  end,
  enter,
  erase,
  escape
};

class top_view {
 public:
  explicit top_view(inspect::tag_choice choice) : choice_(std::move(choice)) {}

  // A new copy of the page.
  void update(const inspect::live_process& process, inspect::live_process::answer answer);

  // False: the user wants to leave.
  bool press(char key);
  void press(special_key key);

  enum class look : std::uint8_t { plain, title, heading };
  struct line {
    std::string text;
    look as = look::plain;
  };
  // As many lines as fit, none wider than the screen.
  std::vector<line> lines(std::size_t height, std::size_t width);

 private:
  enum class shown : std::uint8_t { tags, lookasides, zones, card, help };
  using tag_key = std::pair<std::uint32_t, pool_kind>;

  void show(shown what);
  void sort_tags(inspect::tag_order order);
  void edit_filter(char key);
  std::string title() const;
  std::string state() const;
  // The lines under title and state: a heading, and what can be scrolled.
  std::vector<std::string> tag_lines() const;
  std::vector<std::string> body() const;

  inspect::tag_choice choice_;
  std::optional<pool_kind> only_;
  shown shown_ = shown::tags;
  bool editing_ = false;
  std::string edited_;
  std::size_t first_ = 0, left_ = 0;
  std::size_t page_height_ = 1;

  // Of the last update.
  std::string who_;
  inspect::live_process::answer answer_ = inspect::live_process::answer::fresh;
  std::vector<inspect::tag_row> tags_;
  std::map<tag_key, inspect::tag_row> before_;
  std::string pool_;
  std::vector<std::string> lookasides_, zones_, card_;
};

}  // namespace exalloc::cli
