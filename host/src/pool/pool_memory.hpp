// The pool's memory: a slab list for every size class of each kind, grown and trimmed in chunks of
// pages, and page runs for what is larger. Knows blocks and headers' places, but nothing of tags,
// quotas or checks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "core.hpp"
#include "fork_mutex.hpp"
#include "pool/chunk.hpp"
#include "pool/page_arena.hpp"
#include "pool/pool_header.hpp"
#include "pool/size_class.hpp"
#include "pool/size_classes.hpp"
#include "stock.hpp"

namespace exalloc {

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
      nullptr;              // written by the layer above; 16 bytes before `data`, or in a table
  std::size_t room = 0;     // bytes from `data` on
  bool big = false;         // a run of pages
  std::uint32_t token = 0;  // of a block of a class
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
  pool_block block;         // of small and big
  std::uint32_t token = 0;  // of small
  bool allocated = false;   // what its state byte says; true for big
  bool draining = false;    // pool_memory's own, as the next
  const void* owner = nullptr;
};

struct pool_usage {
  std::uint64_t held = 0;     // bytes of pages taken for blocks and not given back
  std::uint64_t locked = 0;   // bytes that are locked, the reserve included
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
class pool_memory final : private memory_source {
 public:
  // Opens the card if need be; never destroyed. Throws std::runtime_error, std::system_error.
  static pool_memory& get();
  // Null before somebody called get().
  static pool_memory* opened() noexcept;

  // No block (data null) when memory, limit or the card is exhausted; exalloc_last_error tells
  // which. `popped`: what begin_pop() gave of the class's magazine and could not keep.
  pool_block allocate(const pool_request& request, std::int32_t popped = no_slot) noexcept {
    if (request.bytes <= largest_small) [[likely]] {
      const std::size_t index = size_classes::of(request.bytes, request.cache_aligned);
      size_class* const list =
          classes_[static_cast<std::size_t>(request.kind)][index].load(std::memory_order_acquire);
      if (list != nullptr) [[likely]] {
        auto* const data = static_cast<std::byte*>(
            popped == no_slot ? exalloc::allocate(*list) : exalloc::allocate_slow(*list, popped));
        if (data != nullptr) [[likely]] {
          const auto& c = *reinterpret_cast<const chunk*>(pages_.find(data).value << 3);
          const std::uint32_t i = c.index_of(data);
          return {data, c.header_of(data, i), size_classes::sizes[index].room(), false,
                  c.first_token.load(std::memory_order_relaxed) + i};
        }
      }
    }
    // By value, so that the request need not lie in memory until here.
    return allocate_slow(pool_request(request));
  }

  // Never faults, whatever the address.
  pool_finding find(const void* address) const noexcept {
    const page_arena::page_info page = pages_.find(address);
    auto* const data = static_cast<std::byte*>(const_cast<void*>(address));
    pool_finding found;
    found.draining = page.use == page_arena::page_use::draining;
    if (page.use == page_arena::page_use::chunk || found.draining) [[likely]] {
      const auto& c = *reinterpret_cast<const chunk*>(page.value << 3);
      const std::uint32_t index = c.index_of(address);
      found.kind = pages_.kind_of(address);
      found.place = pool_place::inside;
      if (index == chunk::none) [[unlikely]]
        return found;
      found.place = pool_place::small;
      found.token = c.first_token.load(std::memory_order_relaxed) + index;
      found.block = {data, c.header_of(data, index), c.shape.room, false, found.token};
      found.owner = c.list;
      found.allocated =
          c.list->state(found.token).load(std::memory_order_relaxed) == block_state::allocated;
    } else if (page.use != page_arena::page_use::none) {
      found.kind = pages_.kind_of(address);
      found.place = pool_place::inside;
      if (page.use == page_arena::page_use::big &&
          reinterpret_cast<std::uintptr_t>(address) % page_size == 0) {
        found.place = pool_place::big;
        found.block = {data, &pages_.big(data).header, page.value * page_size, true};
        found.allocated = true;
      }
    }
    return found;
  }

  // Gives back what find() found; its header is no longer read afterwards. False, and nothing is
  // changed, if it is free already. Of two threads that free one block at the same moment both may
  // be told true: then the card's finding is reported later.
  bool free(const pool_finding& found) noexcept {
    if (found.place != pool_place::small) [[unlikely]]
      return found.place == pool_place::big && free_big(found.block.data);
    auto& list = *static_cast<size_class*>(const_cast<void*>(found.owner));
    if (list.state(found.token).load(std::memory_order_relaxed) != block_state::allocated)
        [[unlikely]]
      return false;
    if (found.draining) [[unlikely]]
      if (const auto done = list.free_draining(found.block.data, found.token)) return *done;
    exalloc::free(list, {found.block.data, found.token}, false);
    return true;
  }

  // ---- For calls that take the short way ----

  // Once, before the first of them.
  void describe_to(short_way& way) noexcept { pages_.describe_to(way, core_.tokens.states()); }
  // The class of a use number; null if there is none yet.
  size_class* class_of(pool_kind kind, std::size_t index) const noexcept {
    return classes_[static_cast<std::size_t>(kind)][index].load(std::memory_order_acquire);
  }
  // Of a block whose state byte has been set to free, but which is in no magazine yet.
  void free_marked(void* data, std::uint32_t token) noexcept {
    const auto& c = *reinterpret_cast<const chunk*>(pages_.find(data).value << 3);
    exalloc::free_slow(*c.list, {data, token}, false);
  }

  // Limits are bytes held; what is held already stays.
  void set_limit(pool_kind kind, std::uint64_t bytes) noexcept;
  pool_usage usage(pool_kind kind) const noexcept;
  // Gives wholly free pages back to the system now. Bytes given back.
  std::size_t trim() noexcept;

  // For a crash dump and for watching: takes no lock that a crashed thread may hold for ever (it
  // tries), so what changes meanwhile may be missing.
  void each_chunk(const std::function<void(const pool_chunk_info&)>& tell) const noexcept;
  void each_big(const std::function<void(const pool_big_info&)>& tell) const noexcept;

 private:
  explicit pool_memory(core& c) : core_(c), pages_(c.card_driver.device()) {}

  void before_growth(processor& self, const size_class& grower) override;
  bool relieve(processor& self, const size_class& grower, shortage of) override;

  pool_block allocate_slow(pool_request request) noexcept;
  pool_block allocate_big(const pool_request& request) noexcept;
  size_class* make_class(pool_kind kind, std::size_t index) noexcept;
  bool free_big(std::byte* first) noexcept;
  template <class Visit>
  void each_class(Visit&& visit) const {
    for (const auto& kind : classes_)
      for (const auto& entry : kind)
        if (size_class* list = entry.load(std::memory_order_acquire)) visit(*list);
  }

  core& core_;
  page_arena pages_;
  std::array<std::array<std::atomic<size_class*>, size_classes::count>, pool_kinds> classes_{};
  fork_mutex making_{lock_row::table};
};

}  // namespace exalloc
