// What it costs a process to be watched: times ExAllocateFromZone and ExFreeToZone, and pool
// allocations, in turns with and without a reader that asks as often as it is told to.
// Usage: status_cost [ASKS-A-SECOND]
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "exalloc/wdm.h"
#include "live_process.hpp"

namespace {

using steady = std::chrono::steady_clock;

constexpr int calls = 20'000'000, turns = 9;

template <class Call>
double nanoseconds_a_call(Call&& call) {
  const auto begin = steady::now();
  for (int i = 0; i < calls; ++i) call();
  return std::chrono::duration<double, std::nano>(steady::now() - begin).count() / calls;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A process that asks until it is killed.
pid_t start_reader(double asks_a_second) {
  const auto watched = static_cast<std::uint64_t>(getpid());
  const pid_t reader = fork();
  if (reader != 0) {
    // Starting it is not what is measured, nor the pages that are copied because of the fork.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return reader;
  }
  exalloc::inspect::live_process process(watched);
  for (;;) {
    process.refresh(std::chrono::seconds(10));
    std::this_thread::sleep_for(std::chrono::duration<double>(1 / asks_a_second));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const double asks = argc > 1 ? std::atof(argv[1]) : 20;
  std::vector<char> memory(1 << 20);
  ZONE_HEADER zone;
  if (ExInitializeZone(&zone, 64, memory.data(), static_cast<ULONG>(memory.size())) != 0) return 1;
  const auto zone_pair = [&] { ExFreeToZone(&zone, ExAllocateFromZone(&zone)); };
  const auto pool_pair = [] { ExFreePool(ExAllocatePoolWithTag(NonPagedPool, 100, 0x74736F43)); };
  std::vector<double> zone_alone, zone_watched, pool_alone, pool_watched;
  for (int i = 0; i < turns; ++i) {
    zone_alone.push_back(nanoseconds_a_call(zone_pair));
    pool_alone.push_back(nanoseconds_a_call(pool_pair));
    const pid_t reader = start_reader(asks);
    zone_watched.push_back(nanoseconds_a_call(zone_pair));
    pool_watched.push_back(nanoseconds_a_call(pool_pair));
    kill(reader, SIGKILL);
    waitpid(reader, nullptr, 0);
  }
  fmt::print("allocate and free, ns a pair, median of {} turns; watched: asked {} times a second\n",
             turns, asks);
  fmt::print("zone  alone {:6.2f}  watched {:6.2f}\n", median(zone_alone), median(zone_watched));
  fmt::print("pool  alone {:6.2f}  watched {:6.2f}\n", median(pool_alone), median(pool_watched));
}
