#include "bench_lines.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "card/line.hpp"
#include "card/process_memory.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"
#include "portal.hpp"

namespace exalloc::bench {
namespace {

constexpr unsigned refill_lines = 5;  // what a refill of 64 blocks reads
constexpr unsigned refills = 12;      // one after the other, of lines that are all there

// A card that does nothing: whoever holds its memory plays it.
class inert_card final : public card {
 public:
  std::string_view name() const noexcept override { return "inert"; }
  std::uint32_t read(std::uint32_t) override { return 0; }
  void write(std::uint32_t, std::uint32_t) override {}
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    auto piece = memory_.allocate(bytes);
    ring = reinterpret_cast<line*>(piece->data());
    return piece;
  }
  void relax() override {}
  std::uint64_t now_ns() override { return 0; }
  void advance_to(std::uint64_t) override {}
  bool wait_interrupt(std::uint64_t) override { return false; }
  line* ring = nullptr;  // of submissions, that of completions behind it

 private:
  process_memory memory_;
};

// The first two processors this thread may run on.
std::vector<int> two_processors() {
  cpu_set_t set;
  std::vector<int> found;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE && found.size() < 2; ++i)
      if (CPU_ISSET(i, &set)) found.push_back(i);
  if (found.size() < 2)
    throw std::runtime_error(
        "bench lines measures between two processors, and this thread may run on one only; see "
        "taskset");
  return found;
}

void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void pause_briefly() {
  for (int i = 0; i < 100; ++i) __builtin_ia32_pause();
}

// The other core: does what it is asked to while the asking one waits.
class other_core {
 public:
  explicit other_core(int processor) : thread_([this, processor] { serve(processor); }) {}
  ~other_core() {
    run({});
    thread_.join();
  }
  void run(std::function<void()> work) {
    work_ = std::move(work);
    const std::uint64_t number = asked_.load(std::memory_order_relaxed) + 1;
    asked_.store(number, std::memory_order_release);
    while (done_.load(std::memory_order_acquire) != number) __builtin_ia32_pause();
    pause_briefly();
  }

 private:
  void serve(int processor) {
    stay_on(processor);
    for (std::uint64_t seen = 0;;) {
      while (asked_.load(std::memory_order_acquire) == seen) __builtin_ia32_pause();
      ++seen;
      const bool more = static_cast<bool>(work_);
      if (more) work_();
      done_.store(seen, std::memory_order_release);
      if (!more) return;
    }
  }

  std::function<void()> work_;
  alignas(64) std::atomic<std::uint64_t> asked_{0};
  alignas(64) std::atomic<std::uint64_t> done_{0};
  std::thread thread_;
};

class lines {
 public:
  explicit lines(unsigned rounds)
      : rounds_(rounds), processors_(two_processors()), other_(processors_[1]) {
    stay_on(processors_[0]);
    tokens_.reserve(2 * regs::max_grant);
    // What taking the time itself takes.
    timer_ = median([&] { return timed([] {}); });
  }

  std::vector<line_case> measure() {
    std::vector<line_case> out;
    const auto add = [&](const char* name, unsigned count, auto&& once) {
      out.push_back({name, std::max(median(once) - timer_, 0.0) / count});
    };
    add("a completion line read as soon as it is there", 1, [&] {
      other_.run([&] { write_completions(1); });
      return timed([&] { receive(1); });
    });
    // Not the first refill: the one before has looked ahead.
    add("a completion line of a refill", refill_lines, [&] {
      other_.run([&] { write_completions(refills * refill_lines); });
      std::vector<double> each;
      for (unsigned i = 0; i < refills; ++i) {
        pause_briefly();
        each.push_back(timed([&] { receive(refill_lines); }));
      }
      std::sort(each.begin() + 1, each.end());
      return each[1 + (each.size() - 1) / 2];
    });
    constexpr std::array<std::uint32_t, regs::tokens_per_line> freed{1, 2, 3};
    constexpr unsigned released = 10, asked = 8;
    add("a RELEASE line of 14 written, which the card read last", released, [&] {
      other_.run([&] { read_submissions(); });
      return timed([&] {
        for (unsigned i = 0; i < released; ++i)
          portal_.submit(regs::opcode::release, 0, 0, freed.size(), freed);
      });
    });
    add("a GRANT line written, the same", asked, [&] {
      other_.run([&] { read_submissions(); });
      return timed([&] {
        for (unsigned i = 0; i < asked; ++i)
          portal_.submit(regs::opcode::grant, 0, 0, regs::max_grant, {});
      });
    });
    return out;
  }

 private:
  template <typename function>
  static double timed(function&& call) {
    __builtin_ia32_lfence();
    const auto began = std::chrono::steady_clock::now();
    __builtin_ia32_lfence();
    call();
    __builtin_ia32_lfence();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began)
        .count();
  }
  template <typename function>
  double median(function&& once) const {
    std::vector<double> all(rounds_);
    for (double& ns : all) ns = once();
    std::nth_element(all.begin(), all.begin() + rounds_ / 2, all.end());
    return all[rounds_ / 2];
  }

  void write_completions(unsigned count) {
    namespace h = regs::completion_header;
    for (; count != 0; --count, ++written_) {
      line& to = card_.ring[portal::ring_lines + written_ % portal::ring_lines];
      to.tokens.fill(written_);
      std::uint64_t header = h::phase.set(0, 1 ^ (written_ >> portal::ring_log2 & 1));
      header = h::opcode.set(header, static_cast<std::uint64_t>(regs::opcode::grant));
      header = h::count.set(header, regs::tokens_per_line);
      __atomic_store_n(&to.header, header, __ATOMIC_RELEASE);
    }
  }
  void read_submissions() {
    for (unsigned i = 0; i < portal::ring_lines; ++i)
      seen_.store(seen_.load(std::memory_order_relaxed) + card_.ring[i].header,
                  std::memory_order_relaxed);
  }
  // As a processor's refill does.
  void receive(unsigned count) {
    tokens_.clear();
    completion c;
    while (count-- != 0 && portal_.receive(c))
      tokens_.insert(tokens_.end(), c.tokens.begin(), c.tokens.begin() + c.count);
  }

  const unsigned rounds_;
  const std::vector<int> processors_;
  inert_card card_;
  portal portal_{card_, 0};
  other_core other_;
  std::vector<std::uint32_t> tokens_;
  std::uint32_t written_ = 0;
  std::atomic<std::uint64_t> seen_{0};
  double timer_ = 0;
};

}  // namespace

// In a thread of its own: it stays on one processor.
std::vector<line_case> measure_lines(unsigned rounds) {
  std::vector<line_case> out;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      out = lines(rounds).measure();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return out;
}

}  // namespace exalloc::bench
