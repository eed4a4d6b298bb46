#include "status/answerer.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#include "errors.hpp"
#include "fork_mutex.hpp"
#include "status/rows.hpp"
#include "status/status_page.hpp"

namespace exalloc {
namespace {

// Held while an answer is made. Never destroyed.
fork_mutex& answering() {
  alignas(fork_mutex) static std::byte storage[sizeof(fork_mutex)];
  static fork_mutex* const instance = ::new (storage) fork_mutex(lock_row::answering);
  return *instance;
}

// Set under that lock, when static objects are about to be destroyed.
bool ended = false;

// The page is other processes' too, so these are not FUTEX_PRIVATE.
long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) noexcept {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation, value, nullptr,
                   nullptr, 0);
}

void publish(status::page& page, const status::rows& r) {
  // Odd: readers wait, or read again.
  page.sequence.fetch_add(1, std::memory_order_seq_cst);
  std::copy(r.lookasides.begin(), r.lookasides.end(), page.lookaside.begin());
  std::copy(r.zones.begin(), r.zones.end(), page.zone.begin());
  page.lookasides = static_cast<std::uint32_t>(r.lookasides.size());
  page.zones = static_cast<std::uint32_t>(r.zones.size());
  page.lookasides_left_out = r.lookasides_left_out;
  page.zones_left_out = r.zones_left_out;
  page.card = r.card;
  page.pool = r.pool;
  page.sequence.fetch_add(1, std::memory_order_seq_cst);
}

void* answer(void* argument) {
  core& c = *static_cast<core*>(argument);
  ::pthread_setname_np(::pthread_self(), "exalloc-status");
  status::page& page = status_page();
  for (std::uint32_t seen = 0;;) {
    const std::uint32_t asked = page.asked.load(std::memory_order_acquire);
    if (asked == seen) {
      if (futex(page.asked, FUTEX_WAIT, seen) != 0 && errno != EAGAIN && errno != EINTR)
        return nullptr;
      continue;
    }
    try {
      const std::lock_guard lock(answering());
      if (ended) return nullptr;
      publish(page, status::collect(c));
    } catch (const std::bad_alloc&) {
      // No answer this time.
      seen = asked;
      continue;
    } catch (const std::exception& e) {
      report_error({fmt::format("the status page is not kept any longer: {}", e.what()), "ok",
                    nullptr, 0, 0, -1});
      return nullptr;
    }
    seen = asked;
    page.answered.store(asked, std::memory_order_release);
    futex(page.answered, FUTEX_WAKE, INT_MAX);
  }
}

// While static objects are destroyed, the card's among them, it must not look at any. An answer
// that does not end is not waited for: its thread waits for something that cannot come any more.
void stop_answering() {
  for (int i = 0; i < 1000; ++i) {
    if (const std::unique_lock lock(answering(), std::try_to_lock); lock) {
      ended = true;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

void start_answering(core& c) noexcept {
  if (!status_page_is_shared()) return;
  answering();
  // The thread inherits the mask: signals are for the program's own threads.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = ::pthread_create(&thread, &attributes, answer, &c);
  ::pthread_attr_destroy(&attributes);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) {
    std::atexit(stop_answering);
  } else {
    post_error({fmt::format("no thread for the status page ({}): `exalloc top` shows tags only",
                            std::strerror(error)),
                "ok", nullptr, 0, 0, -1});
  }
}

}  // namespace exalloc
