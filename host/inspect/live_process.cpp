#include "live_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

#include "input_error.hpp"
#include "status/page_file.hpp"
#include "tables.hpp"

namespace exalloc::inspect {
namespace {

using clock = std::chrono::steady_clock;
using layout = status::page;

// The words that two processes wait on lie in the page's first 4 KiB.
constexpr std::size_t words_bytes = 4096;
static_assert(offsetof(layout, answered) + 4 <= words_bytes);
constexpr std::size_t rows_bytes = offsetof(layout, counts);

// A process that writes its rows for longer than this is not writing them any more.
constexpr int most_tries = 200;
// How often somebody who waits looks whether the process still lives.
constexpr std::chrono::milliseconds look_around{50};

std::string program_of(std::uint64_t process) {
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", process)), name);
  return printable(name);
}

[[noreturn]] void fail(const std::string& what) { throw input_error(what); }

// Sleeps until `word` in the page is no longer `value`, or a while. The system looks at the memory,
// not this process: a page that was cut short gives an error instead of a signal.
void wait_while(std::byte* word, std::uint32_t value) {
  const timespec time{0, std::chrono::nanoseconds(look_around).count()};
  if (::syscall(SYS_futex, word, FUTEX_WAIT, value, &time, nullptr, 0) != 0 && errno != EAGAIN &&
      errno != ETIMEDOUT)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Adds 1 to `word` in the page and wakes the process that waits for that.
bool add_and_wake(std::byte* word) {
  const auto add_one = static_cast<std::uint32_t>(FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));
  return ::syscall(SYS_futex, word, FUTEX_WAKE_OP, INT_MAX, 0, word, add_one) >= 0;
}

}  // namespace

live_process::live_process(std::uint64_t process)
    : process_(process), page_(std::make_unique<layout>()), earlier_(std::make_unique<layout>()) {
  try {
    open();
  } catch (...) {
    if (file_ >= 0) ::close(file_);
    throw;
  }
}

live_process::~live_process() {
  ::munmap(words_, words_bytes);
  ::close(file_);
}

std::string live_process::program() const { return printable(page_->program.data()); }

void live_process::open() {
  if (!status::start_of(process_)) fail(fmt::format("there is no process {}", process_));
  const std::string path = status::path_of(process_);
  const std::string who = fmt::format("process {} ({})", process_, program_of(process_));
  struct stat owner {
  }, file{};
  ::stat(fmt::format("/proc/{}", process_).c_str(), &owner);
  file_ = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (file_ < 0) {
    if (errno == EACCES || (errno == ENOENT && owner.st_uid != ::geteuid() && ::geteuid() != 0))
      fail(fmt::format("{} belongs to another user: only its owner can watch it", who));
    if (errno == ENOENT)
      fail(
          fmt::format("{} has no status page: it does not use exalloc, has not called it yet, or "
                      "was started with EXALLOC_STATUS=0",
                      who));
    fail(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  if (::fstat(file_, &file) != 0 || !S_ISREG(file.st_mode)) damaged("it is no file");
  if (file.st_uid != owner.st_uid)
    fail(fmt::format("{} has a status page that is another user's: it is not believed", who));
  struct {
    std::uint64_t magic;
    std::uint32_t version, bytes;
    std::uint64_t process, started;
  } head;
  if (!read_at(0, &head, sizeof head)) damaged("it is too short");
  if (head.magic == 0) fail(fmt::format("{} is only just making its status page: try again", who));
  if (head.magic != status::magic) damaged("it does not begin as one");
  if (head.version != status::version || head.bytes != sizeof(layout))
    fail(
        fmt::format("{} uses another version of exalloc: its status page has version {} and {} "
                    "bytes, this program reads version {} with {} bytes; use the program that came "
                    "with its library",
                    who, head.version, head.bytes, status::version, sizeof(layout)));
  if (head.process != process_) damaged("it names another process");
  if (file.st_size < static_cast<off_t>(sizeof(layout))) damaged("it is too short");
  if (head.started != status::start_of(process_).value_or(0))
    fail(fmt::format("{} has no status page: what is there was left by an earlier process", who));
  void* const memory = ::mmap(nullptr, words_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) fail(fmt::format("{}: {}", path, std::strerror(errno)));
  words_ = static_cast<std::byte*>(memory);
  try {
    copy_rows();
    if (ended())
      fail(fmt::format("{} has no status page: what is there was left by the program it was before",
                       who));
  } catch (...) {
    ::munmap(words_, words_bytes);
    throw;
  }
}

void live_process::damaged(const std::string& how) const {
  fail(fmt::format("the status page {} is damaged: {}", status::path_of(process_), how));
}

bool live_process::read_at(std::size_t offset, void* to, std::size_t bytes) const {
  auto* next = static_cast<std::byte*>(to);
  while (bytes != 0) {
    const ssize_t n = ::pread(file_, next, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    next += n;
    offset += static_cast<std::size_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

bool live_process::ended() const {
  if (status::start_of(process_) != page_->started) return true;
  // Its lock is gone too when it has become another program (exec).
  if (::flock(file_, LOCK_SH | LOCK_NB) != 0) return false;
  ::flock(file_, LOCK_UN);
  return true;
}

bool live_process::ask(std::chrono::milliseconds patience) const {
  if (!add_and_wake(words_ + offsetof(layout, asked))) return false;
  std::uint32_t asked = 0, answered = 0;
  if (!read_at(offsetof(layout, asked), &asked, sizeof asked)) return false;
  for (const auto end = clock::now() + patience;;) {
    if (!read_at(offsetof(layout, answered), &answered, sizeof answered)) return false;
    // Others may have asked since; numbers go round.
    if (static_cast<std::int32_t>(answered - asked) >= 0) return true;
    if (clock::now() >= end || ended()) return false;
    wait_while(words_ + offsetof(layout, answered), answered);
  }
}

void live_process::copy_rows() {
  for (int i = 0; i < most_tries; ++i) {
    if (i != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::uint32_t before = 0, after = 0;
    if (!read_at(offsetof(layout, sequence), &before, sizeof before) ||
        !read_at(0, static_cast<void*>(page_.get()), rows_bytes) ||
        !read_at(offsetof(layout, sequence), &after, sizeof after))
      damaged("it is too short");
    if (before % 2 == 0 && before == after) break;
    // The process ended, or was stopped, while it wrote: rows may not fit together, but each is
    // checked like any other.
  }
  layout& p = *page_;
  if (p.magic != status::magic || p.version != status::version || p.process != process_)
    damaged("it does not begin as one");
  if (p.lookasides > status::lookaside_rows || p.zones > status::zone_rows)
    damaged("it has more rows than there is room for");
  if (p.card.counters_used > p.card.counters.size()) damaged("it has too many counters");
  p.program.back() = '\0';
  p.card.name.back() = '\0';
}

void live_process::copy_counts() {
  const auto copy = [&](layout& to) {
    for (std::size_t writer = 0; writer < status::writers; ++writer) {
      if (page_->prepared[writer].load(std::memory_order_relaxed) == 0) continue;
      auto& counts = to.counts[writer];
      if (!read_at(rows_bytes + writer * sizeof counts, static_cast<void*>(counts.data()),
                   sizeof counts))
        damaged("it is too short");
    }
  };
  // Frees as they were before the allocations are read: so no tag has more frees than allocations.
  copy(*earlier_);
  copy(*page_);
  for (std::size_t writer = 0; writer < status::writers; ++writer) {
    if (page_->prepared[writer].load(std::memory_order_relaxed) == 0) continue;
    for (std::size_t slot = 0; slot < status::tag_slots; ++slot) {
      const status::tag_counts& from = earlier_->counts[writer][slot];
      status::tag_counts& to = page_->counts[writer][slot];
      for (std::size_t kind = 0; kind < 2; ++kind) {
        to.frees[kind] = from.frees[kind].load(std::memory_order_relaxed);
        to.freed_bytes[kind] = from.freed_bytes[kind].load(std::memory_order_relaxed);
      }
    }
  }
}

live_process::answer live_process::refresh(std::chrono::milliseconds patience) {
  answer result = answer::ended;
  if (!ended() && !ask(patience) && !ended()) {
    result = answer::silent;
  } else if (!ended()) {
    result = answer::fresh;
  }
  copy_rows();
  copy_counts();
  return result;
}

std::vector<watchable> watchable_processes() {
  status::remove_leftovers();
  std::vector<watchable> found;
  for (const std::uint64_t process : status::processes_with_page()) {
    try {
      const live_process p(process);
      found.push_back({process, p.program()});
    } catch (const input_error&) {
      // Another user's, or no page: nothing to choose.
    }
  }
  return found;
}

std::uint64_t choose_process(std::optional<std::uint64_t> named) {
  if (named) return *named;
  const std::vector<watchable> all = watchable_processes();
  if (all.size() == 1) return all.front().process;
  if (all.empty())
    fail(
        "no process to watch: none of yours uses exalloc, or all were started with "
        "EXALLOC_STATUS=0");
  std::string list = "which process? Name one of these:";
  for (const watchable& w : all) list += fmt::format("\n  {:>8} {}", w.process, w.program);
  fail(list);
}

}  // namespace exalloc::inspect
