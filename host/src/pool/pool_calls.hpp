// allocate_pool() and free_pool() for inlining: the short way here, everything else in
// pool_policy.cpp.
//
// The short way is for blocks with their header in front, of a class and a tag that the thread's
// processor has used before. It has no lock, no atomic read-modify-write, no call, and each fact is
// looked up once: the class by size or page, the magazine and the tag's counters in the processor's
// pool_use. When anything is unusual, nothing has been changed, and the long way starts afresh.
#pragma once

#include "exalloc/nt/pool.h"
#include "pool/attention.hpp"
#include "pool/header_words.hpp"
#include "pool/open_pool.hpp"
#include "pool/pool_memory.hpp"
#include "pool/pool_policy.hpp"
#include "pool/pool_use.hpp"
#include "pool/short_way.hpp"
#include "pool/tag_counters.hpp"
#include "pool/trailing.hpp"
#include "token_table.hpp"

namespace exalloc {

namespace detail {

// What a block takes from the pool, as tag counters and quotas count it.
inline std::uint64_t rounded(const pool_block& b) noexcept {
  return b.big ? b.room : b.room + sizeof(pool_header);
}
inline pool_kind kind_of_type(std::uint32_t type) noexcept {
  return (type & pool_header::paged_bit) != 0 ? pool_kind::paged : pool_kind::nonpaged;
}
inline pool_request request_of(const pool_order& o) noexcept {
  return {kind_of_type(o.type), o.bytes, (o.type & NonPagedPoolCacheAligned) != 0,
          (o.type & (NonPagedPoolMustSucceed | PagedPool)) == NonPagedPoolMustSucceed};
}
inline bool same_tag(std::uint32_t stored, std::uint32_t given) noexcept {
  return given == stored || (given == 0 && (stored & protected_tag_bit) == 0);
}

// Writes header and trailing pattern of a fresh block, and counts it.
[[gnu::always_inline]] inline void stamp(const pool_order& o, const pool_block& b,
                                         std::uint32_t slot, std::uint8_t charged,
                                         std::uint16_t requestor) noexcept {
  const std::size_t size = b.big ? o.bytes - (b.room - 1) / page_size * page_size : o.bytes;
  header_words::make(o.tag, static_cast<std::uint16_t>(size),
                     static_cast<std::uint8_t>((o.type & pool_header::type_mask) | charged),
                     charged != 0 ? requestor : b.token, b.data)
      .store(b.header);
  fill_trailing(b.data, o.bytes, b.room);
  tag_counters::count_allocation(kind_of_type(o.type), slot, rounded(b));
}

// With everything that the short way leaves out.
pool_result allocate_carefully(const pool_order& o);
// The long way. `popped`: what the short way's pop gave and could not keep, or no_slot.
pool_result allocate_otherwise(std::uint32_t type, std::size_t bytes, std::uint32_t tag,
                               const void* caller, std::int32_t popped);
// When the pool has no block.
pool_result no_memory(const pool_order& o);
// Every check, in the order of the contract.
void free_carefully(void* data, std::uint32_t tag);
// The long way.
void free_otherwise(void* data, std::uint32_t tag);
// When the block's tag is not the one that was last seen of its class.
void free_turned(void* data, std::uint32_t tag, pool_use& use);
// Of a block that has been checked, marked free and counted: no magazine has room for it.
void free_marked(void* data, std::uint32_t token);

}  // namespace detail

// Null: the long way is to be taken, with `popped`.
[[gnu::always_inline]] inline void* allocate_pool_shortly(std::uint32_t type, std::size_t bytes,
                                                          std::uint32_t tag,
                                                          std::int32_t& popped) noexcept {
  processor* const self = fast_processor;
  // The limit must be read first: what else is used here was made before it was set.
  if (bytes >= short_way::request_limit() || self == nullptr) [[unlikely]]
    return nullptr;
  pool_use& use = self->uses[pool_use_numbers::of_request(type, bytes)];
  magazine* const m = use.own();
  // The long way turns to another tag.
  if (m == nullptr || use.tag != tag || use.type != type) [[unlikely]]
    return nullptr;
  // As exalloc_pop() does.
  const std::uint64_t word = EXALLOC_READ(m->word);
  const auto top = static_cast<std::int16_t>(word);
  EXALLOC_WRITE(m->word, word + EXALLOC_POP);
  EXALLOC_LIGHT_FENCE();
  if (top < EXALLOC_READ(m->floor)) [[unlikely]] {
    popped = magazine::slot_of(top);
    return nullptr;
  }
  const auto& ready =
      *reinterpret_cast<const exalloc_ready*>(reinterpret_cast<const std::byte*>(m->slots) + top);
  auto& state = *reinterpret_cast<state_byte*>(EXALLOC_READ(ready.state));
  if (state.load(std::memory_order_relaxed) != block_state::free) [[unlikely]] {
    popped = magazine::slot_of(top);
    return nullptr;
  }
  state.store(block_state::allocated, std::memory_order_relaxed);
  void* const data = EXALLOC_READ(ready.pointer);
  if (data == nullptr) __builtin_unreachable();
  tag_counters::count_own_allocation(use.own_counts(), use.stride);
  const auto token = static_cast<std::uint32_t>(&state - short_way::states());
  header_words::make(use.full - (std::uint64_t{use.room - bytes} << 32), token, data)
      .store(static_cast<pool_header*>(data) - 1);
  fill_trailing(data, bytes, use.room);
  self->front.last = &use;
  return data;
}

[[gnu::always_inline]] inline pool_result allocate_pool_here(const pool_order& o) {
  if (o.quota) return detail::allocate_carefully(o);
  std::int32_t popped = no_slot;
  if (void* data = allocate_pool_shortly(o.type, o.bytes, o.tag, popped)) [[likely]]
    return {data, pool_failure::none};
  return detail::allocate_otherwise(o.type, o.bytes, o.tag, o.caller, popped);
}

[[gnu::always_inline]] inline void free_pool_here(void* data, std::uint32_t tag) {
  const short_way& way = detail::pool_short_way;
  processor* const self = fast_processor;
  // Where a header in front is, the page is: for an address that has none it is another page.
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(data) - short_way::first_data();
  if (address >= short_way::address_limit() || self == nullptr) [[unlikely]]
    return detail::free_otherwise(data, tag);
  const std::uint64_t page = way.pages.load(std::memory_order_relaxed)[address / page_size].load(
      std::memory_order_relaxed);
  // Of another page, the first one of all, of which nothing holds.
  pool_use& use = *reinterpret_cast<pool_use*>(reinterpret_cast<std::byte*>(self->uses.data()) +
                                               static_cast<std::uint16_t>(page));
  // An offset is a multiple of the stride exactly if what is left of the product is smaller than
  // the reciprocal (Lemire, Kaser, Kurz: Faster remainder by direct computation, 2019).
  const std::uint64_t product = std::uint64_t{address % page_size} * use.reciprocal;
  if (static_cast<std::uint32_t>(product) >= use.reciprocal) [[unlikely]]
    return detail::free_otherwise(data, tag);
  const auto token = static_cast<std::uint32_t>((page + product) >> front_token_lsb);
  state_byte& state = short_way::states()[token];
  if (state.load(std::memory_order_relaxed) != block_state::allocated) [[unlikely]]
    return detail::free_otherwise(data, tag);
  auto* const header = static_cast<pool_header*>(data) - 1;
  const header_words w = header_words::load(header);
  if (!w.sealed_as_allocated(data) || w.owner != token || !detail::same_tag(w.tag(), tag))
      [[unlikely]]
    return detail::free_otherwise(data, tag);
  // Anything but the whole of a block, allocated and not charged to anybody, has more to look at.
  if (w.low != use.full && (!w.plainly_allocated() || !trailing_intact(data, w.size(), use.room)))
      [[unlikely]]
    return detail::free_otherwise(data, tag);
  if (use.tag != w.tag()) [[unlikely]]
    return detail::free_turned(data, tag, use);
  tag_counters::count_own_free(use.own_counts(), use.stride);
  header_words::mark_free(header);
  self->front.last = &use;
  state.store(block_state::free, std::memory_order_relaxed);
  // From the next line on the block may be another thread's.
  EXALLOC_LIGHT_FENCE();
  exalloc_magazine& m = *use.ready;
  const std::uint64_t word = EXALLOC_READ(m.word);
  const auto top = static_cast<std::int16_t>(word);
  if (top >= EXALLOC_READ(m.ceiling)) [[unlikely]]
    return detail::free_marked(data, token);
  auto& next = *reinterpret_cast<exalloc_ready*>(reinterpret_cast<std::byte*>(m.slots + 1) + top);
  EXALLOC_WRITE(next.pointer, data);
  EXALLOC_WRITE(next.state, reinterpret_cast<UCHAR*>(&state));
  EXALLOC_WRITE(m.word, word + EXALLOC_PUSH);
}

}  // namespace exalloc
