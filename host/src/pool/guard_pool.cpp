#include "pool/guard_pool.hpp"

#include <cerrno>
#include <exception>
#include <system_error>

#include "token_table.hpp"

namespace exalloc {

guard_pool::reservation guard_pool::reserve() {
  constexpr std::size_t most_bytes = std::size_t{64} << 30;
  constexpr std::size_t least_bytes = std::size_t{64} << 20;
  for (std::size_t bytes = most_bytes;; bytes /= 2) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) return {static_cast<std::byte*>(memory), bytes / page_size};
    if (bytes <= least_bytes)
      throw std::system_error(errno, std::generic_category(),
                              "exalloc: reserving addresses for the guard-page pool");
  }
}

guard_pool::guard_pool()
    : memory_(reserve()), records_(memory_.pages), first_(memory_.pages), free_(0, memory_.pages) {}

pool_block guard_pool::allocate(std::size_t bytes, bool cache_aligned) noexcept {
  if (bytes > memory_.pages * page_size / 2) return {};
  // NT's rule for large blocks holds here too: they begin with a page.
  const std::size_t alignment = bytes > largest_small ? page_size : cache_aligned ? 64 : 16;
  const std::size_t room = (bytes + alignment - 1) / alignment * alignment;
  const std::size_t taken = room == 0 ? alignment : room;
  const std::size_t pages = (taken + page_size - 1) / page_size;
  try {
    const std::lock_guard lock(mutex_);
    const auto first = free_.take(pages + 1);
    if (!first) return {};
    std::byte* base = memory_.base + *first * page_size;
    // The system allows a process only so many mappings.
    if (::mprotect(base, pages * page_size, PROT_READ | PROT_WRITE) != 0) {
      free_.give_back(*first, pages + 1);
      return {};
    }
    record& r = records_[*first];
    r.header = {};
    r.offset = static_cast<std::uint32_t>(pages * page_size - taken);
    r.pages = static_cast<std::uint32_t>(pages);
    r.allocated = true;
    for (std::size_t i = 0; i <= pages; ++i) first_[*first + i] = *first + 1;
    return {base + r.offset, &r.header, taken, true};
  } catch (const std::exception&) {
    return {};
  }
}

pool_finding guard_pool::find(const void* address) const noexcept {
  const std::uintptr_t offset =
      reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(memory_.base);
  if (offset / page_size >= memory_.pages) return {};
  const std::lock_guard lock(mutex_);
  const std::uint64_t first = first_[offset / page_size];
  if (first == 0) return {};
  record& r = records_[first - 1];
  pool_finding f;
  f.place = pool_place::inside;
  f.owner = this;
  const std::size_t begin = (first - 1) * page_size + r.offset;
  if (offset != begin) return f;
  f.place = r.allocated ? pool_place::big : pool_place::small;
  f.block = {memory_.base + begin, &r.header, r.pages * page_size - r.offset, true};
  return f;
}

bool guard_pool::free(const pool_finding& block) noexcept {
  const auto first = static_cast<std::uint64_t>(block.block.data - memory_.base) / page_size;
  const std::lock_guard lock(mutex_);
  record& r = records_[first];
  if (!r.allocated) return false;
  r.allocated = false;
  std::byte* base = memory_.base + first * page_size;
  // Replacing the mapping gives the memory back too.
  ::mmap(base, r.pages * page_size, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  try {
    kept_.push_back(first);
    kept_pages_ += r.pages;
    while (kept_.size() > kept_blocks || kept_pages_ > kept_pages) {
      const std::uint64_t oldest = kept_.front();
      const std::size_t pages = records_[oldest].pages;
      for (std::size_t i = 0; i <= pages; ++i) first_[oldest + i] = 0;
      free_.give_back(oldest, pages + 1);
      kept_.pop_front();
      kept_pages_ -= pages;
    }
  } catch (const std::exception&) {
    // Without memory for the list the addresses are not used again.
  }
  return true;
}

}  // namespace exalloc
