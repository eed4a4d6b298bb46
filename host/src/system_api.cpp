// MmQuerySystemSize and MmIsThisAnNtAsSystem.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string_view>

#include "errors.hpp"
#include "exalloc/exalloc.h"
#include "from_environment.hpp"
#include "system_size.hpp"

namespace exalloc {
namespace {

// What exalloc_set_system chose; -1: nothing.
std::atomic<int> chosen_size{-1};
std::atomic<int> chosen_server{-1};

void report_variable(const char* name, std::string_view value, const char* allowed) {
  report_error({fmt::format("{}=\"{}\" is not understood and has no effect; it may be {}", name,
                            value, allowed),
                "ok", nullptr, 0, 0, -1});
}

// -1: not set, or not understood.
int size_from_environment() {
  const std::string_view text = text_from_environment("EXALLOC_SYSTEM_SIZE");
  if (text.empty()) return -1;
  if (text == "small") return MmSmallSystem;
  if (text == "medium") return MmMediumSystem;
  if (text == "large") return MmLargeSystem;
  report_variable("EXALLOC_SYSTEM_SIZE", text, "small, medium or large");
  return -1;
}

int server_from_environment() {
  const std::string_view text = text_from_environment("EXALLOC_SERVER");
  if (text.empty()) return -1;
  if (text == "0" || text == "1") return text == "1" ? 1 : 0;
  report_variable("EXALLOC_SERVER", text, "0 or 1");
  return -1;
}

bool server_by_chassis() {
  std::ifstream file("/sys/class/dmi/id/chassis_type");
  int type = 0;
  return file >> type && is_server_chassis(type);
}

// The machine does not change while the program runs: looked at once.
bool server() {
  const int chosen = chosen_server.load(std::memory_order_relaxed);
  if (chosen >= 0) return chosen != 0;
  static const bool found = [] {
    const int value = server_from_environment();
    return value >= 0 ? value != 0 : server_by_chassis();
  }();
  return found;
}

MM_SYSTEMSIZE size() {
  const int chosen = chosen_size.load(std::memory_order_relaxed);
  if (chosen >= 0) return static_cast<MM_SYSTEMSIZE>(chosen);
  static const int from_environment = size_from_environment();
  if (from_environment >= 0) return static_cast<MM_SYSTEMSIZE>(from_environment);
  static const std::uint64_t bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return system_size_of(bytes, server());
}

}  // namespace
}  // namespace exalloc

extern "C" {

MM_SYSTEMSIZE MmQuerySystemSize(VOID) { return exalloc::size(); }

BOOLEAN MmIsThisAnNtAsSystem(VOID) { return exalloc::server() ? TRUE : FALSE; }

void exalloc_set_system(int size, int server) {
  exalloc::chosen_size.store(size >= MmSmallSystem && size <= MmLargeSystem ? size : -1,
                             std::memory_order_relaxed);
  exalloc::chosen_server.store(server < 0 ? -1 : static_cast<int>(server != 0),
                               std::memory_order_relaxed);
}

}  // extern "C"
