// A processor's LIFO of ready blocks for one list, popped and pushed by its owner without a lock.
//
// word, floor and ceilings let a recaller take the blocks away meanwhile; docs/host.md has the
// protocol and why it is right. The calls in exalloc/nt/zone.h work on the same fields.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "block.hpp"
#include "depot.hpp"
#include "exalloc/nt/fast.h"
#include "fence.hpp"

namespace exalloc {

class block_list;

// Of threads that have none: it serves nothing.
extern constinit exalloc_magazine no_magazine;

static_assert(static_cast<UCHAR>(block_state::free) == EXALLOC_BLOCK_FREE);
static_assert(static_cast<UCHAR>(block_state::allocated) == EXALLOC_BLOCK_ALLOCATED);

// Slots are numbered from 0; tops and bounds count in bytes, see exalloc_magazine.
class alignas(64) magazine : public exalloc_magazine {
 public:
  static constexpr std::int32_t capacity = EXALLOC_MAGAZINE_SLOTS;

  magazine() noexcept : exalloc_magazine{} { prepare(nullptr); }
  // In zeroed memory, of which it touches no more than it uses: most lists fill few of the slots.
  static std::unique_ptr<magazine> make();
  static void operator delete(void* p) noexcept;
  magazine(const magazine&) = delete;
  magazine& operator=(const magazine&) = delete;

  // Empty, and no zone's: for blocks whose state bytes are in this table.
  void prepare(state_byte* table) noexcept {
    serve_nothing();
    set(word, empty_word);
    table_ = reinterpret_cast<std::uintptr_t>(table);
    // What lies above the top is looked at, too.
    std::memset(static_cast<void*>(slots), 0, static_cast<std::size_t>(reach_) * sizeof(slots[0]));
    reach_ = 0;
    withheld_ = 0;
    frozen_ = abandoned_ = false;
    taken_ = 0;
    set(moved_, 0);
    set(slow_in_use_, 0);
    asked = asked_lines = stock_wanted = 0;
    calls_at_move = 0;
    allowed = {};
    parked.clear();
    stash.full = 0;
    bounds(0, 0);
  }
  // No call is compiled into its caller for it any more.
  void serve_nothing() noexcept {
    set(zone, nothing());
    set(lockfree, nothing());
  }
  // What is no zone's header.
  static const void* nothing() noexcept { return &no_magazine; }

  // ---- The owner's side, without a lock ----

