#include "page_arena.hpp"

#include <sys/mman.h>

namespace exalloc {
namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 30;
constexpr std::size_t least_bytes = std::size_t{64} << 20;

mapped_array<std::byte> reserve() {
  for (std::size_t bytes = most_bytes;; bytes /= 2) {
    try {
      return mapped_array<std::byte>(bytes);
    } catch (const std::system_error&) {
      if (bytes <= least_bytes) throw;
    }
  }
}

}  // namespace

page_arena::page_arena()
    : memory_(reserve()),
      pages_(memory_.size() / page_size),
      map_(pages_),
      free_(0, memory_.size() / page_size) {}

std::byte* page_arena::take(std::size_t pages) {
  const std::lock_guard lock(mutex_);
  const auto first = free_.take(pages);
  return first ? memory_.data() + *first * page_size : nullptr;
}

void page_arena::give_back(std::byte* first, std::size_t pages) {
  // The pages' memory goes back to the system; their addresses stay.
  ::madvise(first, pages * page_size, MADV_DONTNEED);
  const std::lock_guard lock(mutex_);
  free_.give_back(page_of(first), pages);
}

void page_arena::describe(std::byte* first, std::size_t pages, page_info each) noexcept {
  const std::size_t page = page_of(first);
  for (std::size_t i = 0; i < pages; ++i)
    map_[page + i].store(pack(each), std::memory_order_release);
}

void page_arena::describe_big(std::byte* first, std::size_t pages) noexcept {
  describe(first + page_size, pages - 1, {page_use::big_rest, 0});
  describe(first, 1, {page_use::big, pages});
}

std::size_t page_arena::claim_big(std::byte* first) noexcept {
  std::atomic<std::uint64_t>& word = map_[page_of(first)];
  std::uint64_t value = word.load(std::memory_order_acquire);
  // Of two frees at the same moment one gets it.
  if (static_cast<page_use>(value & 3U) != page_use::big ||
      !word.compare_exchange_strong(value, 0, std::memory_order_acq_rel))
    return 0;
  const std::size_t pages = value >> 2;
  describe(first, pages, {});
  return pages;
}

}  // namespace exalloc
