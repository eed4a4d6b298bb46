// Zeroed memory that costs nothing until it is touched: for tables indexed by token or by page.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

namespace exalloc {

template <class T>
class mapped_array {
 public:
  mapped_array() = default;
  // Throws std::system_error when there is no address space left.
  explicit mapped_array(std::size_t count) : count_(count) {
    void* memory = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw std::system_error(errno, std::generic_category(), "exalloc: reserving a table");
    data_ = static_cast<T*>(memory);
  }
  ~mapped_array() {
    if (data_ != nullptr) ::munmap(data_, count_ * sizeof(T));
  }
  mapped_array(mapped_array&& other) noexcept { swap(other); }
  mapped_array& operator=(mapped_array&& other) noexcept {
    swap(other);
    return *this;
  }

  T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return count_; }
  T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  // All bits 0 must be a value of T, and nothing may need a destructor.
  static_assert(std::is_trivially_destructible_v<T>);

  void swap(mapped_array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
  }

  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace exalloc
