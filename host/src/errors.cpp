#include "errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>

#include "fork_mutex.hpp"
#include "no_cancel.hpp"

namespace exalloc {
namespace {

struct error_state {
  fork_mutex mutex{lock_row::last};
  exalloc_error_handler handler = nullptr;
  void* context = nullptr;
  std::deque<error_report> posted;
  std::atomic<bool> any_posted{false};
  std::atomic<std::uint64_t> reported{0};
  std::atomic<bool (*)(const error_report&) noexcept> taker{nullptr};
};

// Never destroyed: a thread may still report while the process ends.
error_state& state() {
  alignas(error_state) static std::byte storage[sizeof(error_state)];
  static error_state* const instance = ::new (storage) error_state;
  return *instance;
}

// Plain memory instead of a string, so that it lives through a thread's whole end.
constinit thread_local std::array<char, 512> last_error{};

void log_to_stderr(const exalloc_error* error, void*) {
  std::string line = fmt::format("exalloc: {} [{}", error->what, error->cause);
  if (error->address != nullptr) line += fmt::format(", block {}", error->address);
  if (error->token != 0) line += fmt::format(", token {:#x}, list {}", error->token, error->list);
  if (error->portal >= 0) line += fmt::format(", portal {}", error->portal);
  if (error->stream_port >= 0) line += fmt::format(", stream port {}", error->stream_port);
  line += "]\n";
  std::fputs(line.c_str(), stderr);
}

}  // namespace

void set_last_error(const std::string& what) noexcept {
  const std::size_t length = std::min(what.size(), last_error.size() - 1);
  std::memcpy(last_error.data(), what.data(), length);
  last_error[length] = '\0';
}

void report_error(const error_report& error) noexcept {
  // A handler is left by returning only.
  const no_cancel here;
  set_last_error(error.what);
  error_state& s = state();
  s.reported.fetch_add(1, std::memory_order_relaxed);
  if (const auto takes = s.taker.load(std::memory_order_acquire); takes != nullptr && takes(error))
    return;
  exalloc_error_handler handler;
  void* context;
  {
    const std::lock_guard lock(s.mutex);
    handler = s.handler != nullptr ? s.handler : log_to_stderr;
    context = s.context;
  }
  const exalloc_error plain{error.what.c_str(), error.cause.c_str(), error.address,    error.token,
                            error.list,         error.portal,        error.stream_port};
  handler(&plain, context);
}

void post_error(error_report error) {
  error_state& s = state();
  const std::lock_guard lock(s.mutex);
  s.posted.push_back(std::move(error));
  s.any_posted.store(true, std::memory_order_relaxed);
}

void deliver_errors() noexcept {
  error_state& s = state();
  while (s.any_posted.load(std::memory_order_relaxed)) {
    error_report error;
    {
      const std::lock_guard lock(s.mutex);
      if (s.posted.empty()) return;
      error = std::move(s.posted.front());
      s.posted.pop_front();
      s.any_posted.store(!s.posted.empty(), std::memory_order_relaxed);
    }
    report_error(error);
  }
}

void set_error_taker(bool (*takes)(const error_report&) noexcept) noexcept {
  state().taker.store(takes, std::memory_order_release);
}

std::uint64_t errors_reported() noexcept {
  return state().reported.load(std::memory_order_relaxed);
}

}  // namespace exalloc

extern "C" {

const char* exalloc_last_error(void) { return exalloc::last_error.data(); }

void exalloc_set_error_handler(exalloc_error_handler handler, void* context) {
  auto& s = exalloc::state();
  const std::lock_guard lock(s.mutex);
  s.handler = handler;
  s.context = context;
}

}  // extern "C"
