// The pool's memory: a slab list for every size class of each kind, grown and trimmed in chunks of
// pages, and page runs for what is larger. Knows blocks and headers' places, but nothing of tags,
// quotas or checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "pool/pool_header.hpp"

namespace exalloc {

// The largest request that is not a big one: a page without the header and the smallest block of
// NT.
inline constexpr std::size_t largest_small = 4064;

struct pool_request {
  pool_kind kind = pool_kind::nonpaged;
  std::size_t bytes = 0;       // what the caller gets; 0 is the smallest block
  bool cache_aligned = false;  // 64 bytes instead of 16
  bool must_succeed = false;   // may use the reserve (nonpaged)
};

// An allocated block.
struct pool_block {
  std::byte* data = nullptr;  // what the caller gets
  pool_header* header =
      nullptr;           // written by the layer above; 16 bytes before `data`, or in a table
  std::size_t room = 0;  // bytes from `data` on
  bool big = false;      // a run of pages
};

// What an address is.
enum class pool_place : std::uint8_t {
  foreign,  // nothing of the pool's, or a part of it that is not in use
  inside,   // within a block or between blocks
  small,    // where a block of a class begins, allocated or free
  big,      // where an allocated run of pages begins
};
struct pool_finding {
  pool_place place = pool_place::foreign;
  pool_kind kind = pool_kind::nonpaged;
  pool_block block;             // of small and big
  std::uint32_t token = 0;      // of small
  const void* owner = nullptr;  // pool_memory's own
};

struct pool_usage {
  std::uint64_t held = 0;     // bytes of pages taken for blocks and not given back
  std::uint64_t locked = 0;   // bytes of them that are locked
  std::uint64_t limit = 0;    // most bytes held; UINT64_MAX: none
  std::uint64_t reserve = 0;  // bytes left of the must-succeed reserve
  std::uint64_t big_blocks = 0, big_pages = 0;
};

// A stretch of blocks of one class, as a reader of a core file needs it.
struct pool_chunk_info {
  const std::byte* base;  // page-aligned
  std::uint64_t bytes;
  std::uint32_t stride;    // from block to block within a page
  std::uint32_t per_page;  // blocks a page; none crosses one
  std::uint32_t blocks;
  std::uint32_t first_data;  // bytes from a page's start to the first block's data
  const pool_header*
      headers;  // the table, block i's at [i]; null: 16 bytes before each block's data
  pool_kind kind;
};
struct pool_big_info {
  const std::byte* base;
  std::uint64_t bytes;  // what the caller asked for
  pool_kind kind;
  pool_header header;
};

// Thread-safe.
class pool_memory {
 public:
  // Opens the card if need be; never destroyed. Throws std::runtime_error.
  static pool_memory& get();
  // Null before somebody called get().
  static pool_memory* opened() noexcept;

  // No block (data null) when memory, limit or the card is exhausted; exalloc_last_error tells
  // which.
  pool_block allocate(const pool_request& request) noexcept;
  // Never faults, whatever the address.
  pool_finding find(const void* address) const noexcept;
  // Gives back what find() found; its header is no longer read afterwards. False, and nothing is
  // changed, if it is free already. Of two threads that free one block at the same moment both may
  // be told true: then the card's finding is reported later.
  bool free(const pool_finding& block) noexcept;
  // Bytes the caller asked for when a big block was allocated.
  std::size_t big_bytes(const pool_finding& block) const noexcept;

  // Limits are bytes held; what is held already stays.
  void set_limit(pool_kind kind, std::uint64_t bytes) noexcept;
  pool_usage usage(pool_kind kind) const noexcept;
  // Gives wholly free pages back to the system now. Bytes given back.
  std::size_t trim() noexcept;

  // For a crash dump and for watching: takes no lock that a crashed thread may hold for ever (it
  // tries), so what changes meanwhile may be missing.
  void each_chunk(const std::function<void(const pool_chunk_info&)>& tell) const noexcept;
  void each_big(const std::function<void(const pool_big_info&)>& tell) const noexcept;
};

}  // namespace exalloc
