// Clocks, places and distributions for measurements of a few nanoseconds.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace exalloc::bench {

inline double seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Time stamps that neither earlier nor later instructions of the thread cross.
inline std::uint64_t stamp_before() {
  _mm_lfence();
  const std::uint64_t t = __rdtsc();
  _mm_lfence();
  return t;
}
inline std::uint64_t stamp_after() {
  unsigned processor;
  const std::uint64_t t = __rdtscp(&processor);
  _mm_lfence();
  return t;
}

// Nanoseconds of a tick of the time stamp counter, which must be constant; takes 2 ms the first
// time.
inline double ns_per_tick() {
  static const double result = [] {
    const double begin = seconds(CLOCK_MONOTONIC);
    const std::uint64_t first = __rdtsc();
    while (seconds(CLOCK_MONOTONIC) - begin < 0.002) {
    }
    return (seconds(CLOCK_MONOTONIC) - begin) * 1e9 / static_cast<double>(__rdtsc() - first);
  }();
  return result;
}

// Keeps the calling thread on the n-th processor this process may use.
inline void pin(unsigned n) {
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    ::sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || n-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return;
  }
  throw std::runtime_error("this case needs two processors");
}

// Asks that other programs do not take the processor from this process and its threads; without the
// right to it nothing changes. Real time: two threads on two processors that wait for each other
// are then never stopped one at a time. Not for allocators with a thread of their own, which has to
// share a processor with them.
inline void claim_processor(bool real_time) {
  const sched_param lowest{.sched_priority = 1};
  if (!real_time || ::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, -20));
}

template <class T>
T median(std::vector<T> values) {
  if (values.empty()) throw std::runtime_error("nothing was measured");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Counts of ticks, exact to 3 %: 32 buckets for each power of two.
class histogram {
 public:
  void add(std::uint64_t ticks) { ++counts_[bucket(ticks)]; }
  void clear() { counts_.fill(0); }
  // The smallest count of ticks that at least the given share of all does not exceed.
  double quantile(double share) const {
    std::uint64_t all = 0, seen = 0;
    for (const std::uint64_t n : counts_) all += n;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(all))
        return value(i);
    }
    return 0;
  }

 private:
  static std::size_t bucket(std::uint64_t v) {
    if (v < 32) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 6;
    return (shift + 1) * 32 + (v >> shift) - 32;
  }
  static double value(std::size_t i) {
    if (i < 32) return static_cast<double>(i);
    return static_cast<double>((i % 32 + 32) << (i / 32 - 1));
  }
  std::array<std::uint64_t, 60 * 32> counts_{};
};

// Cuts a measurement into slices of half a millisecond or more. What the median of the slices
// leaves out is another program that took the processor for some of them.
class slices {
 public:
  explicit slices(double milliseconds)
      : end_(ticks(milliseconds * 1.25)), warm_(ticks(milliseconds * 0.25)), slice_(ticks(0.5)) {
    each_.reserve(static_cast<std::size_t>(milliseconds * 2) + 16);
    last_ = begin_ = __rdtsc();
  }
  // To be told after some pairs, and how many ticks of that were spent waiting. False: the end.
  bool go_on(std::uint64_t pairs, std::uint64_t waited = 0) {
    pairs_ += pairs;
    all_pairs_ += pairs;
    waited_ += waited;
    const std::uint64_t now = __rdtsc();
    if (now - last_ < slice_) return true;
    const bool over = now - begin_ >= end_;
    if (now - begin_ >= warm_ || over) {
      const double n = static_cast<double>(pairs_), t = static_cast<double>(now - last_);
      each_.push_back(t / n * ns_per_tick());
      busy_.push_back((t - static_cast<double>(waited_)) / n * ns_per_tick());
    }
    pairs_ = waited_ = 0;
    last_ = now;
    return !over;
  }
  double ns_per_pair() const { return median(each_); }
  double busy_ns_per_pair() const { return median(busy_); }
  std::uint64_t pairs() const { return all_pairs_; }  // of the warm-up too

 private:
  static std::uint64_t ticks(double milliseconds) {
    return static_cast<std::uint64_t>(milliseconds * 1e6 / ns_per_tick());
  }
  std::uint64_t end_, warm_, slice_, begin_, last_, pairs_ = 0, waited_ = 0, all_pairs_ = 0;
  std::vector<double> each_, busy_;
};

}  // namespace exalloc::bench
