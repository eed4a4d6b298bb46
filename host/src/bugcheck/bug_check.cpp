#include "bugcheck/bug_check.hpp"

#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bugcheck/crash_io.hpp"
#include "bugcheck/dump_region.hpp"
#include "bugcheck/report.hpp"
#include "bugcheck/text_buffer.hpp"
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

// Bug checks of a thread whose handlers have not come back. A handler that leaves by longjmp or
// throw tells nobody (nothing with a destructor may be alive then); but the next bug check mostly
// comes from further up the stack.
struct nesting {
  const void* frame = nullptr;
  unsigned depth = 0;
};
constinit thread_local nesting current;

// So many handlers within handlers are one that causes what it handles.
constexpr unsigned deepest = 32;

// False if the handler is not to be called any more.
bool call_handler(exalloc_bug_check_handler handler, void* context,
                  const exalloc_bug_check& check) {
  const nesting before = current;
  const void* const frame = __builtin_frame_address(0);
  const bool within = before.depth > 0 && frame < before.frame;
  if (within && before.depth == deepest) return false;
  current = {frame, within ? before.depth + 1 : 1};
  handler(&check, context);
  current = before;
  return true;
}

// "%p" becomes the process's number, so that processes do not overwrite one another's dumps.
void add_path(text_buffer<PATH_MAX>& out, std::string_view path) {
  for (auto at = path.find("%p"); at != path.npos; at = path.find("%p")) {
    out.add("{}{}", path.substr(0, at), ::getpid());
    path.remove_prefix(at + 2);
  }
  out.add("{}", path);
}

// The thread that ends the process; 0: none yet.
constinit std::atomic<long> ender{0};

[[noreturn]] void end_process(const exalloc_bug_check& check,
                              std::string_view description) noexcept {
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
  text_buffer<PATH_MAX> path;
  {
    const spin_lock_guard lock(&settings_lock);
    const char* from = chosen.has_path ? chosen.path : std::getenv("EXALLOC_DUMP");
    if (from != nullptr) add_path(path, from);
  }
  save_dump(check, description, path.c_str());
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
  describe_bug_check(report, check, has_header ? &header : nullptr);
  const std::string_view description = report.view();
  add_tag_table(report);
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
    if (!call_handler(handler, context, check)) {
      say("exalloc: the bug check handler causes bug checks itself: it is not called any more\n");
    } else if (returns) {
      return;
    } else {
      say("exalloc: the handler returned, but KeBugCheck does not\n");
    }
  }
  end_process(check, description);
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
