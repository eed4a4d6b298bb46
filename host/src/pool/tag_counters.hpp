// Allocations, frees and bytes by tag: counters per processor, in the status page.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "current.hpp"
#include "pool/pool_header.hpp"
#include "pool/tag_text.hpp"
#include "status/status_layout.hpp"
#include "status/status_page.hpp"

namespace exalloc::tag_counters {

// The last slot is no tag's own.
inline constexpr std::uint32_t overflow_slot = status::tag_slots - 1;
// What find() answers for a tag that has no slot of its own, or none yet.
inline constexpr std::uint32_t no_slot = UINT32_MAX;

// Where a tag is looked for first.
inline std::uint32_t first_slot(std::uint32_t name) noexcept {
  const std::uint32_t mixed = name * 0x9E37'79B1U;
  return static_cast<std::uint32_t>((std::uint64_t{mixed} * overflow_slot) >> 32);
}
// The same where it is not in its first one.
std::uint32_t find_further(std::uint32_t name) noexcept;
inline std::uint32_t find(std::uint32_t tag) noexcept {
  const std::uint32_t name = tag & ~protected_tag_bit;
  const std::uint32_t slot = first_slot(name);
  if (status_page().tags.tag[slot].load(std::memory_order_relaxed) == name && name != 0) [[likely]]
    return slot;
  return find_further(name);
}
// The slot of a tag, which gets one; the overflow slot when there is none left.
std::uint32_t find_or_make(std::uint32_t tag) noexcept;

// Where a block is counted that was counted before.
inline std::uint32_t slot_of(std::uint32_t tag) noexcept {
  const std::uint32_t slot = find(tag);
  return slot != no_slot ? slot : overflow_slot;
}

namespace detail {

inline void add(status::count& to, std::uint64_t value, bool own) noexcept {
  if (own) [[likely]] {
    to.store(to.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  } else {
    to.fetch_add(value, std::memory_order_relaxed);
  }
}

struct place {
  status::tag_counts& counts;
  bool own;  // written by the calling thread alone
};
inline place place_of(std::uint32_t slot) noexcept {
  constexpr std::uint32_t shared = status::writers - 1;
  const processor* self = fast_processor;
  const std::uint32_t writer = self != nullptr ? self->portal_number() : shared;
  const bool own = writer < shared;
  return {status_page().counts[own ? writer : shared][slot], own};
}

}  // namespace detail

// Counts on behalf of the calling thread's processor, without a lock or an atomic read-modify-write
// unless it has none of its own.
inline void count_allocation(pool_kind kind, std::uint32_t slot, std::uint64_t bytes) noexcept {
  const detail::place p = detail::place_of(slot);
  const auto k = static_cast<std::size_t>(kind);
  detail::add(p.counts.allocations[k], 1, p.own);
  detail::add(p.counts.allocated_bytes[k], bytes, p.own);
}
inline void count_free(pool_kind kind, std::uint32_t slot, std::uint64_t bytes) noexcept {
  const detail::place p = detail::place_of(slot);
  const auto k = static_cast<std::size_t>(kind);
  detail::add(p.counts.frees[k], 1, p.own);
  detail::add(p.counts.freed_bytes[k], bytes, p.own);
}

}  // namespace exalloc::tag_counters
