#include "lookaside.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include "core.hpp"
#include "errors.hpp"

namespace exalloc {
namespace {

using enum lookaside_count;

// Entries of a full magazine that go to the card at once: four lines.
constexpr std::int32_t spill_size = 4 * static_cast<std::int32_t>(regs::entries_per_line);
// Misses not told to the card after which a line tells them: lists that miss grow by them.
constexpr std::uint64_t misses_per_report = 32;
// A processor that allocates so often without success gives its share to those that free.
constexpr std::uint32_t misses_of_a_consumer = 8;

// ---- The owner, under its processor's lock, its magazine not frozen ----

void* pop(lookaside_use& u) {
  const std::int32_t n = u.m.size();
  if (n <= 0) {
    u.m.resize(0);
    return nullptr;
  }
  u.m.resize(n - 1);
  return u.m.get(n - 1).pointer;
}

bool push(lookaside_use& u, void* entry) {
  set_bounds(u);
  return u.m.push({entry, 0});
}

void put_all(lookaside_use& u, const std::vector<void*>& entries) {
  for (void* entry : entries) {
    const std::int32_t n = u.m.size();
    u.m.put(n, {entry, 0});
    u.m.resize(n + 1);
  }
}

// Makes a magazine that was taken away the owner's again.
void thaw(lookaside_use& u) {
  if (u.m.frozen()) put_all(u, take_entries(u));
}

// An entry from the card, and as many more as the share has room for.
void* fetch(processor& p, lookaside_use& u) {
  lookaside_list& l = u.list;
  // Who shares with others leaves room on the card for what they free.
  const std::int32_t wanted = (l.users() > 1 ? l.most() / 2 : l.most()) - u.share;
  pop_from_card(p, u, static_cast<std::uint32_t>(1 + u.share), wanted);
  if (u.popped.empty()) return nullptr;
  put_all(u, {u.popped.rbegin(), u.popped.rend() - 1});
  return u.popped.front();
}

// Makes some of the card's `room` in a full magazine, or puts the entry straight onto the card.
// False: the card had none after all.
bool spill(processor& p, lookaside_use& u, void* entry, std::int32_t room) {
  const std::int32_t n = u.m.size();
  if (n == 0) return push_to_card(p, u, {entry}) == 1;
  const std::int32_t count = std::min(room, n > 2 * spill_size ? spill_size : (n + 1) / 2);
  const std::vector<void*> entries = take_entries(u);
  push_to_card(p, u, {entries.begin(), entries.begin() + count});
  put_all(u, u.refused);
  put_all(u, {entries.begin() + count, entries.end()});
  return push(u, entry);
}

// For an entry that the magazine has no room for. False: nor has the list.
bool make_room(processor& p, lookaside_use& u, void* entry) {
  lookaside_list& l = u.list;
  if (l.room() < 0) give_share(p, u, u.share - std::max(u.m.size(), l.fair()));
  // Each is read once: others may change it at any time.
  const std::int32_t wanted = l.most() - u.share;
  if (wanted > 0 && l.room() > 0) {
    take_share(p, u, wanted);
    if (push(u, entry)) return true;
  }
  const std::int32_t room = l.room();
  return room > 0 && spill(p, u, entry, room);
}

// Tells the card the counts without waiting; what it answers, the next call finds.
void report(processor& p, lookaside_use& u) {
  const std::uint64_t counts = counts_to_tell(u);
  p.submit(u, regs::opcode::push, 0, false, {&counts, 1});
  p.ring();
  p.poll();
}

// Lists that miss grow by it: when enough misses have come together, they are told.
void report_misses(processor& p, lookaside_use& u) {
  const auto now = u.counts();
  if (now[1] - u.told[1] + now[3] - u.told[3] < misses_per_report) return;
  report(p, u);
  // Others may have used up what they held when Depth shrank below it.
  if (u.list.room() < 0) u.list.unbalance();
}

// After a miss: whether the processor only allocates, while others may need its share to free.
bool is_consumer(lookaside_use& u) {
  const std::uint64_t freed = u.counts()[static_cast<std::size_t>(frees)];
  u.misses_in_a_row = freed == u.frees_at_miss ? u.misses_in_a_row + 1 : 0;
  u.frees_at_miss = freed;
  return u.misses_in_a_row >= misses_of_a_consumer && u.list.users() > 1;
}

// Settles what an unsuccessful pop left behind: its entry, if that is the caller's after all.
void* settle(lookaside_use& u, std::int32_t slot) {
  return u.m.settle_pop(slot) ? u.m.pointer(slot) : nullptr;
}

// ---- Without magazines: a line a call ----

void* call_pop(processor& p, lookaside_use& u) {
  u.count(allocates);
  u.popped.clear();
  const std::uint64_t counts = counts_to_tell(u);
  p.submit(u, regs::opcode::pop, 1, true, {&counts, 1});
  p.wait_for_answers(u);
  u.list.add_held(-static_cast<std::int32_t>(u.popped.size()));
  if (p.card_lost() && u.popped.empty()) pop_from_card(p, u, 1, 0);
  if (!u.popped.empty()) return u.popped.front();
  u.count(allocate_misses);
  u.told[static_cast<std::size_t>(allocate_misses)]++;  // the card has counted it
  u.list.told(0, 1);
  return nullptr;
}

bool call_push(processor& p, lookaside_use& u, void* entry) {
  u.count(frees);
  bool kept;
  if (p.card_lost()) {
    kept = push_to_card(p, u, {entry}) == 1;
  } else {
    u.refused.clear();
    u.list.on_card.add({&entry, 1});
    const std::uint64_t words[] = {counts_to_tell(u), reinterpret_cast<std::uintptr_t>(entry)};
    p.submit(u, regs::opcode::push, 1, true, words);
    p.wait_for_answers(u);
    kept = u.refused.empty();
    if (kept) u.list.add_held(1);
  }
  if (kept) return true;
  u.count(free_misses);
  u.told[static_cast<std::size_t>(free_misses)]++;
  return false;
}

// ---- Lists in the host ----

void* allocate_in_host(lookaside_list& l) {
  const std::lock_guard lock(l.mutex);
  l.count(allocates);
  if (l.store.empty()) {
    l.count(allocate_misses);
    return nullptr;
  }
  void* entry = l.store.back();
  l.store.pop_back();
  return entry;
}

bool free_in_host(lookaside_list& l, void* entry) {
  const std::lock_guard lock(l.mutex);
  l.count(frees);
  if (static_cast<std::int32_t>(l.store.size()) < l.depth()) {
    l.store.push_back(entry);
    return true;
  }
  l.count(free_misses);
  return false;
}

void join(lookaside_use& u) {
  if (u.active) return;
  u.active = true;
  u.calls_at_balance = ~std::uint64_t{0};
  u.list.join();
}

// Runs use(p, u, last) under the calling processor's lock, its magazine thawed, until it returns
// true. Where it returns false, the shares are balanced before it is run again, with `last` set.
// Without magazines it runs line(p, u) instead. Returns the entry of an unsuccessful pop that is
// the caller's after all; then neither has run.
template <class Use, class Line>
void* with_use(core& c, processor& self, lookaside_list& l, std::int32_t slot, orphans& left,
               Use&& use, Line&& line) {
  for (bool last = false;;) {
    {
      const std::lock_guard lock(self.mutex);
      lookaside_use& u = self.use_of(l);
      if (u.first || l.shared()) {
        if (slot != no_slot) {
          if (void* entry = settle(u, slot)) {
            u.count(allocates);
            return entry;
          }
          slot = no_slot;
        }
        if (!lookaside_magazines()) {
          if (u.active || u.share != 0) flush(self, u, left);
          u.m.freeze();
          line(self, u);
          return nullptr;
        }
        // While shares are cut, a magazine that is to be emptied stays frozen.
        if (!u.m.frozen() || l.balanced()) {
          self.poll();
          thaw(u);
          // Taken for idle, but not all of its share could be taken away.
          if (u.share > 0) join(u);
          u.calling = !use(self, u, last);
          set_bounds(u);
          if (!u.calling) return nullptr;
          last = true;
        } else {
          u.calling = true;
        }
      }
    }
    begin_sharing(c, l);
    balance(c, l);
  }
}

// An entry, null if there is none.
void* take(core& c, processor& self, lookaside_list& l, std::int32_t slot, orphans& left) {
  void* entry = nullptr;
  const auto use = [&](processor& p, lookaside_use& u, bool last) {
    entry = pop(u);
    if (entry == nullptr) {
      join(u);
      if (!l.balanced() && !last) return false;
      if (l.held() > 0) entry = fetch(p, u);
    }
    u.count(allocates);
    if (entry != nullptr) return true;
    u.count(allocate_misses);
    if (is_consumer(u)) give_share(p, u, u.share);
    report_misses(p, u);
    return true;
  };
  void* settled = with_use(c, self, l, slot, left, use,
                           [&](processor& p, lookaside_use& u) { entry = call_pop(p, u); });
  return settled != nullptr ? settled : entry;
}

// False: the list is full.
bool put(core& c, processor& self, lookaside_list& l, void* entry, orphans& left) {
  bool kept = false;
  const auto use = [&](processor& p, lookaside_use& u, bool last) {
    kept = push(u, entry);
    if (!kept) {
      join(u);
      if (!l.balanced() && !last) return false;
      // First, as the answer may be that Depth has grown.
      report_misses(p, u);
      kept = push(u, entry) || make_room(p, u, entry);
    }
    u.count(frees);
    if (!kept) u.count(free_misses);
    return true;
  };
  with_use(c, self, l, no_slot, left, use,
           [&](processor& p, lookaside_use& u) { kept = call_push(p, u, entry); });
  return kept;
}

// Runs call(core, processor, orphans) for a slow path and reports what it throws.
template <class Call>
void slow_path(lookaside_list& l, const char* doing, Call&& call) noexcept {
  orphans left;
  if (core* c = core::get_or_report(); c != nullptr) {
    try {
      const processor_use self(*c);
      call(*c, *self, left);
      if (!l.balanced()) balance(*c, l);
    } catch (const std::exception& e) {
      post_error({fmt::format("a lookaside list: {} failed: {}", doing, e.what()), "ok", nullptr, 0,
                  l.number(), -1});
    }
  }
  free_orphans(left);
  deliver_errors();
}

}  // namespace

void* allocate_slow(lookaside_list& l, std::int32_t slot) {
  void* entry = nullptr;
  if (l.host_backed()) {
    entry = allocate_in_host(l);
  } else {
    slow_path(l, "allocating", [&](core& c, processor& self, orphans& left) {
      ++self.slow.slow_allocations;
      entry = take(c, self, l, slot, left);
    });
  }
  if (entry != nullptr) return entry;
  return l.allocate_entry();
}

void free_slow(lookaside_list& l, void* entry) {
  bool kept = false;
  if (l.host_backed()) {
    kept = free_in_host(l, entry);
  } else {
    slow_path(l, "freeing", [&](core& c, processor& self, orphans& left) {
      ++self.slow.slow_frees;
      kept = put(c, self, l, entry, left);
    });
  }
  if (!kept) l.free_entry()(entry);
}

void report_counts(lookaside_list& l) noexcept {
  slow_path(l, "reporting", [&](core&, processor& self, orphans&) {
    const std::lock_guard lock(self.mutex);
    lookaside_use& u = self.use_of(l);
    report(self, u);
    if (!u.m.frozen()) set_bounds(u);
  });
}

}  // namespace exalloc
