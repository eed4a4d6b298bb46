#include "card/core_card.hpp"

#include <pthread.h>
#include <signal.h>

#include <bit>
#include <chrono>

namespace exalloc::soft {
namespace {

namespace off = regs::offset;

// The helper looks for doorbells for so long before it sleeps: a few times what waking it costs.
constexpr std::chrono::microseconds restless(100);
constexpr unsigned looks_between_yields = 64;

inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr bool is_doorbell(std::uint32_t offset) {
  const std::uint32_t within = offset - off::portals_base;
  return within < off::portals_stride * off::portals_count &&
         within % off::portals_stride == off::doorbell;
}

}  // namespace

core_card::core_card(const geometry& sizes) : inner_(sizes) {
  // Signals are the program's own threads' business.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    helper_ = std::thread([this] { help(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(helper_.native_handle(), "exalloc-card");
}

core_card::~core_card() {
  {
    const std::lock_guard lock(sleep_mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  wake_.notify_one();
  helper_.join();
}

std::uint32_t core_card::read(std::uint32_t offset) {
  deliver_all();
  return inner_.read(offset);
}

void core_card::write(std::uint32_t offset, std::uint32_t value) {
  if (!is_doorbell(offset)) {
    const std::lock_guard lock(delivery_);
    deliver();
    inner_.write(offset, value);
    return;
  }
  const std::uint32_t portal = (offset - off::portals_base) / off::portals_stride;
  // Released: whoever finds this value for an earlier doorbell's bit must see its lines, too.
  mailbox_[portal].store(value, std::memory_order_release);
  // Sequentially consistent, as are the helper's steps in sleep(): one of the two sees the other.
  pending_.fetch_or(std::uint64_t{1} << portal, std::memory_order_seq_cst);
  if (!asleep_.load(std::memory_order_seq_cst)) return;
  { const std::lock_guard lock(sleep_mutex_); }
  wake_.notify_one();
}

void core_card::relax() {
  if (pending_.load(std::memory_order_relaxed) != 0) {
    if (const std::unique_lock lock(delivery_, std::try_to_lock); lock.owns_lock()) {
      deliver();
      return;
    }
  }
  for (unsigned i = 0; i < looks_between_yields; ++i) pause();
  inner_.relax();
}

void core_card::advance_to(std::uint64_t ns) {
  deliver_all();
  inner_.advance_to(ns);
}

unsigned core_card::deliver() {
  unsigned count = 0;
  for (std::uint64_t bits = pending_.exchange(0, std::memory_order_seq_cst); bits != 0;
       bits &= bits - 1, ++count) {
    const auto portal = static_cast<std::uint32_t>(std::countr_zero(bits));
    inner_.write(off::portals_base + portal * off::portals_stride + off::doorbell,
                 mailbox_[portal].load(std::memory_order_acquire));
  }
  return count;
}

void core_card::help() {
  using clock = std::chrono::steady_clock;
  auto until = clock::now() + restless;
  while (!stop_.load(std::memory_order_relaxed)) {
    unsigned looks = 0;
    while (looks < looks_between_yields && pending_.load(std::memory_order_relaxed) == 0) {
      ++looks;
      pause();
    }
    if (looks < looks_between_yields) {
      unsigned answered = 0;
      {
        const std::lock_guard lock(delivery_);
        answered = deliver();
      }
      helped_.fetch_add(answered, std::memory_order_relaxed);
      until = clock::now() + restless;
    } else if (clock::now() < until) {
      std::this_thread::yield();
    } else {
      sleep();
      until = clock::now() + restless;
    }
  }
}

void core_card::sleep() {
  std::unique_lock lock(sleep_mutex_);
  asleep_.store(true, std::memory_order_seq_cst);
  wake_.wait(lock, [&] {
    return pending_.load(std::memory_order_seq_cst) != 0 || stop_.load(std::memory_order_relaxed);
  });
  asleep_.store(false, std::memory_order_relaxed);
}

}  // namespace exalloc::soft
