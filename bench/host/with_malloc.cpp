// malloc: glibc's, or whichever was preloaded into this process.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

class any_malloc {
 public:
  explicit any_malloc(const std::vector<unsigned>& sizes) {
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  }
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) { return std::malloc(sizes_[which]); }
  [[gnu::always_inline]] void release(void* p, unsigned) { std::free(p); }

 private:
  std::array<unsigned, 3> sizes_{};
};

}  // namespace

sample measure_malloc(const request& r) {
  // That the preloading worked: malloc comes from a file named after the allocator.
  Dl_info where{};
  ::dladdr(reinterpret_cast<void*>(&std::malloc), &where);
  const char* const file = where.dli_fname == nullptr ? "?" : where.dli_fname;
  if (std::strstr(file, r.allocator == "glibc" ? "libc.so" : r.allocator.c_str()) == nullptr)
    throw std::runtime_error("malloc is that of " + std::string(file));
  return measure<alone | apart | passing | shifting, any_malloc>(r);
}

}  // namespace exalloc::bench
