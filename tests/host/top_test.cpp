// `exalloc top` on a terminal, and the commands that print once.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "terminal_screen.hpp"
#include "watched_process.hpp"

namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr auto patience = 60s;

// The program on a terminal of its own.
class on_terminal {
 public:
  on_terminal(const std::vector<std::string>& arguments, unsigned short height = 24,
              unsigned short width = 120, const char* kind = "xterm")
      : screen_(height, width) {
    winsize size{height, width, 0, 0};
    const std::string program = beside_the_tests("exalloc");
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ == 0) {
      setenv("TERM", kind, 1);
      unsetenv("LINES");
      unsetenv("COLUMNS");
      execv(program.c_str(), argv.data());
      _exit(127);
    }
  }
  ~on_terminal() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    if (terminal_ >= 0) close(terminal_);
  }
  on_terminal(const on_terminal&) = delete;
  on_terminal& operator=(const on_terminal&) = delete;

  void press(const std::string& keys) {
    EXPECT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Whether the screen comes to show this.
  bool shows(const std::function<bool(const std::string&)>& right) {
    for (const auto end = clock_type::now() + patience; clock_type::now() < end;) {
      if (right(screen_.text())) return true;
      if (!read_some(100ms)) return right(screen_.text());
    }
    return false;
  }
  bool shows(const std::string& part) {
    return shows([&](const std::string& text) { return text.find(part) != std::string::npos; });
  }
  bool no_longer_shows(const std::string& part) {
    return shows([&](const std::string& text) { return text.find(part) == std::string::npos; });
  }
  std::string text() const { return screen_.text(); }
  // Waits until a line does: a screen comes in pieces.
  bool matches(const std::string& pattern) {
    const testing::Matcher<std::string> wanted = testing::ContainsRegex(pattern);
    return shows([&](const std::string& all) { return wanted.Matches(all); });
  }
  bool before(const std::string& a, const std::string& b) {
    return shows([&](const std::string& all) {
      const std::size_t x = all.find(a), y = all.find(b);
      return x != std::string::npos && y != std::string::npos && x < y;
    });
  }
  void resize(unsigned short height, unsigned short width) {
    screen_ = terminal_screen(height, width);
    winsize size{height, width, 0, 0};
    ioctl(terminal_, TIOCSWINSZ, &size);
  }
  void signal(int number) const { kill(child_, number); }
  void close_terminal() {
    close(terminal_);
    terminal_ = -1;
  }
  // Its exit status, once it ends; what it says until then is read.
  int end() {
    while (terminal_ >= 0 && read_some(patience)) continue;
    int status = -1;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  // False: the program has closed the terminal.
  bool read_some(std::chrono::milliseconds time) {
    pollfd input{terminal_, POLLIN, 0};
    if (poll(&input, 1, static_cast<int>(time.count())) == 0) return true;
    char buffer[4096];
    const ssize_t n = read(terminal_, buffer, sizeof buffer);
    for (ssize_t i = 0; i < n; ++i) screen_.feed(buffer[i]);
    return n > 0;
  }

  terminal_screen screen_;
  int terminal_ = -1;
  pid_t child_ = -1;
};

struct outcome {
  int status;
  std::string out;
};
outcome run(const std::string& arguments) {
  std::ostringstream line;
  line << '\'' << beside_the_tests("exalloc").string() << "' " << arguments << " 2>&1 </dev/null";
  const std::string command = line.str();
  std::FILE* program = popen(command.c_str(), "r");
  std::string out;
  for (int c; (c = std::fgetc(program)) != EOF;) out += static_cast<char>(c);
  const int status = pclose(program);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out};
}

class top : public testing::Test {
 protected:
  top() {
    p.tell("zone 100 64");
    p.tell("take 0 15 1");
    p.tell("pool Few1 3");
    p.tell("pool Many 40");
    p.tell("unpool Many 10");
    p.tell("list Look 64");
    p.tell("use 0 10");
  }
  std::string pid() const { return std::to_string(p.pid()); }

  watched_process p;
};

