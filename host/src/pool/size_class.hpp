// A size class of one kind of pool: a slab list on the card that grows and is trimmed page by page.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "block_list.hpp"
#include "core.hpp"
#include "fork_mutex.hpp"
#include "pool/chunk.hpp"
#include "pool/page_arena.hpp"

namespace exalloc {

class processor;

// Finds memory for a class that has none left: in the other classes.
class memory_source {
 public:
  enum class shortage : std::uint8_t { none, memory, slabs };

  virtual ~memory_source() = default;
  // Before a class takes new pages: has classes that have grown sparse trimmed.
  virtual void before_growth(processor& self, const size_class& grower) = 0;
  // True if something was found that the class can try again with.
  virtual bool relieve(processor& self, const size_class& grower, shortage of) = 0;
};

class size_class final : public block_list {
 public:
  size_class(core& c, page_arena& pages, memory_source& source, const driver::list_name& name,
             pool_kind kind, std::size_t index);

  pool_kind kind() const noexcept { return kind_; }
  const class_shape& shape() const noexcept { return shape_; }
  std::uint8_t use_number() const noexcept { return use_number_; }
  // Takes no lock; a chunk without pages has a null base.
  const chunk* chunks() const noexcept { return chunks_.load(std::memory_order_acquire); }

  bool grow(processor& self, std::uint64_t total) override;
  void freed_slowly(processor& self) override;
  std::uint32_t least_share() const noexcept override { return least_share_; }
  void each_extent(const std::function<void(std::uint32_t, std::uint32_t)>& visit) override;

  // Whether so many blocks lie idle in the card that a trim pays; `pressing` if others need memory.
  bool worth_trimming(bool pressing);
  // Keeps as many free blocks as the class needs soon, in the pages with most in use. The others
  // are drained, the empty ones' memory given back at once. `all`: free blocks that processors hold
  // are called back for it, and none is kept; else only those in the card are looked at. Bytes
  // given back.
  std::size_t trim(processor& self, bool all);
  // Whether blocks were freed since the last trim of all.
  bool changed() const noexcept {
    return slow_frees_.load(std::memory_order_relaxed) !=
           trimmed_at_.load(std::memory_order_relaxed);
  }
  // Takes an allocated block of a draining page back. Nothing if the page no longer drains, or is
  // being looked at; false if the block is free.
  std::optional<bool> free_draining(const void* address, std::uint32_t token);
  // Gives the slabs of chunks without pages back to the card. How many.
  std::size_t surrender_slabs(processor& self);

 private:
  // Under mutex and growth_:
  std::size_t trim_locked(processor& self, bool all);
  bool withhold(std::uint32_t token);

  // Under growth_:
  // Makes draining pages active until `wanted` withheld blocks are free for use, those with most in
  // use first; they are added to `tokens`. With `all_pages`, pages that are not needed are drained.
  std::size_t choose_pages(std::uint64_t wanted, bool all_pages,
                           std::vector<std::uint32_t>& tokens);
  std::size_t park(chunk& c, std::uint32_t first, std::uint32_t pages);
  void activate(chunk& c, std::uint32_t page, std::vector<std::uint32_t>& tokens);
  void drain(chunk& c, std::uint32_t page);
  void give_back_chunk(chunk& c);
  // Counts pages that drain from now on, or no longer, and tells the processors whether any does.
  void count_draining(std::int32_t pages);
  // Says in the page map what a chunk's pages are.
  void describe(const chunk& c, std::uint32_t page, std::uint32_t pages, bool draining);
  // False and `why`, if nothing was gained.
  bool grow_by(processor& self, memory_source::shortage& why);
  bool unpark(processor& self);
  bool back(processor& self, chunk& c);
  chunk* new_chunk(std::uint32_t pages, memory_source::shortage& why);
  bool card_lost() const noexcept { return !host_backed() && core_.card_driver.lost(); }
  void give(processor& self, std::vector<std::uint32_t>& tokens);

  std::uint64_t idle_blocks();
  std::uint64_t cushion(std::uint64_t in_use) const noexcept;

  core& core_;
  page_arena& pages_;
  memory_source& source_;
  const pool_kind kind_;
  const class_shape shape_;
  const std::uint8_t use_number_;
  const std::uint32_t least_share_;
  fork_mutex growth_{lock_row::growth};
  std::uint32_t next_pages_;
  std::atomic<chunk*> chunks_{nullptr};
  // Under growth_; read without it as a hint.
  std::atomic<std::uint32_t> draining_pages_{0}, parked_pages_{0}, spare_chunks_{0};

  std::atomic<std::uint64_t> slow_frees_{0}, trimmed_at_{0}, settled_at_{0};
};

}  // namespace exalloc
