// A program to be watched: does what it is told, a line at a time, and answers with a line of
// numbers.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace {

struct a_zone {
  explicit a_zone(ULONG blocks, ULONG size) : memory(16 + std::size_t{blocks} * size) {
    if (ExInitializeZone(&header, size, memory.data(), static_cast<ULONG>(memory.size())) != 0)
      std::abort();
  }
  ZONE_HEADER header{};
  std::vector<char> memory;
  std::vector<void*> taken;
};

std::deque<a_zone> zones;
std::deque<NPAGED_LOOKASIDE_LIST> lists;
std::map<ULONG, std::vector<void*>> pool;
std::atomic<bool> stop{false};
std::vector<std::thread> churners;

ULONG tag_of(const std::string& text) {
  ULONG tag = 0;
  for (std::size_t i = 0; i < text.size(); ++i) tag |= static_cast<ULONG>(text[i]) << (8 * i);
  return tag;
}

// Threads that take COUNT blocks each, and end: processors change hands.
void take(a_zone& z, int count, int threads) {
  std::vector<std::vector<void*>> got(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  for (auto& mine : got) {
    running.emplace_back([&] {
      for (int i = 0; i < count; ++i)
        if (void* b = ExAllocateFromZone(&z.header)) mine.push_back(b);
    });
  }
  for (auto& t : running) t.join();
  for (const auto& mine : got) z.taken.insert(z.taken.end(), mine.begin(), mine.end());
}

void give(a_zone& z, int count) {
  for (int i = 0; i < count && !z.taken.empty(); ++i) {
    ExFreeToZone(&z.header, z.taken.back());
    z.taken.pop_back();
  }
}

void churn(a_zone& z) {
  std::vector<void*> mine;
  for (unsigned n = 1; !stop.load(std::memory_order_relaxed); n = n * 1103515245 + 12345) {
    if ((n >> 16 & 7) < 4) {
      if (void* b = ExAllocateFromZone(&z.header)) mine.push_back(b);
    } else if (!mine.empty()) {
      ExFreeToZone(&z.header, mine.back());
      mine.pop_back();
    }
  }
  for (void* b : mine) ExFreeToZone(&z.header, b);
}

std::string numbers(const GENERAL_LOOKASIDE& l) {
  std::ostringstream out;
  out << &l << ' ' << l.TotalAllocates << ' ' << l.AllocateMisses << ' ' << l.TotalFrees << ' '
      << l.FreeMisses << ' ' << l.Depth << ' ' << l.MaximumDepth;
  return out.str();
}

// A list whose fields go away without ExDelete...: a bug of the program's, but no reason to crash.
void forget_list() {
  void* fields = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ExInitializeNPagedLookasideList(static_cast<PNPAGED_LOOKASIDE_LIST>(fields), nullptr, nullptr, 0,
                                  64, tag_of("Gone"), 0);
  munmap(fields, 4096);
}

std::string obey(std::istringstream& words) {
  std::string what;
  words >> what;
  const auto number = [&] {
    int n = 0;
    words >> n;
    return n;
  };
  const auto zone = [&]() -> a_zone& { return zones.at(static_cast<std::size_t>(number())); };
  if (what == "open") return exalloc_card_name();
  if (what == "zone") {
    const auto blocks = static_cast<ULONG>(number());
    zones.emplace_back(blocks, static_cast<ULONG>(number()));
    std::ostringstream out;
    out << &zones.back().header;
    return out.str();
  }
  if (what == "take") {
    a_zone& z = zone();
    const int count = number();
    take(z, count, number());
    return std::to_string(z.taken.size());
  }
  if (what == "give") {
    a_zone& z = zone();
    give(z, number());
    return std::to_string(z.taken.size());
  }
  if (what == "churn") {
    a_zone& z = zone();
    for (int i = number(); i > 0; --i) churners.emplace_back(churn, std::ref(z));
    return "ok";
  }
  if (what == "stop") {
    stop = true;
    for (auto& t : churners) t.join();
    churners.clear();
    return "ok";
  }
  if (what == "list") {
    std::string tag;
    words >> tag;
    ExInitializeNPagedLookasideList(&lists.emplace_back(), nullptr, nullptr, 0,
                                    static_cast<SIZE_T>(number()), tag_of(tag), 0);
    return numbers(lists.back().L);
  }
  if (what == "use") {
    auto& list = lists.at(static_cast<std::size_t>(number()));
    std::vector<void*> entries;
    for (int i = number(); i > 0; --i) entries.push_back(ExAllocateFromNPagedLookasideList(&list));
    for (void* e : entries) ExFreeToNPagedLookasideList(&list, e);
    return numbers(list.L);
  }
  if (what == "pool" || what == "unpool") {
    std::string tag;
    words >> tag;
    auto& blocks = pool[tag_of(tag)];
    for (int i = number(); i > 0; --i) {
      if (what == "pool") {
        blocks.push_back(ExAllocatePoolWithTag(NonPagedPool, 100, tag_of(tag)));
      } else {
        ExFreePoolWithTag(blocks.back(), tag_of(tag));
        blocks.pop_back();
      }
    }
    return std::to_string(blocks.size());
  }
  if (what == "forget_list") {
    forget_list();
    return "ok";
  }
  if (what == "fork") {
    // The child ends as a program does, with what is registered for that.
    const pid_t child = fork();
    if (child == 0) std::exit(0);
    int status = -1;
    waitpid(child, &status, 0);
    return std::to_string(status);
  }
  if (what == "exec") execl("/bin/sleep", "sleep", "1000", nullptr);
  return "what?";
}

}  // namespace

// Its zones live until it ends, and the library destroys nothing then: no leaks.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "detect_leaks=0";
}

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::cout << obey(words) << std::endl;
  }
  return 0;
}