TEST_F(top, shows_tags_and_what_has_changed) {
  on_terminal t({"top", pid(), "--every", "0.1"});
  ASSERT_TRUE(t.shows("Many")) << t.text();
  EXPECT_TRUE(t.shows("exalloc top: " + pid() + " watched_program")) << t.text();
  EXPECT_TRUE(t.matches("Tag +Type +Allocs.*Per Alloc")) << t.text();
  EXPECT_TRUE(t.matches("Many Nonp +40 .+0. +10 .+0. +30 ")) << t.text();
  p.tell("pool Many 7");
  EXPECT_TRUE(t.shows("(+7)")) << t.text();
  EXPECT_TRUE(t.matches(" 47 .\\+7. +10 .\\+0. +37 ")) << t.text();
  EXPECT_TRUE(t.no_longer_shows("(+7)"));
  p.tell("pool New1 1");
  EXPECT_TRUE(t.shows("New1"));
  t.press("q");
  EXPECT_EQ(t.end(), 0);
}

TEST_F(top, sorts_by_every_column) {
  on_terminal t({"top", pid(), "--every", "0.1", "--sort", "tag"});
  EXPECT_TRUE(t.before("Few1", "Many"));
  t.press("r");
  EXPECT_TRUE(t.before("Many", "Few1"));
  EXPECT_TRUE(t.shows("by tag, reversed"));
  for (const auto& [key, name] :
       {std::pair{"a", "allocs"}, {"f", "frees"}, {"d", "diff"}, {"b", "bytes"}}) {
    t.press("t");
    EXPECT_TRUE(t.shows("by tag ")) << name;
    t.press(key);
    EXPECT_TRUE(t.shows(std::string("by ") + name)) << t.text();
    EXPECT_TRUE(t.before("Many", "Few1")) << name;
  }
  t.press("m");
  EXPECT_TRUE(t.shows("by each"));
  t.press("q");
  EXPECT_EQ(t.end(), 0);
}

TEST_F(top, filters_by_tag_and_type) {
  on_terminal t({"top", pid()});
  ASSERT_TRUE(t.shows("Few1"));
  t.press("/Ma*\r");
  EXPECT_TRUE(t.shows("only Ma*"));
  EXPECT_TRUE(t.shows("Many")) << t.text();
  EXPECT_THAT(t.text(), Not(HasSubstr("Few1")));
  t.press("/q");  // a letter of the pattern, not the key
  EXPECT_TRUE(t.shows("match (* and ?): q"));
  t.press("\x7f?\?\?1\r");
  EXPECT_TRUE(t.shows("only ???1"));
  EXPECT_TRUE(t.shows("Few1")) << t.text();
  t.press("/\r");
  EXPECT_TRUE(t.shows("Many"));
  t.press("p");
  EXPECT_TRUE(t.shows("Nonpaged by"));
  EXPECT_TRUE(t.shows("Many")) << t.text();
  t.press("p");
  EXPECT_TRUE(t.shows("Paged by"));
  EXPECT_TRUE(t.no_longer_shows("Many"));
  t.press("p");
  EXPECT_TRUE(t.shows("Both types by"));
  EXPECT_TRUE(t.shows("Many"));
}

TEST_F(top, has_pages_for_lists_zones_card_and_help) {
  on_terminal t({"top", pid(), "--every", "0.1"}, 45);
  ASSERT_TRUE(t.shows("Many"));
  t.press("l");
  EXPECT_TRUE(t.shows("Lookaside lists"));
  EXPECT_TRUE(t.matches("Look Nonp +64 +4 +256 +10 +10 +0.0% +10 +6 ")) << t.text();
  p.tell("use 0 5");
  EXPECT_TRUE(
      t.shows([](const std::string& all) { return all.find(" 15 ") != std::string::npos; }));
  t.press("z");
  EXPECT_TRUE(t.shows("Segments"));
  EXPECT_TRUE(t.matches(" 64 +100 +15 +85 +15.0% +1 ")) << t.text();
  t.press("c");
  EXPECT_TRUE(t.shows("blocks granted"));
  EXPECT_TRUE(t.matches("lookaside lists.*1 of|1 of.*lookaside lists")) << t.text();
  t.press("h");
  EXPECT_TRUE(t.shows("What the columns say"));
  t.press("?");
  EXPECT_TRUE(t.shows("Many"));
  t.press("l");
  EXPECT_TRUE(t.shows("Lookaside lists"));
  t.press("\x1b");
  EXPECT_TRUE(t.shows("Many"));
}

