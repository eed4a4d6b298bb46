// What a terminal of the xterm kind would show: enough of its escape sequences for tests of
// screens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

class terminal_screen {
 public:
  terminal_screen(std::size_t height, std::size_t width) : height_(height), width_(width) {
    lines_.assign(height, std::string(width, ' '));
  }

  void feed(char c) {
    if (state_ == state::text) {
      plain(c);
    } else if (state_ == state::escape) {
      after_escape(c);
    } else if (state_ == state::one_more) {
      state_ = state::text;
    } else if (c >= '@' && c <= '~') {
      state_ = state::text;
      control(c);
    } else {
      sequence_ += c;
    }
  }

  std::string line(std::size_t row) const { return lines_.at(row); }
  // All lines, without the blanks at their ends.
  std::string text() const {
    std::string all;
    for (std::string l : lines_) {
      l.erase(l.find_last_not_of(' ') + 1);
      all += l + '\n';
    }
    return all;
  }

 private:
  enum class state { text, escape, sequence, one_more };

  void plain(char c) {
    switch (c) {
      case '\x1b':
        state_ = state::escape;
        break;
      case '\r':
        x_ = 0;
        break;
      case '\n':
        line_feed();
        break;
      case '\b':
        x_ -= std::min<std::size_t>(x_, 1);
        break;
      case '\t':
        x_ = std::min(width_ - 1, (x_ / 8 + 1) * 8);
        break;
      case '\a':
      case '\x0e':
      case '\x0f':
        break;
      default:
        put(c);
    }
  }
  void put(char c) {
    if (x_ == width_) {
      x_ = 0;
      line_feed();
    }
    lines_[y_][x_++] = last_ = c;
  }
  void line_feed() {
    if (y_ == bottom()) {
      scroll_up();
    } else if (y_ + 1 < height_) {
      ++y_;
    }
  }
  std::size_t bottom() const { return bottom_ == 0 ? height_ - 1 : bottom_ - 1; }
  void scroll_up() {
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(top_));
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(bottom()), std::string(width_, ' '));
  }
  void scroll_down() {
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(bottom()));
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(top_), std::string(width_, ' '));
  }

  void after_escape(char c) {
    state_ = state::text;
    sequence_.clear();
    if (c == '[') state_ = state::sequence;
    if (c == '(' || c == ')' || c == '#') state_ = state::one_more;
    if (c == 'M') {
      if (y_ == top_) {
        scroll_down();
      } else {
        --y_;
      }
    }
    if (c == '7') saved_ = {y_, x_};
    if (c == '8') std::tie(y_, x_) = saved_;
  }

  // The i-th number of the sequence; `otherwise` if it is not there or 0.
  std::size_t number(std::size_t i, std::size_t otherwise) const {
    std::size_t at = 0;
    for (; i > 0; --i) {
      at = sequence_.find(';', at);
      if (at == std::string::npos) return otherwise;
      ++at;
    }
    std::size_t value = 0;
    for (; at < sequence_.size() && sequence_[at] >= '0' && sequence_[at] <= '9'; ++at)
      value = value * 10 + static_cast<std::size_t>(sequence_[at] - '0');
    return value == 0 ? otherwise : value;
  }
  void erase(std::size_t row, std::size_t from, std::size_t to) {
    for (; from < std::min(to, width_); ++from) lines_[row][from] = ' ';
  }
  void move(std::size_t row, std::size_t column) {
    y_ = std::min(row, height_ - 1);
    x_ = std::min(column, width_ - 1);
  }

  void control(char c) {
    if (sequence_.starts_with('?') || sequence_.starts_with('>')) return;
    const std::size_t n = number(0, 1);
    switch (c) {
      case 'H':
      case 'f':
        move(number(0, 1) - 1, number(1, 1) - 1);
        break;
      case 'A':
        y_ -= std::min(y_, n);
        break;
      case 'B':
        move(y_ + n, x_);
        break;
      case 'C':
        move(y_, x_ + n);
        break;
      case 'D':
        x_ -= std::min(x_, n);
        break;
      case 'G':
        move(y_, n - 1);
        break;
      case 'd':
        move(n - 1, x_);
        break;
      case 'J': {
        const std::size_t what = number(0, 0);
        if (what == 0) erase(y_, x_, width_);
        if (what == 1) erase(y_, 0, x_ + 1);
        for (std::size_t row = 0; row < height_; ++row)
          if (what == 2 || (what == 0 && row > y_) || (what == 1 && row < y_))
            erase(row, 0, width_);
        break;
      }
      case 'K': {
        const std::size_t what = number(0, 0);
        erase(y_, what == 0 ? x_ : 0, what == 1 ? x_ + 1 : width_);
        break;
      }
      case 'X':
        erase(y_, x_, x_ + n);
        break;
      case 'P':
        lines_[y_].erase(x_, n);
        lines_[y_].resize(width_, ' ');
        break;
      case '@':
        lines_[y_].insert(x_, n, ' ');
        lines_[y_].resize(width_);
        break;
      case 'b':
        for (std::size_t i = 0; i < n; ++i) put(last_);
        break;
      case 'r':
        top_ = number(0, 1) - 1;
        bottom_ = number(1, 0);
        move(0, 0);
        break;
      case 'S':
        for (std::size_t i = 0; i < n; ++i) scroll_up();
        break;
      case 'T':
        for (std::size_t i = 0; i < n; ++i) scroll_down();
        break;
      case 'L':
      case 'M': {
        const std::size_t top = top_;
        top_ = y_;
        for (std::size_t i = 0; i < n; ++i) c == 'L' ? scroll_down() : scroll_up();
        top_ = top;
        break;
      }
      default:
        break;  // colours, modes
    }
  }

  std::size_t height_, width_;
  std::vector<std::string> lines_;
  std::size_t y_ = 0, x_ = 0;
  std::size_t top_ = 0, bottom_ = 0;  // of what scrolls; bottom 0: the last line
  std::pair<std::size_t, std::size_t> saved_{};
  char last_ = ' ';
  state state_ = state::text;
  std::string sequence_;
};
