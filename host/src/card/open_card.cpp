// Finds a card by name. Never a silent substitute: a card that cannot be had is an error.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "card/core_card.hpp"
#include "card/soft_card.hpp"
#include "exalloc/card.hpp"

namespace exalloc {
namespace {

constexpr const char* sim_library = EXALLOC_SIM_LIBRARY;
constexpr const char* sim_entry = "exalloc_sim_open_card";

// The folder of the library this code is in, with the slash; empty if that cannot be told.
std::string own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&open_card), &info) == 0 || info.dli_fname == nullptr)
    return {};
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// The simulation is a library of its own, so that a program with a real card need not have it.
std::unique_ptr<card> open_sim() {
  void* library = nullptr;
  std::string why;
  for (const std::string& path : {own_folder() + sim_library, std::string(sim_library)}) {
    library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
    const char* error = ::dlerror();
    why += fmt::format("\n  {}", error != nullptr ? error : path.c_str());
  }
  if (library == nullptr)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"sim\" needs {}, which cannot be loaded; install it next "
                    "to libexalloc.so:{}",
                    sim_library, why));
  using open_function = card* (*)();
  const auto open = reinterpret_cast<open_function>(::dlsym(library, sim_entry));
  if (open == nullptr)
    throw std::runtime_error(
        fmt::format("exalloc: {} has no {}: it is of another release", sim_library, sim_entry));
  std::unique_ptr<card> device(open());
  if (device == nullptr) throw std::runtime_error("exalloc: the card \"sim\" could not be started");
  return device;
}

}  // namespace

void card::trace(const std::string& file) {
  throw std::runtime_error(
      fmt::format("exalloc: the card \"{}\" has no waveforms to record to {}", name(), file));
}

std::uint64_t card::lock_memory(std::byte* first, std::size_t bytes) {
  if (::mlock(first, bytes) != 0) {
    const int why = errno;
    ::munlock(first, bytes);  // some of it may be locked
    throw std::system_error(why, std::generic_category(), "exalloc: locking memory");
  }
  return reinterpret_cast<std::uintptr_t>(first);
}

bool card::unlock_memory(std::byte* first, std::size_t bytes) noexcept {
  return ::munlock(first, bytes) == 0;
}

void card::attach(unsigned, std::shared_ptr<stream_kernel>) {
  throw std::runtime_error(
      fmt::format("exalloc: the card \"{}\" has no place for simulated kernels", name()));
}

std::byte* card::memory_at(std::uint64_t, std::size_t) {
  throw std::runtime_error(
      fmt::format("exalloc: the card \"{}\" has no memory for simulated kernels", name()));
}

std::unique_ptr<card> open_card(const std::string& name) {
  if (name == "soft") return std::make_unique<soft::soft_card>();
  if (name == "soft-core") return std::make_unique<soft::core_card>();
  if (name == "sim") return open_sim();
  throw std::runtime_error(fmt::format(
      "exalloc: there is no card \"{}\"; known are \"soft\", \"soft-core\" and \"sim\"", name));
}

}  // namespace exalloc
