// Entries and shares between processors and the card: docs/lookaside-host.md says why Depth holds.
#include <algorithm>
#include <atomic>
#include <thread>

#include "core.hpp"
#include "errors.hpp"
#include "fence.hpp"
#include "lookaside.hpp"

namespace exalloc {
namespace {

std::atomic<bool> magazines_on{true};

std::uint64_t word_of(void* entry) noexcept { return reinterpret_cast<std::uintptr_t>(entry); }

void make_orphans(lookaside_list& l, const std::vector<void*>& entries, orphans& left) {
  for (void* entry : entries) left.push_back({l.free_entry(), entry});
  l.trimmed.fetch_add(entries.size(), std::memory_order_relaxed);
}

void tell_counts(processor& p, lookaside_use& u) {
  while (has_counts_to_tell(u)) {
    const std::uint64_t counts = counts_to_tell(u);
    p.submit(u, regs::opcode::push, 0, false, {&counts, 1});
  }
}

// Under the processor's lock, after a freeze and a heavy_fence: takes all but the newest `target`
// entries and gives back the share for them. What the card has no room for stays with the owner.
void cut(processor& p, lookaside_use& u, std::int32_t target, orphans& left) {
  // Read first: what a call that has ended meanwhile pushed is in the magazine.
  const bool busy = u.busy.load(std::memory_order_seq_cst);
  u.m.take_all([&](const block& b) { u.kept.push_back(b.pointer); });
  const auto size = static_cast<std::int32_t>(u.kept.size());
  // A push on its way has a share, and needs it.
  const std::int32_t on_its_way = busy && size < u.share ? 1 : 0;
  const bool fits = u.list.room() + u.share - size - on_its_way >= 0;
  const std::int32_t pushed = fits ? std::max(0, size - target) : 0;
  const auto end = u.kept.begin() + pushed;
  push_to_card(p, u, {u.kept.begin(), end}, u.share - std::max(target, size - pushed + on_its_way));
  u.kept.erase(u.kept.begin(), end);
  // Depth has shrunk meanwhile.
  make_orphans(u.list, u.refused, left);
}

// What the card does, when there is none any more: its entries, its shares, its Depth.
void keep_in_host(lookaside_use& u, const std::vector<void*>& entries, std::int32_t give) {
  u.list.on_card.with_all([&](std::vector<void*>& all) {
    u.share -= give;
    u.list.add_reserved(-give);
    const auto room = static_cast<std::size_t>(std::max(0, u.list.room()));
    const std::size_t kept = std::min(room, entries.size());
    const auto end = entries.begin() + static_cast<std::ptrdiff_t>(kept);
    all.insert(all.end(), entries.begin(), end);
    u.list.add_held(static_cast<std::int32_t>(kept));
    u.refused.assign(end, entries.end());
  });
}

void pop_in_host(lookaside_use& u, std::uint32_t count, std::int32_t share) {
  u.list.on_card.with_all([&](std::vector<void*>& all) {
    const auto taken = std::min(count, static_cast<std::uint32_t>(all.size()));
    u.popped.insert(u.popped.end(), all.rbegin(), all.rbegin() + taken);
    all.resize(all.size() - taken);
    u.list.add_held(-static_cast<std::int32_t>(taken));
    u.granted = std::clamp(u.list.room(), 0, std::max(0, share));
    u.share += u.granted;
    u.list.add_reserved(u.granted);
  });
}

}  // namespace

bool lookaside_magazines() noexcept { return magazines_on.load(std::memory_order_relaxed); }

void free_orphans(const orphans& entries) {
  for (const orphan& o : entries) o.free(o.entry);
}

bool has_counts_to_tell(const lookaside_use& u) noexcept { return u.counts() != u.told; }

std::uint64_t counts_to_tell(lookaside_use& u) noexcept {
  namespace c = regs::lookaside_counts;
  const auto now = u.counts();
  std::array<std::uint64_t, lookaside_counts> delta;
  for (std::size_t i = 0; i < delta.size(); ++i) {
    delta[i] = std::min<std::uint64_t>(now[i] - u.told[i], 0xFFFF);
    u.told[i] += delta[i];
  }
  u.list.told(static_cast<std::uint32_t>(delta[0]), static_cast<std::uint32_t>(delta[1]));
  std::uint64_t word = c::allocates.set(0, delta[0]);
  word = c::allocate_misses.set(word, delta[1]);
  word = c::frees.set(word, delta[2]);
  return c::free_misses.set(word, delta[3]);
}

std::int32_t push_to_card(processor& p, lookaside_use& u, const std::vector<void*>& entries,
                          std::int32_t give) {
  u.refused.clear();
  if (p.card_lost()) {
    keep_in_host(u, entries, give);
    return static_cast<std::int32_t>(entries.size() - u.refused.size());
  }
  if (entries.empty()) {
    give_share(p, u, give);
    p.wait_for_answers(u);
    return 0;
  }
  std::int32_t to_give = give;
  for (std::size_t i = 0; i < entries.size();) {
    std::array<std::uint64_t, 1 + regs::entries_per_line> words;
    words[0] = counts_to_tell(u);
    std::uint32_t n = 0;
    const std::size_t first = i;
    for (; n < regs::entries_per_line && i < entries.size(); ++n, ++i)
      words[1 + n] = word_of(entries[i]);
    u.list.on_card.add({entries.data() + first, n});
    // What is still to be pushed needs its share until then.
    const std::int32_t now = std::max(0, to_give - static_cast<std::int32_t>(entries.size() - i));
    to_give -= now;
    p.submit(u, regs::opcode::push, n, false, {words.data(), 1 + n},
             static_cast<std::uint32_t>(now));
  }
  p.wait_for_answers(u);
  const auto accepted = static_cast<std::int32_t>(entries.size() - u.refused.size());
  u.list.add_held(accepted);
  u.share -= give;
  u.list.add_reserved(-give);
  return accepted;
}

void pop_from_card(processor& p, lookaside_use& u, std::uint32_t count, std::int32_t share) {
  u.popped.clear();
  u.granted = 0;
  if (p.card_lost()) return pop_in_host(u, count, share);
  const std::uint64_t counts = counts_to_tell(u);
  p.submit(u, regs::opcode::pop, std::min(count, regs::max_pop), false, {&counts, 1});
  if (share > 0) {
    take_share(p, u, share);
  } else {
    p.wait_for_answers(u);
  }
  u.list.add_held(-static_cast<std::int32_t>(u.popped.size()));
  // It is lost since, and what it did not answer is in the host.
  if (p.card_lost() && u.popped.empty()) pop_in_host(u, count, 0);
}

void set_bounds(lookaside_use& u) noexcept {
  // After Depth has shrunk, as if all others held what they may: then together they add nothing
  // beyond it.
  const std::int32_t ceiling = u.share + std::min(0, u.list.room());
  u.m.bounds(0, std::clamp(ceiling, 0, lookaside_list::magazine_capacity));
}

void take_share(processor& p, lookaside_use& u, std::int32_t count) {
  u.granted = 0;
  if (p.card_lost()) return pop_in_host(u, 0, count);
  const std::uint64_t words[] = {
      counts_to_tell(u), regs::lookaside_share::take.set(0, static_cast<std::uint32_t>(count))};
  p.submit(u, regs::opcode::share, 0, false, words);
  p.wait_for_answers(u);
  u.share += u.granted;
  u.list.add_reserved(u.granted);
}

void give_share(processor& p, lookaside_use& u, std::int32_t count) {
  if (count <= 0) return;
  const std::uint64_t words[] = {
      counts_to_tell(u), regs::lookaside_share::give.set(0, static_cast<std::uint32_t>(count))};
  p.submit(u, regs::opcode::share, 0, false, words);
  p.ring();
  u.share -= count;
  u.list.add_reserved(-count);
}

std::vector<void*> take_entries(lookaside_use& u) {
  if (u.m.frozen()) u.m.thaw();
  std::vector<void*> entries = std::move(u.kept);
  u.kept.clear();
  for (std::int32_t i = 0; i < u.m.size(); ++i) entries.push_back(u.m.get(i).pointer);
  u.m.resize(0);
  return entries;
}

void flush(processor& p, lookaside_use& u, orphans& left) {
  const std::vector<void*> entries = take_entries(u);
  u.m.bounds(0, 0);
  push_to_card(p, u, entries, u.share);
  make_orphans(u.list, u.refused, left);
  tell_counts(p, u);
  p.wait_for_answers(u);
  if (u.active) u.list.leave();
  u.active = false;
}

void flush_lookasides(processor& p, orphans& left) {
  p.each_use([&](lookaside_use& u) {
    flush(p, u, left);
    if (!lookaside_magazines()) u.m.freeze();
  });
}

void begin_sharing(core& c, lookaside_list& list) {
  const std::lock_guard lock(list.mutex);
  if (list.shared()) return;
  const std::lock_guard registry_lock(c.processors.mutex);
  list.set_shared();
  heavy_fence();
  c.processors.each([&](processor& p) {
    const lookaside_use* u = p.find(list);
    // It may be in the middle of counting as the only one. That is a few instructions, and needs no
    // lock.
    while (u != nullptr && u->busy.load(std::memory_order_seq_cst)) std::this_thread::yield();
  });
}

void balance(core& c, lookaside_list& list) {
  orphans left;
  {
    const std::lock_guard lock(list.mutex);
    if (list.balanced()) return;
    const std::uint32_t changes = list.changes();
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([&](processor& p) {
      lookaside_use* u = p.find(list);
      if (u == nullptr || !u->active) return;
      const std::uint64_t calls = u->calls();
      if (calls == u->calls_at_balance && !u->calling) {
        u->active = false;
        list.leave();
      }
      u->calls_at_balance = calls;
    });
    const auto target = [&](const lookaside_use& u) { return u.active ? list.fair() : 0; };
    bool any = false;
    c.processors.each([&](processor& p) {
      lookaside_use* u = p.find(list);
      if (u == nullptr) return;
      if (u->share > target(*u)) {
        u->m.freeze();
        any = true;
      } else if (!u->m.frozen()) {
        set_bounds(*u);
      }
    });
    if (any) heavy_fence();
    c.processors.each([&](processor& p) {
      lookaside_use* u = p.find(list);
      if (u != nullptr && u->m.frozen()) cut(p, *u, target(*u), left);
    });
    list.set_balanced(changes);
  }
  free_orphans(left);
}

namespace {

std::vector<void*> take_store(lookaside_list& list) {
  const std::lock_guard lock(list.mutex);
  std::vector<void*> entries(list.store.rbegin(), list.store.rend());
  list.store.clear();
  return entries;
}

// All that the card has, newest first. Under self's lock.
void pop_all(processor& self, lookaside_use& u, std::vector<void*>& entries) {
  do {
    pop_from_card(self, u, regs::max_pop, 0);
    entries.insert(entries.end(), u.popped.begin(), u.popped.end());
  } while (!u.popped.empty());
}

}  // namespace

std::vector<void*> take_all(core& c, processor& self, lookaside_list& list) {
  if (list.host_backed()) return take_store(list);
  std::vector<void*> entries;
  orphans left;
  const std::lock_guard lock(list.mutex);
  const std::lock_guard registry_lock(c.processors.mutex);
  c.processors.each([&](processor& p) {
    if (lookaside_use* u = p.find(list)) u->m.freeze();
  });
  heavy_fence();
  c.processors.each([&](processor& p) {
    // An owner that has thawed its magazine meanwhile is in a call, and keeps what it has.
    lookaside_use* u = p.find(list);
    if (u != nullptr && u->m.frozen()) cut(p, *u, 0, left);
  });
  const std::lock_guard self_lock(self.mutex);
  pop_all(self, self.use_of(list), entries);
  for (const orphan& o : left) entries.push_back(o.entry);
  return entries;
}

std::vector<void*> retire(core& c, processor& self, lookaside_list& list) {
  if (list.host_backed()) return take_store(list);
  std::vector<void*> entries;
  const std::lock_guard lock(list.mutex);
  const std::lock_guard registry_lock(c.processors.mutex);
  c.processors.each([&](processor& p) {
    if (lookaside_use* u = p.find(list)) u->m.freeze();
    // No line may be left that names this list: its number will have another owner.
    p.start_drain();
  });
  heavy_fence();
  c.processors.each([&](processor& p) {
    p.drain();
    lookaside_use* u = p.find(list);
    if (u == nullptr) return;
    tell_counts(p, *u);
    p.drain();
    const std::vector<void*> mine = take_entries(*u);
    entries.insert(entries.end(), mine.rbegin(), mine.rend());
    p.forget(list);
  });
  const std::lock_guard self_lock(self.mutex);
  pop_all(self, self.use_of(list), entries);
  self.forget(list);
  return entries;
}

void set_lookaside_magazines(core& c, bool on) {
  orphans left;
  magazines_on.store(on, std::memory_order_relaxed);
  if (!on) {
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([](processor& p) { p.each_use([](lookaside_use& u) { u.m.freeze(); }); });
    heavy_fence();
    c.processors.each(
        [&](processor& p) { p.each_use([&](lookaside_use& u) { cut(p, u, 0, left); }); });
  }
  free_orphans(left);
}

}  // namespace exalloc