TEST_F(top, follows_the_size_of_the_terminal) {
  for (int i = 0; i < 60; ++i) p.tell("pool T" + std::to_string(100 + i) + " 1");
  on_terminal t({"top", pid(), "--sort", "tag"}, 12, 100);
  ASSERT_TRUE(t.shows("Few1"));
  EXPECT_THAT(t.text(), Not(HasSubstr("T159")));
  t.press("\x1bOF");  // End
  EXPECT_TRUE(t.shows("T159")) << t.text();
  t.press("\x1bOH");  // Home
  EXPECT_TRUE(t.shows("Few1"));
  t.press("\x1b[6~");  // a page on
  EXPECT_TRUE(t.no_longer_shows("Few1"));
  t.press("\x1b[5~");
  EXPECT_TRUE(t.shows("Few1"));
  t.resize(80, 150);
  EXPECT_TRUE(t.shows("T159")) << t.text();
  EXPECT_TRUE(t.shows("Few1"));
  for (const auto& [height, width] : {std::pair{3, 20}, {1, 10}, {1, 1}, {2, 200}, {50, 2}}) {
    t.resize(static_cast<unsigned short>(height), static_cast<unsigned short>(width));
    EXPECT_TRUE(t.shows("e")) << height << ' ' << width << t.text();
  }
  t.resize(24, 80);
  EXPECT_TRUE(t.shows("Few1"));
  t.press("q");
  EXPECT_EQ(t.end(), 0);
}

TEST_F(top, keeps_the_last_values_when_the_process_ends) {
  on_terminal t({"top", pid(), "--every", "0.05"});
  ASSERT_TRUE(t.shows("Many"));
  EXPECT_EQ(p.end(), 0);
  EXPECT_TRUE(t.shows("ENDED")) << t.text();
  EXPECT_TRUE(t.matches("Many Nonp +40 ")) << t.text();
  t.press("z");
  EXPECT_TRUE(t.shows("Segments"));
  t.press("q");
  EXPECT_EQ(t.end(), 0);
}

TEST_F(top, says_so_when_the_process_is_stopped) {
  p.signal(SIGSTOP);
  on_terminal t({"top", pid(), "--every", "0.05"});
  EXPECT_TRUE(t.shows("does not answer"));
  EXPECT_TRUE(t.shows("Many")) << t.text();
  p.signal(SIGCONT);
  EXPECT_TRUE(t.no_longer_shows("does not answer"));
}

TEST_F(top, leaves_at_a_signal_and_with_the_terminal) {
  {
    on_terminal t({"top", pid()});
    ASSERT_TRUE(t.shows("Many"));
    t.signal(SIGTERM);
    EXPECT_EQ(t.end(), 0);
  }
  {
    on_terminal t({"top", pid()});
    ASSERT_TRUE(t.shows("Many"));
    t.press("\x03");
    EXPECT_EQ(t.end(), 0);
  }
  {
    on_terminal t({"top", pid()});
    ASSERT_TRUE(t.shows("Many"));
    t.close_terminal();
    t.end();
  }
}

TEST_F(top, lets_the_user_choose_among_several) {
  watched_process other;
  other.tell("open");
  other.tell("pool Othr 1");
  on_terminal t({"top"});
  ASSERT_TRUE(t.shows("Which process?"));
  const std::string line = std::to_string(other.pid()) + " watched_program";
  ASSERT_TRUE(t.shows(line)) << t.text();
  EXPECT_TRUE(t.shows(pid() + " watched_program"));
  // Other tests' processes are listed too, and may end at any time.
  const std::string text = t.text();
  const auto above =
      std::count(text.begin(), text.begin() + static_cast<long>(text.find(line)), '\n');
  std::string keys = "\x1bOB\x1bOA";
  for (auto n = above; n > 1; --n) keys += "\x1bOB";
  t.press(keys + '\r');
  EXPECT_TRUE(t.shows("exalloc top: "));
  t.press("q");
  EXPECT_EQ(t.end(), 0);
}

