// Allocating and freeing blocks of a list: the fast path here, everything else in stock.cpp.
#pragma once

#include <functional>
#include <span>
#include <utility>

#include "block_list.hpp"
#include "current.hpp"
#include "processor.hpp"

namespace exalloc {

inline constexpr std::int32_t no_slot = INT32_MAX;

// `slot` is what begin_pop() gave and could not keep, no_slot if nothing was popped.
void* allocate_slow(block_list& list, std::int32_t slot) noexcept;
// For a block popped from a slot whose state byte does not say that it was free. It was there
// twice, because two threads freed it at the same moment: reports it and takes another one. Or a
// kernel shares the list: takes it.
void* allocate_doubtful(block_list& list, magazine& m, std::int32_t slot) noexcept;
// Frees a block whose state byte is set already. Returns the head before it.
void* free_slow(block_list& list, block b, bool want_previous) noexcept;
// The same for a zone's block that found its magazine full.
void* free_to_full(block_list& list, block b) noexcept;
// Frees a block whose state byte does not say that it is allocated here: refuses it, unless it may
// be a kernel's. Returns the head before it.
void* free_unowned(block_list& list, block b, bool want_previous) noexcept;
// Whether no block is free anywhere.
bool is_full_slow(block_list& list) noexcept;

// A block, null if and only if none is free.
inline void* allocate(block_list& list) noexcept {
  if (const processor* p = fast_processor; p != nullptr) [[likely]] {
    if (magazine* m = p->find(list); m != nullptr) [[likely]] {
      const std::int32_t slot = m->begin_pop();
      if (!m->taken_for_sure(slot)) [[unlikely]]
        return allocate_slow(list, slot);
      state_byte& state = m->state(slot);
      if (state.load(std::memory_order_relaxed) != block_state::free) [[unlikely]]
        return allocate_doubtful(list, *m, slot);
      state.store(block_state::allocated, std::memory_order_relaxed);
      return m->pointer(slot);
    }
  }
  return allocate_slow(list, no_slot);
}

// Frees a block. With want_previous, returns a block that was free before, null exactly when none
// was.
inline void* free(block_list& list, block b, bool want_previous) noexcept {
  state_byte& state = list.state(b.token);
  if (state.load(std::memory_order_relaxed) != block_state::allocated) [[unlikely]]
    return free_unowned(list, b, want_previous);
  // First: whoever finds the magazine's blocks by their state bytes relies on it.
  state.store(block_state::free, std::memory_order_relaxed);
  light_fence();
  if (const processor* p = fast_processor; p != nullptr) [[likely]] {
    if (magazine* m = p->find(list); m != nullptr) [[likely]] {
      if (want_previous) {
        if (void* previous = m->push_knowing(b); previous != nullptr) [[likely]]
          return previous;
      } else if (m->push(b)) [[likely]] {
        return b.pointer;
      }
    }
  }
  return free_slow(list, b, want_previous);
}

inline bool is_full(block_list& list) noexcept {
  if (const processor* p = fast_processor; p != nullptr) [[likely]] {
    if (const magazine* m = p->find(list); m != nullptr && m->shows_any()) return false;
  }
  return is_full_slow(list);
}

class core;
// From now on on-card kernels may allocate and free the list's blocks. `tokens`: first token and
// count of each of its segments.
void share_with_kernels(core& c, block_list& list,
                        std::span<const std::pair<std::uint32_t, std::uint32_t>> tokens);
// For an owner that looks through its list's free blocks, all under the list's mutex. Whoever finds
// the card empty meanwhile must be kept waiting in grow().
// Takes the free blocks that are in the card out of it, and calls take(token) for each.
void withdraw(processor& self, block_list& list, const std::function<void(std::uint32_t)>& take);
// Takes all free blocks into the store, and the list into scarce mode.
void gather(core& c, processor& self, block_list& list);
// Ends that again; what is in the store goes to the card.
void end_gathering(processor& self, block_list& list);
// Takes the list away from all processors; nobody may use it any more. Its blocks are then nowhere
// but in the card.
void retire(core& c, block_list& list);

}  // namespace exalloc
