#include "stock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "errors.hpp"
#include "fence.hpp"

namespace exalloc {
namespace {

// The free blocks an operation works on: a magazine under its processor's lock ...
struct magazine_stock {
  processor& owner;
  magazine& m;
  const block_list& list;

  bool empty() const noexcept { return m.size() <= 0; }
  block top() const noexcept { return m.get(m.size() - 1); }
  block pop() {
    const block b = top();
    m.resize(m.size() - 1);
    owner.ask_ahead(m, list);
    return b;
  }
  void push(const block& b) { owner.push(m, list, b); }
  void count(std::int64_t blocks) { m.count_slow(blocks); }
};

// ... or the list's store under the list's mutex.
struct shared_stock {
  block_list& list;

  bool empty() const noexcept { return list.store.empty(); }
  block top() const noexcept { return list.store.back(); }
  block pop() {
    const block b = top();
    list.store.pop_back();
    return b;
  }
  void push(const block& b) { list.store.push_back(b); }
  void count(std::int64_t blocks) { list.count_slow(blocks); }
};

// How many free blocks end scarce mode: a quarter of the list, but two for every processor so that
// they do not end up in a few magazines at once, and no more than a fraction of what the magazines
// could hold.
std::size_t plenty(const core& c, const block_list& list) {
  const std::uint64_t processors =
      std::max(1U, c.processors.active().load(std::memory_order_relaxed));
  const std::uint64_t least = std::max<std::uint64_t>(1, std::min(list.total(), 2 * processors));
  return std::clamp<std::uint64_t>(list.total() / 4, least, std::max(least, 64 * processors));
}

// Under the list's mutex, in scarce mode: back to magazines.
void leave(processor& self, block_list& list) {
  const std::lock_guard lock(self.mutex);
  std::vector<std::uint32_t> tokens;
  tokens.reserve(list.store.size());
  for (const block& b : list.store) tokens.push_back(b.token);
  self.release(list, tokens.data(), tokens.size());
  // Executed before anyone asks the card, or he would find it empty and recall again.
  // Else the card is lost: then the state bytes tell which blocks these were.
  const bool executed = self.drain();
  list.store.clear();
  if (executed) list.set_shared(false);
}

// The same, if there is plenty again.
void leave_scarce_mode(core& c, processor& self, block_list& list) {
  if (!list.host_backed() && !c.card_driver.lost() && list.store.size() >= plenty(c, list))
    leave(self, list);
}

// Takes from a processor's magazine what its owner cannot keep. Under the processor's lock.
std::size_t sweep(processor& p, block_list& list) {
  magazine* m = p.find(list);
  if (m == nullptr) return 0;
  const auto keep = [&](const block& b) { list.store.push_back(b); };
  return m->take_all(keep) + p.take_parked(*m, keep);
}

// Under the list's mutex, not in scarce mode: takes the list's free blocks away from all
// processors, out of magazines and rings, and goes into scarce mode. Then all free blocks are in
// the store or in the card, except for those that were pushed into a magazine at the very moment it
// was frozen: one each, which a later sweep finds.
void recall(core& c, processor& self, block_list& list) {
  list.set_shared(true);
  const std::lock_guard registry_lock(c.processors.mutex);
  c.processors.each([&](processor& p) {
    if (magazine* m = p.find(list)) m->freeze();
    p.start_drain();
  });
  heavy_fence();
  {
    const std::lock_guard lock(self.mutex);
    self.recall(list);
  }
  std::size_t count = 0;
  c.processors.each([&](processor& p) {
    p.drain();
    count += sweep(p, list);
  });
  // Since the freeze no processor has put anything there.
  if (depot* d = list.bundles())
    count += d->take_all([&](std::uint32_t token) {
      list.store.push_back({c.tokens.pointer(token), token});
    });
  c.counts.recalls.fetch_add(1, std::memory_order_relaxed);
  c.counts.recalled_blocks.fetch_add(count, std::memory_order_relaxed);
}

// Whether the card is lost and the list has to go on without it.
bool to_be_rescued(const core& c, const block_list& list) {
  return c.card_driver.lost() && !list.host_backed() && !list.rescued();
}

// Under the list's mutex: takes all blocks whose state byte says "free" into the store, wherever
// they are, except for those that a fast path may be about to return, one for each processor.
// Freezing and the fence make that all there are: later calls change state bytes in slow paths
// only, and those that free push into the store.
void rescue(core& c, block_list& list) {
  list.set_shared(true);
  list.set_rescued(true);
  std::vector<std::uint32_t> withheld;
  {
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([&](processor& p) {
      if (magazine* m = p.find(list)) m->freeze();
    });
    heavy_fence();
    c.processors.each([&](processor& p) {
      if (magazine* m = p.find(list)) withheld.push_back(m->abandon());
    });
  }
  std::sort(withheld.begin(), withheld.end());
  list.store.clear();
  try {
    list.each_extent([&](std::uint32_t first, std::uint32_t count) {
      for (std::uint32_t t = first + count; t-- > first;) {
        if (list.state(t).load(std::memory_order_relaxed) == block_state::free &&
            !std::binary_search(withheld.begin(), withheld.end(), t))
          list.store.push_back({c.tokens.pointer(t), t});
      }
    });
  } catch (...) {
    list.set_rescued(false);
    throw;
  }
}

// Under the list's mutex: with a lost card, the calling owner's own withheld block comes back, and
// the store's top is free. The block that the caller is freeing was not free before.
void refresh(core& c, processor& self, block_list& list, std::uint32_t freeing) {
  if (!c.card_driver.lost() || list.host_backed()) return;
  // Who has blocks that it missed says so without the mutex: that the next call has to do it again.
  if (!list.rescued()) rescue(c, list);
  {
    const std::lock_guard lock(self.mutex);
    magazine* m = self.find(list);
    const std::uint32_t token = m != nullptr ? m->take_withheld() : 0;
    if (token != 0) list.store.push_back({c.tokens.pointer(token), token});
  }
  const auto is_free = [&](const block& b) {
    return b.token != freeing &&
           list.state(b.token).load(std::memory_order_relaxed) == block_state::free;
  };
  while (!list.store.empty() && !is_free(list.store.back())) list.store.pop_back();
}

// Under the list's mutex, in scarce mode, the store empty: fills it if a block is free anywhere.
void search(core& c, processor& self, block_list& list, std::uint32_t freeing) {
  if (list.host_backed()) {
    list.grow(self, list.total());
    return;
  }
  if (c.card_driver.lost()) {
    do {
      refresh(c, self, list, freeing);
    } while (list.store.empty() && list.grow(self, list.total()));
    return;
  }
  {
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([&](processor& p) { sweep(p, list); });
  }
  // As much as ends scarce mode, if the card has it.
  const auto ask_card = [&] {
    const std::lock_guard lock(self.mutex);
    const std::size_t wanted = plenty(c, list) + 1;
    while (list.store.size() < wanted) {
      const auto count = std::min<std::size_t>(wanted - list.store.size(), regs::max_grant);
      if (!self.grant_now(list, static_cast<std::uint32_t>(count)) || sweep(self, list) == 0) break;
    }
  };
  if (list.store.empty()) ask_card();
  while (list.store.empty() && list.grow(self, list.total())) ask_card();
}

// Settles what an unsuccessful pop left behind. True if its slot is the caller's after all. Under
// the processor's lock.
bool settle(processor& self, const block_list& list, magazine& m, std::int32_t slot, block& b) {
  if (!m.settle_pop(slot)) return false;
  b = m.get(slot);
  m.count_slow(1);
  if (!m.frozen()) self.ask_ahead(m, list);
  return true;
}

// Runs `use` on a stock of the list's free blocks. With `need`, that stock is empty only if no
// block of the list is free, but perhaps the one with the token `freeing`. First settles what a pop
// of `slot` left behind: a block that is the caller's after all is put into `kept` instead.
template <class Use>
void with_stock(core& c, processor& self, block_list& list, bool need, Use&& use,
                std::uint32_t freeing = 0, std::int32_t slot = no_slot, block* kept = nullptr) {
  for (;;) {
    // Looked at once: what a pop left behind is settled before either branch.
    const bool shared = list.shared() || to_be_rescued(c, list);
    if (slot != no_slot && shared) {
      const std::lock_guard lock(self.mutex);
      if (settle(self, list, self.magazine_for(list), std::exchange(slot, no_slot), *kept)) return;
    }
    const std::uint64_t total = list.total();
    if (shared) {
      const std::lock_guard lock(list.mutex);
      refresh(c, self, list, freeing);
      if (list.shared()) {
        if (need && list.store.empty()) {
          search(c, self, list, freeing);
          refresh(c, self, list, freeing);
        }
        use(shared_stock{list});
        leave_scarce_mode(c, self, list);
        return;
      }
    }
    {
      const std::lock_guard lock(self.mutex);
      magazine& m = self.magazine_for(list);
      if (slot != no_slot && settle(self, list, m, std::exchange(slot, no_slot), *kept)) return;
      if (!self.thaw(m, list)) continue;
      if (!need || self.fetch(m, list)) {
        use(magazine_stock{self, m, list});
        return;
      }
    }
    // Growing is cheaper than taking blocks away from others.
    if (list.grow(self, total)) continue;
    const std::lock_guard lock(list.mutex);
    if (list.shared() || to_be_rescued(c, list)) continue;
    recall(c, self, list);
    leave_scarce_mode(c, self, list);
    if (list.shared()) c.counts.scarce_entries.fetch_add(1, std::memory_order_relaxed);
  }
}

// Both frees were counted, and so was this allocation of the second one.
void report_twice(const block_list& list, const block& b) {
  post_error({"a block was freed twice at the same moment; the second one is dropped",
              regs::to_string(regs::status::double_free), b.pointer, b.token, list.number(), -1});
}

// Most calls that go the slow way only move a bundle: they need neither what makes a thread's
// processor nor what handles failures.

// The calling thread's own magazine if it may be used at once, its processor's lock held.
struct quick_use {
  explicit quick_use(const block_list& list) noexcept {
    if (p == nullptr || list.bundles() == nullptr) return;
    lock = std::unique_lock(p->mutex, std::try_to_lock);
    // What marks the list or the card otherwise visits this processor after that.
    if (!lock.owns_lock() || list.shared() || p->card_lost()) return;
    m = p->find(list);
    if (m != nullptr && m->frozen()) m = nullptr;
  }
  processor* const p = fast_processor;
  std::unique_lock<fork_mutex> lock;
  magazine* m = nullptr;
};

// Null: nothing is done, but that what the pop left behind may be settled.
void* allocate_quickly(const block_list& list, std::int32_t& slot) noexcept {
  if (slot >= 0) return nullptr;
  const quick_use own(list);
  if (own.m == nullptr || !own.p->has_bundle(*own.m, list)) return nullptr;
  magazine& m = *own.m;
  m.settle_pop(std::exchange(slot, no_slot));
  own.p->open_bundle(m, list);
  const block b = m.get(m.size() - 1);
  if (list.state(b.token).load(std::memory_order_relaxed) != block_state::free) return nullptr;
  list.state(b.token).store(block_state::allocated, std::memory_order_relaxed);
  m.resize(m.size() - 1);
  m.count_slow(1);
  ++own.p->slow.slow_allocations;
  return b.pointer;
}

}  // namespace

void* allocate_slow(block_list& list, std::int32_t slot) noexcept {
  if (void* b = allocate_quickly(list, slot); b != nullptr) return b;
  core* c = core::get_or_report();
  if (c == nullptr) return nullptr;
  void* result = nullptr;
  try {
    const processor_use self(*c);
    ++self->slow.slow_allocations;
    for (bool again = true; again;) {
      again = false;
      block b;
      const auto take = [&](auto stock) {
        if (stock.empty()) return;
        b = stock.pop();
        stock.count(1);
      };
      with_stock(*c, *self, list, true, take, 0, std::exchange(slot, no_slot), &b);
      if (b.pointer == nullptr) break;
      // When the card is lost meanwhile, another thread may find the block by its state byte.
      auto expected = block_state::free;
      const bool was_free = list.state(b.token).compare_exchange_strong(
          expected, block_state::allocated, std::memory_order_relaxed);
      const bool lost = c->card_driver.lost() && !list.host_backed();
      if (was_free || (list.streamed() && !lost)) {
        if (!was_free) list.state(b.token).store(block_state::allocated, std::memory_order_relaxed);
        result = b.pointer;
      } else {
        if (lost) {
          list.count_slow(-1);
        } else {
          report_twice(list, b);
        }
        again = true;
      }
    }
  } catch (const std::exception& e) {
    post_error(
        {fmt::format("allocating failed: {}", e.what()), "ok", nullptr, 0, list.number(), -1});
  }
  deliver_errors();
  return result;
}

void* allocate_doubtful(block_list& list, magazine& m, std::int32_t slot) noexcept {
  const block b = m.get(slot);
  if (list.streamed()) {
    list.state(b.token).store(block_state::allocated, std::memory_order_relaxed);
    return b.pointer;
  }
  report_twice(list, b);
  return allocate_slow(list, no_slot);
}

void* free_slow(block_list& list, block b, bool want_previous) noexcept {
  core* c = core::get_or_report();
  if (c == nullptr) return nullptr;
  void* previous = nullptr;
  try {
    const processor_use self(*c);
    ++self->slow.slow_frees;
    const auto put = [&](auto stock) {
      if (!stock.empty()) previous = stock.top().pointer;
      stock.push(b);
      stock.count(-1);
    };
    with_stock(*c, *self, list, want_previous, put, b.token);
    list.freed_slowly(*self);
  } catch (const std::exception& e) {
    post_error({fmt::format("freeing failed, the block is lost: {}", e.what()), "ok", b.pointer,
                b.token, list.number(), -1});
  }
  deliver_errors();
  return previous;
}

void* free_to_full(block_list& list, block b) noexcept {
  {
    const quick_use own(list);
    if (own.m != nullptr && own.m->size() > 0) {
      void* previous = own.m->get(own.m->size() - 1).pointer;
      if (own.p->push_quickly(*own.m, list, b)) {
        own.m->count_slow(-1);
        ++own.p->slow.slow_frees;
        return previous;
      }
    }
  }
  return free_slow(list, b, true);
}

void* free_unowned(block_list& list, block b, bool want_previous) noexcept {
  const auto may_be_a_kernels = [&] {
    return list.streamed() &&
           list.state(b.token).load(std::memory_order_relaxed) == block_state::away;
  };
  const error_report twice{"a block was freed that is free already; nothing is changed",
                           regs::to_string(regs::status::double_free),
                           b.pointer,
                           b.token,
                           list.number(),
                           -1};
  if (!may_be_a_kernels()) {
    report_error(twice);
    return nullptr;
  }
  core* c = core::get_or_report();
  if (c == nullptr) return nullptr;
  void* previous = nullptr;
  try {
    const processor_use self(*c);
    ++self->slow.slow_frees;
    if (want_previous) {
      with_stock(*c, *self, list, true, [&](auto stock) {
        if (!stock.empty()) previous = stock.top().pointer;
      });
    }
    bool asked = false;
    if (!c->card_driver.lost()) {
      const std::lock_guard lock(self->mutex);
      // It may have come with the stock, also in a line that is not read yet; else only the card
      // knows whether it is free, and is asked. If the card is lost before it answers, it may have
      // given the block to a kernel already: it stays away, in quarantine.
      if (self->drain() && may_be_a_kernels()) {
        asked = self->release(list, &b.token, 1);
        self->drain();
      }
    }
    if (!asked) {
      // With a lost card nobody can tell, and the caller is believed.
      bool freed = false;
      with_stock(*c, *self, list, false, [&](auto stock) {
        auto expected = block_state::away;
        freed =
            c->card_driver.lost() && list.state(b.token).compare_exchange_strong(
                                         expected, block_state::free, std::memory_order_relaxed);
        if (freed) stock.push(b);
      });
      if (!freed) post_error(twice);
    }
  } catch (const std::exception& e) {
    post_error({fmt::format("freeing failed, the block is lost: {}", e.what()), "ok", b.pointer,
                b.token, list.number(), -1});
  }
  deliver_errors();
  return previous;
}

bool is_full_slow(block_list& list) noexcept {
  core* c = core::get_or_report();
  if (c == nullptr) return true;
  bool full = true;
  try {
    const processor_use self(*c);
    with_stock(*c, *self, list, true, [&](auto stock) { full = stock.empty(); });
  } catch (const std::exception& e) {
    post_error({e.what(), "ok", nullptr, 0, list.number(), -1});
  }
  deliver_errors();
  return full;
}

void share_with_kernels(core& c, block_list& list,
                        std::span<const std::pair<std::uint32_t, std::uint32_t>> tokens) {
  const processor_use self(c);
  const std::lock_guard lock(list.mutex);
  if (!list.shared()) recall(c, *self, list);
  // Every free block is in the store or in the card now.
  for (const auto& [first, count] : tokens) {
    for (std::uint32_t t = first; t < first + count; ++t) {
      block_state expected = block_state::free;
      list.state(t).compare_exchange_strong(expected, block_state::away, std::memory_order_relaxed);
    }
  }
  for (const block& b : list.store)
    list.state(b.token).store(block_state::free, std::memory_order_relaxed);
  list.set_streamed();
  leave_scarce_mode(c, *self, list);
}

void withdraw(processor& self, block_list& list, const std::function<void(std::uint32_t)>& take) {
  const std::lock_guard lock(self.mutex);
  if (!self.drain()) return;
  magazine& m = self.magazine_for(list);
  const auto take_block = [&](const block& b) { take(b.token); };
  if (depot* d = list.bundles()) d->take_all(take);
  while (self.grant_now(list, regs::max_grant))
    if (self.take_parked(m, take_block) == 0) return;
}

void gather(core& c, processor& self, block_list& list) {
  if (list.host_backed()) return;
  if (!list.shared()) {
    recall(c, self, list);
  } else {
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([&](processor& p) { sweep(p, list); });
  }
  withdraw(self, list, [&](std::uint32_t token) {
    list.store.push_back({c.tokens.pointer(token), token});
  });
}

void end_gathering(processor& self, block_list& list) {
  if (!list.host_backed()) leave(self, list);
}

void retire(core& c, block_list& list) {
  const std::lock_guard lock(list.mutex);
  if (!list.host_backed()) {
    const std::lock_guard registry_lock(c.processors.mutex);
    // No line may be left that names this list: its number and its slabs will have other owners.
    c.processors.each([&](processor& p) { p.start_drain(); });
    c.processors.each([&](processor& p) {
      p.drain();
      p.forget(list);
    });
  }
  list.store.clear();
}

}  // namespace exalloc
