#include "magazine.hpp"

#include <cstdlib>
#include <new>

namespace exalloc {
namespace {

// calloc aligns to less: what it gave stands before the magazine.
struct alignas(alignof(magazine)) prefix {
  void* memory;
};

}  // namespace

void* magazine::operator new(std::size_t bytes) {
  void* memory = std::calloc(1, bytes + sizeof(prefix) + alignof(prefix));
  if (memory == nullptr) throw std::bad_alloc();
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t at = (begin + alignof(prefix) - 1) & ~(alignof(prefix) - 1);
  auto* before = ::new (reinterpret_cast<void*>(at)) prefix{memory};
  return before + 1;
}

void magazine::operator delete(void* p) noexcept {
  if (p != nullptr) std::free((static_cast<prefix*>(p) - 1)->memory);
}

std::unique_ptr<magazine> magazine::make() {
  return std::unique_ptr<magazine>(new magazine(zeroed{}));
}

}  // namespace exalloc
