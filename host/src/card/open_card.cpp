// Finds a card by name. Never a silent substitute: a card that cannot be had is an error.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "card/core_card.hpp"
#include "card/soft_card.hpp"
#include "exalloc/card.hpp"

namespace exalloc {
namespace {

// The folder of the library this code is in, with the slash; empty if that cannot be told.
std::string own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&open_card), &info) == 0 || info.dli_fname == nullptr)
    return {};
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// Cards in libraries of their own, so that a program need not have what the others need.
struct card_library {
  const char* card;
  const char* file;
  const char* opens;    // card* ()
  const char* install;  // how to get the file
};
constexpr card_library sim{"sim", EXALLOC_SIM_LIBRARY, "exalloc_sim_open_card",
                           "install it next to libexalloc.so"};
constexpr card_library xrt{
    "xrt", EXALLOC_XRT_LIBRARY, "exalloc_xrt_open_card",
    "it is built where XRT is installed (Debian: libxrt-dev, uuid-dev); build "
    "exalloc there, and install it next to libexalloc.so"};

void* load(const card_library& from) {
  std::string why;
  for (const std::string& path : {own_folder() + from.file, std::string(from.file)}) {
    if (void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    const char* error = ::dlerror();
    why += fmt::format("\n  {}", error != nullptr ? error : path.c_str());
  }
  throw std::runtime_error(
      fmt::format("exalloc: the card \"{}\" needs {}, which cannot be loaded; {}:{}", from.card,
                  from.file, from.install, why));
}

template <class Function>
Function find(const card_library& from, const char* name) {
  const auto found = reinterpret_cast<Function>(::dlsym(load(from), name));
  if (found == nullptr)
    throw std::runtime_error(
        fmt::format("exalloc: {} has no {}: it is of another release", from.file, name));
  return found;
}

std::unique_ptr<card> open(const card_library& from) {
  std::unique_ptr<card> device(find<card* (*)()>(from, from.opens)());
  if (device == nullptr)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" could not be started", from.card));
  return device;
}

// Stands in for memory on the card, where kernels are objects of this process.
class plain_memory final : public card_memory {
 public:
  explicit plain_memory(std::size_t bytes) : plain_memory(bytes, map(bytes)) {}
  ~plain_memory() override { ::munmap(at_, size()); }

  void write(std::size_t offset, const std::byte* from, std::size_t bytes) override {
    std::memcpy(at_ + offset, from, bytes);
  }
  void read(std::size_t offset, std::byte* to, std::size_t bytes) override {
    std::memcpy(to, at_ + offset, bytes);
  }

 private:
  plain_memory(std::size_t bytes, std::byte* at)
      : card_memory(bytes, reinterpret_cast<std::uintptr_t>(at)), at_(at) {}
  static std::byte* map(std::size_t bytes) {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(at);
  }
  std::byte* at_;
};

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

std::optional<std::uint64_t> card::device_address(const std::byte* first, std::size_t) {
  return reinterpret_cast<std::uintptr_t>(first);
}

std::unique_ptr<card_memory> card::allocate_on_card(const std::string&, std::size_t bytes) {
  return std::make_unique<plain_memory>(bytes);
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
  if (name == sim.card) return open(sim);
  if (name == xrt.card) return open(xrt);
  throw std::runtime_error(
      fmt::format("exalloc: there is no card \"{}\"; known are \"soft\", "
                  "\"soft-core\", \"sim\" and \"xrt\"",
                  name));
}

std::string xrt_devices() {
  std::string out;
  find<void (*)(std::string*)>(xrt, "exalloc_xrt_devices")(&out);
  return out;
}

}  // namespace exalloc
