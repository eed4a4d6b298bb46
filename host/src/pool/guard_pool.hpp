// Blocks that end at an inaccessible page, and whose pages stay inaccessible for a while after they
// are freed: what is written beyond a block or after its end faults at once.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "fork_mutex.hpp"
#include "mapped_array.hpp"
#include "pool/pool_memory.hpp"
#include "range_allocator.hpp"

namespace exalloc {

// Thread-safe.
class guard_pool {
 public:
  // Reserves address space. Throws std::system_error.
  guard_pool();

  // No block when address space or mappings are used up: then an ordinary one has to do.
  pool_block allocate(std::size_t bytes, bool cache_aligned) noexcept;
  // As pool_memory::find(): an allocated block's beginning is `big`, a freed one's `small` while
  // its pages are kept inaccessible.
  pool_finding find(const void* address) const noexcept;
  // Of a block that find() says is allocated; of two calls at the same moment one is told true.
  bool free(const pool_finding& block) noexcept;

 private:
  // Freed blocks that are kept inaccessible, at most; the oldest goes first.
  static constexpr std::size_t kept_blocks = 4096;
  static constexpr std::size_t kept_pages = 1U << 18;

  struct alignas(16) record {  // the header is read in words
    pool_header header;
    std::uint32_t offset;  // from the page to the block's data
    std::uint32_t pages;   // accessible ones; the guard page follows
    bool allocated;
  };
  struct reservation {
    std::byte* base = nullptr;
    std::size_t pages = 0;
  };
  static reservation reserve();

  reservation memory_;
  // By the block's first page.
  mapped_array<record> records_;
  // By page: 1 + the first page of its block, 0: nobody's.
  mapped_array<std::uint64_t> first_;
  mutable fork_mutex mutex_{lock_row::last};
  range_allocator free_;
  std::deque<std::uint64_t> kept_;  // first pages
  std::size_t kept_pages_ = 0;
};

}  // namespace exalloc
