// The memory of a simulated card below XRT: a window of the host's, and a bank of its own.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "card/process_memory.hpp"
#include "range_allocator.hpp"

namespace exalloc::sim {

inline constexpr std::uint64_t device_page = 4096;

// Device addresses first .. first + bytes - 1, handed out in whole pages. Thread safe.
class device_range {
 public:
  device_range(std::uint64_t first, std::uint64_t bytes)
      : first_(first), pages_(0, bytes / device_page) {}
  std::optional<std::uint64_t> take(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto page = pages_.take(pages_of(bytes));
    if (!page) return std::nullopt;
    return first_ + *page * device_page;
  }
  void give_back(std::uint64_t address, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    pages_.give_back((address - first_) / device_page, pages_of(bytes));
  }

 private:
  static std::uint64_t pages_of(std::uint64_t bytes) {
    return (bytes + device_page - 1) / device_page;
  }
  std::uint64_t first_;
  std::mutex mutex_;
  range_allocator pages_;
};

// Memory that is mapped once for the card, and once more for every buffer in it that a program
// maps: as with a kernel driver, the program may do with its mapping what it likes.
class device_memory final : public process_memory {
 public:
  // Throws std::system_error.
  device_memory(std::uint64_t first, std::uint64_t bytes);
  ~device_memory() override;

  std::optional<std::uint64_t> take(std::uint64_t bytes) { return range_.take(bytes); }
  // The memory reads as zeros when it is taken again.
  void give_back(std::uint64_t address, std::uint64_t bytes);
  // Null if the system refuses; unmapped with munmap.
  void* map(std::uint64_t address, std::uint64_t bytes) const;
  std::byte* at(std::uint64_t address, std::size_t bytes) override;

 private:
  std::uint64_t first_, bytes_;
  int file_;
  std::byte* all_;
  device_range range_;
};

}  // namespace exalloc::sim