  // Takes the top slot's number; taken_for_sure() tells whether the slot is the owner's, or its
  // slow path has to find out.
  std::int32_t begin_pop() noexcept {
    const std::uint64_t w = get(word);
    __atomic_store_n(&word, w + EXALLOC_POP, static_cast<int>(owner_store));
    light_fence();
    return top_of(w) / slot_bytes;
  }
  bool taken_for_sure(std::int32_t slot) const noexcept {
    return slot * slot_bytes >= __atomic_load_n(&floor, static_cast<int>(owner_load));
  }
  // False: full, or recalled.
  bool push(const block& b) noexcept {
    const std::uint64_t w = get(word);
    if (top_of(w) >= __atomic_load_n(&ceiling, static_cast<int>(owner_load))) return false;
    finish_push(w, b);
    return true;
  }
  bool push(void* data, state_byte& its_state) noexcept {
    const std::uint64_t w = get(word);
    if (top_of(w) >= __atomic_load_n(&ceiling, static_cast<int>(owner_load))) return false;
    exalloc_ready& r = at(top_of(w) / slot_bytes + 1);
    set(r.pointer, data);
    set(r.state, reinterpret_cast<UCHAR*>(&its_state));
    __atomic_store_n(&word, w + EXALLOC_PUSH, static_cast<int>(owner_store));
    return true;
  }
  // The same, and returns the block that was on top before. Null: nothing is done, for there was
  // none, or as above.
  void* push_knowing(const block& b) noexcept {
    const std::uint64_t w = get(word);
    if (static_cast<std::uint16_t>(w) >= __atomic_load_n(&known, static_cast<int>(owner_load)))
      return nullptr;
    void* before = pointer(top_of(w) / slot_bytes);
    finish_push(w, b);
    return before;
  }
  // Whether it has a block that is free for sure.
  bool shows_any() const noexcept {
    return top_of(get(word)) >= 0 && __atomic_load_n(&known, static_cast<int>(owner_load)) != 0;
  }
  void* pointer(std::int32_t slot) const noexcept { return get(at(slot).pointer); }
  state_byte& state(std::int32_t slot) const noexcept {
    return *reinterpret_cast<state_byte*>(get(at(slot).state));
  }
  block get(std::int32_t slot) const noexcept {
    return {pointer(slot), token_of(get(at(slot).state))};
  }
  std::uint32_t token_of(const UCHAR* state_byte) const noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(state_byte) - table_);
  }
  static std::int32_t slot_of(std::int32_t top) noexcept { return top / slot_bytes; }

  // Blocks the owner's calls took, less those they brought; and those calls, which are exact when
  // the owner is not in one.
  std::int64_t in_use() const noexcept { return get(moved_) - count_of(get(word)); }
  std::uint64_t calls() const noexcept {
    const std::uint64_t w = get(word);
    return (w - static_cast<std::uint64_t>(std::int64_t{top_of(w)})) >> 16;
  }
  std::uint64_t pops() const noexcept {
    return (calls() + static_cast<std::uint64_t>(in_use())) / 2;
  }
  std::uint64_t pushes() const noexcept {
    return (calls() - static_cast<std::uint64_t>(in_use())) / 2;
  }
  // The same of calls that worked on this magazine in their slow path.
  std::int64_t slow_in_use() const noexcept { return get(slow_in_use_); }

  // ---- Under the processor's lock ----

  // Whose it is, if a list's of blocks.
  block_list* list = nullptr;
  void count_slow(std::int64_t blocks) noexcept { set(slow_in_use_, get(slow_in_use_) + blocks); }

  // Only the owner, while not frozen:
  std::int32_t size() const noexcept { return count_of(get(word)); }
  void put(std::int32_t slot, const block& b) noexcept {
    exalloc_ready& r = at(slot);
    set(r.pointer, b.pointer);
    set(r.state, reinterpret_cast<UCHAR*>(table_ + b.token));
  }
  void resize(std::int32_t n) noexcept {
    const std::int32_t change = n - size();
    set(moved_, get(moved_) + change);
    __atomic_store_n(&word,
                     get(word) + static_cast<std::uint64_t>(std::int64_t{change} * slot_bytes),
                     static_cast<int>(owner_store));
  }
  // Slots for `count` more blocks, to be filled before resize().
  exalloc_ready* room() noexcept { return &at(size()); }
  const exalloc_ready* newest(std::int32_t count) const noexcept { return &at(size() - count); }
  // Pops below `floor` and pushes from `ceiling` on take the slow path.
  void bounds(std::int32_t floor_slot, std::int32_t ceiling_slot) noexcept {
    // A free looks at the slot above the top before the ceiling: none has no state byte, and what
    // was never filled has one of no block. Entries of lookaside lists have none.
    for (; table_ != 0 && reach_ <= ceiling_slot; ++reach_)
      if (get(at(reach_).state) == nullptr) put(reach_, {});
    set(floor, static_cast<std::int16_t>(floor_slot * slot_bytes));
    set(ceiling, static_cast<std::int16_t>((ceiling_slot - 1) * slot_bytes));
    set(known, static_cast<std::uint16_t>(ceiling_slot < 1 ? 0 : (ceiling_slot - 1) * slot_bytes));
  }
  // Removes the `count` oldest blocks, which others have.
  void drop_oldest(std::int32_t count) noexcept {
    const std::int32_t n = size();
    std::memmove(slots, slots + count, static_cast<std::size_t>(n - count) * sizeof(slots[0]));
    resize(n - count);
  }
  // After a pop that was not for sure. Its slot is the caller's after all: it counts as slow.
  void keep_pop() noexcept {
    set(moved_, get(moved_) - 1);
    set(word, get(word) - 0x10000);
  }
  // Nothing was popped.
  void undo_pop() noexcept { set(word, get(word) - EXALLOC_POP); }

  bool frozen() const noexcept { return frozen_; }
  // Any thread: from now on the owner takes its slow path; certain only after a heavy_fence().
  void freeze() noexcept {
    if (frozen_) return;
    frozen_ = true;
    taken_ = 0;
    __atomic_store_n(&floor, std::numeric_limits<std::int16_t>::max(), __ATOMIC_SEQ_CST);
    __atomic_store_n(&ceiling, std::numeric_limits<std::int16_t>::min(), __ATOMIC_SEQ_CST);
    __atomic_store_n(&known, std::uint16_t{0}, __ATOMIC_SEQ_CST);
  }
  // Any thread, while frozen and after a heavy_fence(): hands every block that is not the owner's
  // to `take`.
  template <class Take>
  std::size_t take_all(Take&& take) {
    const std::int32_t n = count_of(__atomic_load_n(&word, __ATOMIC_SEQ_CST));
    std::size_t count = 0;
    for (; taken_ < n; ++taken_, ++count) take(get(taken_));
    return count;
  }
  // Any thread, while frozen and after a heavy_fence(), for good: leaves all blocks to whoever
  // finds them by their state bytes. Token of the one that the owner may be about to return, kept
  // until take_withheld(); 0 if there is none, or no more.
  std::uint32_t abandon() noexcept {
    if (std::exchange(abandoned_, true)) return withheld_;
    const std::int32_t n = count_of(__atomic_load_n(&word, __ATOMIC_SEQ_CST));
    taken_ = std::max(taken_, n);
    const bool used = n >= 0 && n < capacity && get(at(n).state) != nullptr;
    withheld_ = used ? get(n).token : 0;
    return withheld_;
  }
  // The owner, in no fast path: that block is not the one it returned, or has been freed since.
  std::uint32_t take_withheld() noexcept { return std::exchange(withheld_, 0); }
  // The owner, in no fast path: there is no block that it may be about to return.
  void forget_popped() noexcept {
    put(size(), {});
    withheld_ = 0;
  }
  // The owner, which keeps nothing: no slot tells of a block any more.
  void clear() noexcept {
    resize(0);
    forget_popped();
  }
  // The owner: whether the slot of the pop that was not for sure is its own after all; forgets what
  // was taken otherwise.
  bool settle_pop(std::int32_t slot) noexcept {
    if (slot >= (frozen_ ? taken_ : 0)) {
      keep_pop();
      return true;
    }
    undo_pop();
    if (frozen_) {
      taken_ = 0;
      resize(0);
    }
    return false;
  }
  // The owner, when no recall is going on: blocks it pushed while it was being frozen stay its own.
  // Sets no bounds.
  void thaw() noexcept {
    frozen_ = false;
    const std::int32_t n = size();
    if (n <= taken_) {
      resize(0);
    } else {
      drop_oldest(taken_);
    }
    taken_ = 0;
  }

  // Blocks on the way from the card: asked for in GRANT lines of which the last answer has not been
  // read, and arrived but not yet in slots.
  std::uint32_t asked = 0, asked_lines = 0;
  std::vector<std::uint32_t> parked;
  // Blocks on their way to the list's depot or from it.
  bundle_stash stash;
  // How many the owner wants there, which follows its calls; and those calls when it was last
  // reckoned.
  std::uint32_t stock_wanted = 0;
  std::uint64_t calls_at_move = 0;
  // The highest ceiling so far.
  std::int32_t reach() const noexcept { return std::max(reach_ - 1, 0); }
  // What the list's size allows, of so many blocks and processors: in slots; parked or asked for;
  // and of that in bundles, and in the depot.
  struct limits {
    std::uint64_t total = 0;
    std::uint32_t processors = 0;
    std::int32_t capacity = 0;
    std::uint32_t stock = 0, bundles = 0, depot_bundles = 0;
  } allowed;

 private:
  struct zeroed {};
  explicit magazine(zeroed) noexcept { prepare(nullptr); }
  static void* operator new(std::size_t bytes);

  static constexpr std::int32_t slot_bytes = sizeof(exalloc_ready);
  static constexpr auto empty_word = static_cast<std::uint64_t>(std::int64_t{-slot_bytes});
  static_assert(slot_bytes == 16 && capacity * slot_bytes <= std::numeric_limits<int16_t>::max());

  template <class T>
  static T get(const T& field) noexcept {
    return __atomic_load_n(&field, __ATOMIC_RELAXED);
  }
  template <class T, class V>
  static void set(T& field, V value) noexcept {
    __atomic_store_n(&field, static_cast<T>(value), __ATOMIC_RELAXED);
  }
  static std::int16_t top_of(std::uint64_t w) noexcept { return static_cast<std::int16_t>(w); }
  static std::int32_t count_of(std::uint64_t w) noexcept { return top_of(w) / slot_bytes + 1; }

  exalloc_ready& at(std::int32_t slot) noexcept { return slots[slot]; }
  const exalloc_ready& at(std::int32_t slot) const noexcept { return slots[slot]; }
  void finish_push(std::uint64_t w, const block& b) noexcept {
    put(top_of(w) / slot_bytes + 1, b);
    __atomic_store_n(&word, w + EXALLOC_PUSH, static_cast<int>(owner_store));
  }

  bool frozen_ = false, abandoned_ = false;
  std::uint32_t withheld_ = 0;
  std::int32_t taken_ = 0;    // slots below were taken since the freeze
  std::int32_t reach_ = 0;    // slots from here on were never used
  std::uintptr_t table_ = 0;  // the state byte of token 0
  std::int64_t moved_ = 0;    // blocks that came without a call, less those that went
  std::int64_t slow_in_use_ = 0;
};

}  // namespace exalloc
