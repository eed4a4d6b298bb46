#include "bench_mix.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace exalloc::bench {
namespace {

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

// What a child process tells.
struct report {
  std::array<mix_point, mix_phases.size() + 1> points;
  std::array<char, 256> failure;
};

report measure(const allocator& a) {
  report r{};
  try {
    mix_steps m(a.allocate, [&](void* p, std::size_t) { a.release(p); });
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
