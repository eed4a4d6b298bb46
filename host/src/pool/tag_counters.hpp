// Allocations, frees and bytes by tag: counters per processor, in the status page.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "current.hpp"
#include "fence.hpp"
#include "pool/pool_header.hpp"
#include "pool/tag_text.hpp"
#include "status/status_layout.hpp"
#include "status/status_page.hpp"

namespace exalloc::tag_counters {

// The last slot is no tag's own.
inline constexpr std::uint32_t overflow_slot = status::tag_slots - 1;
// Writers from here on share their counters.
inline constexpr std::uint32_t shared_writer = status::writers - 1;
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

// To a counter that the calling thread alone writes to.
inline void add_own(status::count& to, std::uint64_t value) noexcept {
#if defined(__x86_64__) && !defined(EXALLOC_TSAN)
  // The compiler makes three instructions of an atomic load and store where this is one.
  asm("addq %1, %0" : "+m"(reinterpret_cast<char(&)[sizeof to]>(to)) : "re"(value) : "cc");
#else
  to.store(to.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
#endif
}
inline void add(status::count& to, std::uint64_t value, bool own) noexcept {
  if (own) [[likely]] {
    add_own(to, value);
  } else {
    to.fetch_add(value, std::memory_order_relaxed);
  }
}

struct place {
  status::tag_counts& counts;
  bool own;  // written by the calling thread alone
};
inline place place_of(std::uint32_t slot) noexcept {
  const processor* self = fast_processor;
  const std::uint32_t writer = self != nullptr ? self->portal_number() : shared_writer;
  const bool own = writer < shared_writer;
  return {status_page().counts[own ? writer : shared_writer][slot], own};
}

}  // namespace detail

// A processor's own counters of one kind, as the short way has them at hand: the first of the kind.
inline status::count* own_counts(status::page& page, std::uint32_t writer, std::uint32_t slot,
                                 pool_kind kind) noexcept {
  return page.counts[writer][slot].allocations.data() + static_cast<std::size_t>(kind);
}
inline void count_own_allocation(status::count* counts, std::uint64_t bytes) noexcept {
  detail::add_own(counts[offsetof(status::tag_counts, allocations) / sizeof(status::count)], 1);
  detail::add_own(counts[offsetof(status::tag_counts, allocated_bytes) / sizeof(status::count)],
                  bytes);
}
inline void count_own_free(status::count* counts, std::uint64_t bytes) noexcept {
  detail::add_own(counts[offsetof(status::tag_counts, frees) / sizeof(status::count)], 1);
  detail::add_own(counts[offsetof(status::tag_counts, freed_bytes) / sizeof(status::count)], bytes);
}

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
