#include "terminal.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

// The short names are macros, of words that others use.
#define NCURSES_NOMACROS
#include <curses.h>

namespace exalloc::cli {
namespace {

volatile sig_atomic_t asked_to_end = 0;

extern "C" void end_asked(int) { asked_to_end = 1; }

constexpr int escape_code = 27, erase_code = 127, control_l = 12;

}  // namespace

struct terminal::screen {
  SCREEN* handle = nullptr;
  struct sigaction interrupt {
  }, terminate{};
};

terminal::terminal() : screen_(std::make_unique<screen>()) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
    throw std::runtime_error(
        "top needs a terminal, and standard input or output is none; `exalloc pool` prints the "
        "same once");
  // An end by a signal leaves the terminal in order too.
  struct sigaction action {};
  action.sa_handler = end_asked;
  ::sigaction(SIGINT, &action, &screen_->interrupt);
  ::sigaction(SIGTERM, &action, &screen_->terminate);
  screen_->handle = ::newterm(nullptr, stdout, stdin);
  if (screen_->handle == nullptr)
    throw std::runtime_error(
        "top does not know this terminal: set TERM (xterm, for example), or use `exalloc pool`, "
        "which prints the same once");
  ::set_escdelay(25);
  ::cbreak();
  ::noecho();
  ::curs_set(0);
  ::keypad(::stdscr, TRUE);
  ::nodelay(::stdscr, TRUE);
}

terminal::~terminal() {
  ::endwin();
  ::delscreen(screen_->handle);
  ::sigaction(SIGINT, &screen_->interrupt, nullptr);
  ::sigaction(SIGTERM, &screen_->terminate, nullptr);
}

std::size_t terminal::height() const { return static_cast<std::size_t>(std::max(1, LINES)); }
std::size_t terminal::width() const { return static_cast<std::size_t>(std::max(1, COLS)); }

void terminal::show(const std::vector<top_view::line>& lines) {
  ::werase(::stdscr);
  int row = 0;
  for (const top_view::line& line : lines) {
    const bool heading = line.as == top_view::look::heading;
    ::wattrset(::stdscr, static_cast<int>(heading                            ? A_REVERSE
                                          : line.as == top_view::look::title ? A_BOLD
                                                                             : A_NORMAL));
    std::string text = line.text;
    if (heading) text.resize(width(), ' ');
    ::mvwaddnstr(::stdscr, row++, 0, text.c_str(), static_cast<int>(width()));
  }
  ::wattrset(::stdscr, static_cast<int>(A_NORMAL));
  ::wrefresh(::stdscr);
}

terminal::event terminal::wait(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    if (asked_to_end != 0) return gone{};
    const int key = ::wgetch(::stdscr);
    switch (key) {
      case ERR:
        break;
      case KEY_RESIZE:
        return resized{};
      case control_l:
        ::clearok(::stdscr, TRUE);
        return resized{};
      case KEY_UP:
        return special_key::up;
      case KEY_DOWN:
        return special_key::down;
      case KEY_LEFT:
        return special_key::left;
      case KEY_RIGHT:
        return special_key::right;
      case KEY_PPAGE:
        return special_key::page_up;
      case KEY_NPAGE:
        return special_key::page_down;
      case KEY_HOME:
        return special_key::home;
      case KEY_END:
        return special_key::end;
      case KEY_ENTER:
      case '\n':
      case '\r':
        return special_key::enter;
      case KEY_BACKSPACE:
      case erase_code:
      case '\b':
        return special_key::erase;
      case escape_code:
        return special_key::escape;
      default:
        if (key >= ' ' && key < erase_code) return static_cast<char>(key);
        continue;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return nothing{};
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int n = ::poll(&input, 1, static_cast<int>(left.count()));
    if (n > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return gone{};
  }
}

}  // namespace exalloc::cli
