// allocate_pool() and free_pool() for inlining: the short way here, everything else in
// pool_policy.cpp.
#pragma once

#include "exalloc/nt/pool.h"
#include "pool/attention.hpp"
#include "pool/findings.hpp"
#include "pool/header_words.hpp"
#include "pool/open_pool.hpp"
#include "pool/pool_memory.hpp"
#include "pool/pool_policy.hpp"
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
                     requestor, b.big ? std::uint16_t{0} : static_cast<std::uint16_t>(b.room),
                     b.data)
      .store(b.header);
  fill_trailing(b.data, o.bytes, b.room);
  tag_counters::count_allocation(kind_of_type(o.type), slot, rounded(b));
}

// With everything that the short way leaves out.
pool_result allocate_carefully(const pool_order& o);
// When the pool has no block.
pool_result no_memory(const pool_order& o);
// Every check, in the order of the contract.
void free_carefully(void* data, std::uint32_t tag);
// Two threads freed a block at the same moment. The arguments are what a short call has in
// registers.
void freed_at_once(void* data, pool_header* header, std::uint32_t token, std::uint64_t low_word);

}  // namespace detail

[[gnu::always_inline]] inline pool_result allocate_pool_here(const pool_order& o) {
  // The word must be read first: what else is used here was made before it became 0.
  if (attention::reasons() != 0 || o.quota) [[unlikely]]
    return detail::allocate_carefully(o);
  const std::uint32_t slot = tag_counters::find(o.tag);
  if (slot == tag_counters::no_slot) [[unlikely]]
    return detail::allocate_carefully(o);
  pool_memory* m = detail::opened_memory.load(std::memory_order_relaxed);
  const pool_block b = m->allocate(detail::request_of(o));
  if (b.data == nullptr) [[unlikely]]
    return detail::no_memory(o);
  detail::stamp(o, b, slot, 0, 0);
  return {b.data, pool_failure::none};
}

[[gnu::always_inline]] inline void free_pool_here(void* data, std::uint32_t tag) {
  pool_memory* m = detail::opened_memory.load(std::memory_order_acquire);
  if (m == nullptr) [[unlikely]]
    return detail::free_carefully(data, tag);
  const pool_finding f = m->find(data);
  if (f.place != pool_place::small || !f.allocated) [[unlikely]]
    return detail::free_carefully(data, tag);
  const pool_block& b = f.block;
  const header_words w = header_words::load(b.header);
  if (!w.intact(data) || w.state() != pool_state::allocated || w.room() != b.room ||
      (w.type() & pool_header::charged_bit) != 0 || !trailing_intact(data, w.size(), b.room) ||
      !detail::same_tag(w.tag(), tag)) [[unlikely]]
    return detail::free_carefully(data, tag);
  const std::uint32_t slot = tag_counters::slot_of(w.tag());
  // From the next line on the block may be another thread's.
  w.freed(data).store(b.header);
  if (!m->free(f)) [[unlikely]]
    return detail::freed_at_once(data, b.header, f.token, w.low);
  tag_counters::count_free(detail::kind_of_type(w.type()), slot, b.room + sizeof(pool_header));
  if ((attention::reasons() & attention::findings) != 0) [[unlikely]]
    raise_findings();
}

}  // namespace exalloc