TEST_F(top, needs_a_terminal_it_knows) {
  const outcome o = run("top " + pid());
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.out, HasSubstr("exalloc pool"));
  on_terminal t({"top", pid()}, 24, 80, "no-such-terminal");
  EXPECT_EQ(t.end(), 2);
  EXPECT_TRUE(t.shows("does not know this terminal")) << t.text();
}

TEST_F(top, says_why_a_process_cannot_be_watched) {
  for (const char* command : {"top", "pool", "lookaside", "zones"}) {
    const auto with = [&](const std::string& rest) { return run(command + (' ' + rest)); };
    EXPECT_EQ(with("999999999").status, 2) << command;
    EXPECT_THAT(with("999999999").out, HasSubstr("there is no process 999999999"));
    const std::string own = std::to_string(getpid());
    watched_process unwatched({"EXALLOC_STATUS=0"});
    unwatched.tell("open");
    EXPECT_EQ(with(std::to_string(unwatched.pid())).status, 2);
    EXPECT_THAT(with(std::to_string(unwatched.pid())).out, HasSubstr("has no status page"));
    EXPECT_EQ(with("0").status, 2);
    EXPECT_EQ(with("-1").status, 2);
    EXPECT_EQ(with("x").status, 2);
    EXPECT_EQ(with(pid() + " --sort nothing").status, 2);
    EXPECT_THAT(with("--help").out, HasSubstr("Examples:"));
  }
}

TEST_F(top, the_same_once_as_text) {
  const outcome pool = run("pool " + pid());
  EXPECT_EQ(pool.status, 0);
  EXPECT_THAT(pool.out, testing::ContainsRegex("Many Nonp +40 +10 +30 "));
  EXPECT_LT(pool.out.find("Many"), pool.out.find("Few1"));
  EXPECT_THAT(pool.out, HasSubstr("Total Nonp "));
  EXPECT_THAT(pool.out, testing::ContainsRegex("Paged +0 "));
  EXPECT_THAT(run("pool --tag 'F*' " + pid()).out, Not(HasSubstr("Many")));
  const outcome lists = run("lookaside " + pid());
  EXPECT_EQ(lists.status, 0);
  EXPECT_THAT(lists.out, HasSubstr("Look Nonp"));
  EXPECT_THAT(run("lookaside --tag 'x*' " + pid()).out, Not(HasSubstr("Look Nonp")));
  const outcome zones = run("zones " + pid());
  EXPECT_EQ(zones.status, 0);
  EXPECT_THAT(zones.out, testing::ContainsRegex(" 64 +100 +15 +85 +15.0% +1 "));
}

TEST_F(top, the_same_once_as_json) {
  const auto pool = nlohmann::json::parse(run("pool --json --sort tag " + pid()).out);
  EXPECT_EQ(pool["process"], p.pid());
  ASSERT_GE(pool["tags"].size(), 2U);
  EXPECT_EQ(pool["tags"][0]["tag"], "Few1");
  EXPECT_EQ(pool["tags"][0]["diff"], 3);
  EXPECT_EQ(pool["pool"][0]["type"], "Nonp");
  EXPECT_TRUE(pool["pool"][1]["limit"].is_null());
  const auto lists = nlohmann::json::parse(run("lookaside --json " + pid()).out);
  EXPECT_EQ(lists["lookaside"][0]["tag"], "Look");
  EXPECT_EQ(lists["lookaside"][0]["hit_rate"], 0.0);
  const auto zones = nlohmann::json::parse(run("zones --json " + pid()).out);
  EXPECT_EQ(zones["zones"][0]["in_use"], 15);
  EXPECT_EQ(zones["card"]["lists"]["used"].get<int>() >= 1, true);
}

TEST_F(top, a_stopped_process_is_printed_with_a_warning) {
  p.signal(SIGSTOP);
  const outcome o = run("pool " + pid());
  EXPECT_EQ(o.status, 0);
  EXPECT_THAT(o.out, HasSubstr("does not answer"));
  EXPECT_THAT(o.out, HasSubstr("Many"));
}

}  // namespace
