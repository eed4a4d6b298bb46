#include "bench_mix.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <system_error>

#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace exalloc::bench {
namespace {

constexpr double free_probability = 0.45;
constexpr unsigned touched_every = 64;
// More blocks than the mix ever has.
constexpr std::size_t most_blocks = 1'000'000;
constexpr ULONG tag = 'M' | 'i' << 8 | 'x' << 16 | ' ' << 24;

struct allocator {
  const char* name;
  void* (*allocate)(std::size_t);
  void (*release)(void*);
};
constexpr std::array<allocator, 3> allocators{{
    {"pool, paged", [](std::size_t n) { return ExAllocatePoolWithTag(PagedPool, n, tag); },
     [](void* p) { ExFreePoolWithTag(p, tag); }},
    {"pool, nonpaged", [](std::size_t n) { return ExAllocatePoolWithTag(NonPagedPool, n, tag); },
     [](void* p) { ExFreePoolWithTag(p, tag); }},
    {"malloc", [](std::size_t n) { return std::malloc(n); }, [](void* p) { std::free(p); }},
}};

std::uint64_t resident() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) throw std::system_error(errno, std::generic_category(), "/proc/self/statm");
  unsigned long all = 0, in_memory = 0;
  const int fields = std::fscanf(file, "%lu %lu", &all, &in_memory);
  std::fclose(file);
  if (fields != 2) throw std::runtime_error("/proc/self/statm is not as expected");
  return in_memory * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The mix on one allocator, in this process.
class mix {
 public:
  explicit mix(const allocator& a) : allocator_(a) {
    // The list's own memory is there from the start.
    live_.resize(most_blocks, {&random_, 1});
    live_.clear();
    for (const unsigned size : mix_sizes) {
      void* p = allocate(size);
      allocator_.release(p);
    }
    start_ = resident();
  }

  mix_point run(const mix_weights& weights) {
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < mix_steps; ++i) step(weights);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    return {bytes_, resident() - start_, time.count() / mix_steps};
  }
  mix_point free_most() {
    const std::size_t left = live_.size() / 10;
    while (live_.size() > left) free_one();
    return {bytes_, resident() - start_, 0};
  }

 private:
  struct block {
    void* address;
    unsigned size;
  };

  void* allocate(std::size_t size) {
    void* p = allocator_.allocate(size);
    if (p == nullptr) throw std::runtime_error(exalloc_last_error());
    return p;
  }
  void free_one() {
    block& chosen = live_[random_() % live_.size()];
    allocator_.release(chosen.address);
    bytes_ -= chosen.size;
    chosen = live_.back();
    live_.pop_back();
  }
  void step(const mix_weights& weights) {
    const bool chance =
        static_cast<double>(random_() >> 11) * 0x1p-53 < free_probability;  // of 53 random bits
    if (!live_.empty() && (bytes_ > mix_live_target || chance)) return free_one();
    unsigned percent = static_cast<unsigned>(random_() % 100), which = 0;
    while (percent >= weights.percent[which]) percent -= weights.percent[which++];
    const unsigned size = mix_sizes[which];
    auto* p = static_cast<volatile char*>(allocate(size));
    for (unsigned i = 0; i < size; i += touched_every) p[i] = 1;
    live_.push_back({const_cast<char*>(p), size});
    bytes_ += size;
  }

  const allocator& allocator_;
  std::mt19937_64 random_{1};
  std::vector<block> live_;
  std::uint64_t bytes_ = 0, start_ = 0;
};

// What a child process tells.
struct report {
  std::array<mix_point, mix_phases.size() + 1> points;
  std::array<char, 256> failure;
};

report measure(const allocator& a) {
  report r{};
  try {
    mix m(a);
    for (std::size_t i = 0; i < mix_phases.size(); ++i) r.points[i] = m.run(mix_phases[i]);
    r.points.back() = m.free_most();
  } catch (const std::exception& e) {
    std::strncpy(r.failure.data(), e.what(), r.failure.size() - 1);
    if (r.failure[0] == '\0') std::strncpy(r.failure.data(), "it failed", r.failure.size() - 1);
  }
  return r;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

report measure_in_child(const allocator& a) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) fail("bench mix: pipe");
  const pid_t child = ::fork();
  if (child < 0) fail("bench mix: fork");
  if (child == 0) {
    const report r = measure(a);
    const bool told = ::write(ends[1], &r, sizeof r) == static_cast<ssize_t>(sizeof r);
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  report r{};
  std::size_t got = 0;
  while (got < sizeof r) {
    const ssize_t n = ::read(ends[0], reinterpret_cast<char*>(&r) + got, sizeof r - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  if (got != sizeof r) throw std::runtime_error("bench mix: the measuring process ended early");
  return r;
}

}  // namespace

double mix_result::worst() const {
  double worst = 0;
  for (const mix_point& p : phases) worst = std::max(worst, p.ratio());
  return worst;
}

std::vector<mix_result> measure_mix(const mix_progress& tell) {
  std::vector<mix_result> out;
  for (const allocator& a : allocators) {
    tell(a.name);
    const report r = measure_in_child(a);
    mix_result& result = out.emplace_back();
    result.allocator = a.name;
    result.failure = r.failure.data();
    if (!result.failure.empty()) continue;
    result.phases.assign(r.points.begin(), r.points.end() - 1);
    result.survivors = r.points.back();
  }
  return out;
}

}  // namespace exalloc::bench
