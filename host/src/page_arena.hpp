// Runs of pages for the pool, and what each page is used for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "mapped_array.hpp"
#include "range_allocator.hpp"
#include "token_table.hpp"

namespace exalloc {

class page_arena {
 public:
  enum class page_use : std::uint8_t { none, chunk, big, big_rest };
  struct page_info {
    page_use use = page_use::none;
    std::uint64_t value = 0;  // chunk: its address; big: its pages
  };

  // Reserves as much address space as it gets, at most 64 GiB. Throws std::system_error.
  page_arena();

  // Consecutive pages, null when there are none.
  std::byte* take(std::size_t pages);
  void give_back(std::byte* first, std::size_t pages);

  void describe(std::byte* first, std::size_t pages, page_info each) noexcept;
  void describe_big(std::byte* first, std::size_t pages) noexcept;
  // Makes a big run nobody's, if it begins there: its pages; 0 if it does not.
  std::size_t claim_big(std::byte* first) noexcept;
  page_info find(const void* address) const noexcept {
    const std::size_t page = page_of(address);
    if (page >= pages_) return {};
    const std::uint64_t word = map_[page].load(std::memory_order_acquire);
    return {static_cast<page_use>(word & 3U), word >> 2};
  }

 private:
  std::size_t page_of(const void* address) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(address) -
            reinterpret_cast<std::uintptr_t>(memory_.data())) /
           page_size;
  }
  static std::uint64_t pack(page_info i) noexcept {
    return i.value << 2 | static_cast<std::uint64_t>(i.use);
  }

  mapped_array<std::byte> memory_;
  std::size_t pages_;
  mapped_array<std::atomic<std::uint64_t>> map_;
  std::mutex mutex_;
  range_allocator free_;
};

}  // namespace exalloc
