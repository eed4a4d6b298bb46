#include "bugcheck/bug_check.hpp"

#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "bugcheck/crash_io.hpp"
#include "bugcheck/dump_region.hpp"
#include "bugcheck/report.hpp"
#include "current.hpp"
#include "spin_lock.hpp"

namespace exalloc {
namespace {

struct settings {
  exalloc_bug_check_handler handler = nullptr;
  void* context = nullptr;
  bool has_path = false;  // else EXALLOC_DUMP decides
  char path[PATH_MAX] = {};
};
// A spin lock needs neither heap nor constructor.
constinit KSPIN_LOCK settings_lock = 0;
constinit settings chosen;

// Bug checks of a thread whose handlers have not come back. A handler that leaves by longjmp tells
// nobody; but then the next bug check mostly comes from further up the stack.
struct nesting {
  const void* frame = nullptr;
  unsigned depth = 0;
};
constinit thread_local nesting current;

// So many handlers within handlers are one that causes what it handles.
constexpr unsigned deepest = 32;

class nesting_guard {
 public:
  explicit nesting_guard(const void* frame) noexcept : before_(current) {
    const bool within = current.depth > 0 && frame < current.frame;
    current = {frame, within ? current.depth + 1 : 1};
  }
  ~nesting_guard() { current = before_; }
  nesting_guard(const nesting_guard&) = delete;
  nesting_guard& operator=(const nesting_guard&) = delete;
  bool too_deep() const noexcept { return current.depth > deepest; }

 private:
  nesting before_;
};

// The thread that ends the process; 0: none yet.
constinit std::atomic<long> ender{0};

[[noreturn]] void end_process(const exalloc_bug_check& check, std::string_view report) noexcept {
  const long self = ::syscall(SYS_gettid);
  long first = 0;
  if (!ender.compare_exchange_strong(first, self)) {
    if (first != self) {
      // Its report is out; the dump is the first one's.
      for (;;) ::pause();
    }
    say("exalloc: a bug check while the tables were copied: there is no dump\n");
    std::abort();
  }
  static char path[PATH_MAX];
  {
    const spin_lock_guard lock(&settings_lock);
    const char* from = chosen.has_path ? chosen.path : std::getenv("EXALLOC_DUMP");
    if (from != nullptr) ::strncpy(path, from, sizeof path - 1);
  }
  save_dump(check, report, path);
  std::abort();
}

void run_bug_check(std::uint32_t code, const std::array<ULONG_PTR, 4>& parameters,
                   const bug_check_subject& subject, bool returns) {
  report_text report;
  exalloc_bug_check check{};
  check.code = code;
  std::copy(parameters.begin(), parameters.end(), check.parameters);
  check.block = const_cast<void*>(subject.block);
  check.tag = subject.tag;
  check.token = subject.token;
  check.list = subject.list;
  check.processor = current_portal();
  check.what = subject.what;
  pool_header header{};
  const bool has_header =
      subject.header != nullptr && copy_if_readable(&header, subject.header, sizeof header);
  compose_report(report, check, has_header ? &header : nullptr);
  check.report = report.c_str();
  say(report.view());

  exalloc_bug_check_handler handler;
  void* context;
  {
    const spin_lock_guard lock(&settings_lock);
    handler = chosen.handler;
    context = chosen.context;
  }
  if (handler != nullptr) {
    const nesting_guard guard(__builtin_frame_address(0));
    if (guard.too_deep()) {
      say("exalloc: the bug check handler causes bug checks itself: it is not called any more\n");
    } else {
      handler(&check, context);
      if (returns) return;
      say("exalloc: the handler returned, but KeBugCheck does not\n");
    }
  }
  end_process(check, report.view());
}

}  // namespace

void bug_check(std::uint32_t code, const std::array<ULONG_PTR, 4>& parameters,
               const bug_check_subject& subject) {
  run_bug_check(code, parameters, subject, true);
}

}  // namespace exalloc

extern "C" {

void exalloc_set_bug_check_handler(exalloc_bug_check_handler handler, void* context) {
  const exalloc::spin_lock_guard lock(&exalloc::settings_lock);
  exalloc::chosen.handler = handler;
  exalloc::chosen.context = context;
}

void exalloc_set_dump_file(const char* path) {
  const exalloc::spin_lock_guard lock(&exalloc::settings_lock);
  exalloc::settings& s = exalloc::chosen;
  s.has_path = true;
  ::strncpy(s.path, path != nullptr ? path : "", sizeof s.path - 1);
}

VOID KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4) {
  exalloc::bug_check_subject subject;
  subject.what = "the program asked for it (KeBugCheckEx)";
  exalloc::run_bug_check(BugCheckCode, {P1, P2, P3, P4}, subject, false);
}

VOID KeBugCheck(ULONG BugCheckCode) { KeBugCheckEx(BugCheckCode, 0, 0, 0, 0); }

}  // extern "C"
