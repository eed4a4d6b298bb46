#include "processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "errors.hpp"
#include "line_codec.hpp"

namespace exalloc {
namespace {

// From so many lines on, ringing for them pays: more than 128 blocks.
constexpr std::uint32_t lines_per_doorbell = 10;
// What moves between the rings and a magazine of 128 or more at once: so many calls go by until the
// next time.
constexpr std::int32_t at_once = 64;
static_assert(at_once == bundle::tokens_each);
// Releases are not answered; every so often one has to be, so that the host knows how far the card
// is.
constexpr std::uint32_t lines_per_ack = 32;
// Of lists of which a processor may have less than this on the way, it has none ahead of need: what
// it would hold, another one may need.
constexpr std::uint32_t least_stock = 16;
constexpr std::uint32_t first_stock = 512;
constexpr std::uint32_t most_stock = 1024;
// Bundles pass through a depot only where a processor may have two of them.
constexpr std::uint32_t least_bundles = 2;
// With so many left, a processor asks the depot for more.
constexpr std::uint32_t few_bundles = 2;
// A card that is a program executes what is asked of it in the asking thread.
constexpr std::uint32_t most_asked = 256;
// The first look, after so long by the card's time, whether it has stopped a portal that is waited
// for; each further one comes after four times as long.
constexpr std::uint64_t first_look_ns = 200'000;
// Calls for each block that came from the card or went to it: fewer, and more are to be on the way;
// more, and they need not be so many.
constexpr std::uint64_t busy_calls = 4;
constexpr std::uint64_t calm_calls = 32;
constexpr std::uint32_t tokens_of_a_line = 16;  // in memory

}  // namespace

processor::processor(driver& d, const token_table& tokens,
                     const std::atomic<std::uint32_t>& processors, std::uint32_t portal_number)
    : driver_(d),
      tokens_(tokens),
      processors_(processors),
      portal_(d.device(), portal_number, d.lost()) {
  if (!d.lost()) {
    try {
      portal_.enable();
    } catch (const std::exception& e) {
      d.lose(fmt::format("setting up portal {} failed: {}", portal_number, e.what()));
    }
  }
  // What has no use number has the first use, of which nothing holds.
  for (std::uint32_t kind = 0; kind < std::size(front.by_size); ++kind)
    for (std::size_t i = 0; i < EXALLOC_POOL_SIZES; ++i)
      front.by_size[kind][i] = &uses[pool_use_numbers::table[kind][i]];
  front.last = &uses[pool_use_numbers::none];
}

void processor::forget_thread() {
  owner.forget();
  for (std::size_t number = 0; number < magazines_.size(); ++number)
    if (magazines_[number] != nullptr) forget_frozen(number);
  for (const auto& u : lookasides_) {
    if (u == nullptr) continue;
    u->busy.store(false, std::memory_order_relaxed);
    u->calling = false;
    u->list.add_held(-static_cast<std::int32_t>(u->list.on_card.forget()));
  }
}

void processor::ring() {
  if (driver_.lost()) return;
  try {
    portal_.ring();
  } catch (const std::exception& e) {
    driver_.lose(fmt::format("the doorbell of portal {} failed: {}", portal_.number(), e.what()));
  }
}

template <class Done>
bool processor::wait_for(Done&& done) {
  if (driver_.lost()) return false;
  ring();
  consume();
  if (done()) return true;
  card& device = driver_.device();
  const std::uint64_t start = device.now_ns();
  std::uint64_t next_look = first_look_ns;
  ++slow.waits;
  bool arrived = false;
  try {
    for (patience waiting(driver_.timeout()); !driver_.lost();) {
      device.relax();
      consume();
      if ((arrived = done())) break;
      // Consuming may have made the room that the card waits for.
      if (portal_.unreported() > 8) ring();
      const bool exhausted = waiting.exhausted();
      const bool long_ago = device.now_ns() - start >= next_look;
      if (long_ago) next_look *= 4;
      if (!exhausted && !waiting.another_tenth() && !long_ago) continue;
      if (portal_.failed()) {
        driver_.lose(fmt::format("it has stopped portal {} after a bus error", portal_.number()));
      } else if (exhausted) {
        const portal::line_name line = portal_.oldest();
        driver_.lose(fmt::format(
            "portal {} has had no answer to its {} line of list {} for {} ms "
            "(EXALLOC_TIMEOUT_MS)",
            portal_.number(), regs::to_string(line.opcode), line.list, driver_.timeout().count()));
      }
    }
    slow.waited_ns += device.now_ns() - start;
  } catch (const std::exception& e) {
    driver_.lose(fmt::format("waiting at portal {} failed: {}", portal_.number(), e.what()));
  }
  return arrived;
}

magazine& processor::magazine_for(block_list& list) {
  auto& m = magazines_[list.number()];
  if (m == nullptr) {
    if (spare_.empty()) {
      m = magazine::make();
      m->parked.reserve(std::size_t{2} * most_stock);
      spare_.reserve(magazines_.size());
    } else {
      m = std::move(spare_.back());
      spare_.pop_back();
    }
    m->prepare(list.states());
    m->list = &list;
    m->stock_wanted = first_stock;
    lists_[list.number()] = {&list, list.generation()};
    if (list.shared()) {
      m->freeze();
    } else {
      set_bounds(*m, list);
    }
    list.describe(*m);
  }
  return *m;
}

const magazine::limits& processor::limits_of(magazine& m, const block_list& list) const noexcept {
  magazine::limits& now = m.allowed;
  const std::uint64_t total = list.total();
  const std::uint32_t processors = std::max(1U, processors_.load(std::memory_order_relaxed));
  if (now.total == total && now.processors == processors) return now;
  // A processor's share: one part in so many of the list's blocks.
  const auto share = [&](std::uint64_t parts, std::uint64_t most) {
    return static_cast<std::uint32_t>(
        std::min(std::max<std::uint64_t>(total / (parts * processors), list.least_share()), most));
  };
  now.total = total;
  now.processors = processors;
  now.capacity =
      static_cast<std::int32_t>(std::max(share(4, std::uint64_t{magazine::capacity}), 1U));
  now.stock = share(8, most_stock);
  if (now.stock < least_stock) now.stock = 0;
  now.bundles = std::min(now.stock / bundle::tokens_each, bundle_stash::most - 1);
  now.depot_bundles = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(total / 4 / bundle::tokens_each, depot::most));
  if (now.bundles < least_bundles || now.capacity < 2 * at_once)
    now.bundles = now.depot_bundles = 0;
  return now;
}

bool processor::thaw(magazine& m, const block_list& list) {
  if (!m.frozen()) return true;
  if (list.shared()) return false;
  m.thaw();
  set_bounds(m, list);
  return true;
}

void processor::set_bounds(magazine& m, const block_list& list) {
  // Step by step, as that much memory is touched.
  const std::int32_t ceiling = std::max(m.reach(), m.size() + at_once);
  m.bounds(0, std::min(limits_of(m, list).capacity, ceiling));
}

void processor::adapt(magazine& m, std::uint32_t moved) noexcept {
  if (moved == 0) return;
  const std::uint64_t calls = m.calls() - m.calls_at_move;
  m.calls_at_move += calls;
  if (calls <= busy_calls * moved) {
    m.stock_wanted = std::min(2 * m.stock_wanted, most_stock);
  } else if (calls > calm_calls * moved) {
    m.stock_wanted = std::max(m.stock_wanted / 2, least_stock);
  }
}

void processor::ask_ahead(magazine& m, const block_list& list) {
  const magazine::limits& most = limits_of(m, list);
  const bool passing = list.bundles() != nullptr && most.bundles != 0;
  std::uint32_t wanted = std::min(m.stock_wanted, most.stock);
  const std::size_t there = m.parked.size() + m.asked + m.stash.full * bundle::tokens_each;
  if (wanted != 0 && there <= wanted / 4 && !(passing && has_bundle(m, list))) {
    if (passing) wanted = std::min(wanted, most_asked);
    adapt(m, wanted);
    ask(m, list, wanted);
    ring();
  }
  set_bounds(m, list);
}

bool processor::fetch(magazine& m, const block_list& list) {
  if (m.size() > 0) return true;
  if (has_bundle(m, list)) {
    open_bundle(m, list);
    return true;
  }
  const magazine::limits& most = limits_of(m, list);
  consume(m, static_cast<std::size_t>(std::min(most.capacity, at_once)));
  fill(m, list);
  // An answer to an earlier request may be out of date: only one asked for now says that the card
  // has none.
  for (bool fresh = m.asked_lines == 0; m.size() == 0; fresh = true) {
    if (m.asked_lines == 0)
      ask(m, list,
          std::max(static_cast<std::uint32_t>(std::min(most.capacity, 2 * at_once)),
                   std::min(m.stock_wanted, most.stock)));
    const bool alive = wait_for([&] { return m.asked_lines == 0 || !m.parked.empty(); });
    fill(m, list);
    if (m.size() != 0 || (!fresh && alive)) continue;
    // The depot may have been busy.
    take_bundles(m, list, true);
    unpack(m);
    fill(m, list);
    return m.size() != 0;
  }
  return true;
}

bool processor::has_bundle(magazine& m, const block_list& list) noexcept {
  if (limits_of(m, list).bundles == 0) return false;
  // Ahead of need: then it does not matter if the depot is busy.
  if (m.stash.full <= few_bundles) take_bundles(m, list, false);
  return m.stash.full != 0;
}

void processor::open_bundle(magazine& m, const block_list& list) noexcept {
  bundle_stash& s = m.stash;
  fill_with(m, list, s.newest().tokens);
  --s.full;
  // What the next calls need was written by other processors: the state bytes of the next bundle's
  // blocks, the tokens of the one after it, the depot.
  if (s.full > 0)
    for (std::uint32_t i = 0; i < bundle::tokens_each; i += tokens_of_a_line)
      __builtin_prefetch(&list.state(s.newest().tokens[i]), 1);
  if (s.full > 1)
    for (std::uint32_t i = 0; i < bundle::tokens_each; i += tokens_of_a_line)
      __builtin_prefetch(&s.at[s.full - 2]->tokens[i], 1);
  if (s.full <= few_bundles) list.bundles()->prefetch();
  set_bounds(m, list);
}

void processor::take_bundles(magazine& m, const block_list& list, bool surely) noexcept {
  depot* d = list.bundles();
  bundle_stash& s = m.stash;
  const std::uint32_t before = s.full, most = limits_of(m, list).bundles;
  if (d == nullptr || before >= most) return;
  const std::uint32_t taken = surely ? d->take_surely(s, most - before) : d->take(s, most - before);
  slow.passed_on += std::uint64_t{taken} * bundle::tokens_each;
  // What was here is opened first: by then the others' tokens have come.
  if (taken != 0 && before != 0)
    std::rotate(s.at.begin(), s.at.begin() + before, s.at.begin() + s.full);
}

bool processor::spill_bundle(magazine& m, const block_list& list) noexcept {
  depot* d = list.bundles();
  bundle_stash& s = m.stash;
  const magazine::limits& most = limits_of(m, list);
  if (d == nullptr || most.bundles == 0 || m.size() > most.capacity || !s.has_empty()) return false;
  encode_line(list.states(), m.newest(at_once), s.at[s.full]->tokens);
  ++s.full;
  m.resize(m.size() - at_once);
  // One stays, for a thread that allocates and frees in turn.
  if (s.full >= most.bundles) d->put(s, s.full - 1, most.depot_bundles);
  return true;
}

bool processor::push_quickly(magazine& m, const block_list& list, const block& b) noexcept {
  const magazine::limits& most = limits_of(m, list);
  if (m.size() < most.capacity || m.stash.full >= most.bundles || !spill_bundle(m, list))
    return false;
  m.put(m.size(), b);
  m.resize(m.size() + 1);
  set_bounds(m, list);
  return true;
}

void processor::unpack(magazine& m) {
  bundle_stash& s = m.stash;
  for (std::uint32_t i = 0; i < s.full; ++i)
    m.parked.insert(m.parked.end(), s.at[i]->tokens.begin(), s.at[i]->tokens.end());
  s.full = 0;
}

void processor::push(magazine& m, const block_list& list, const block& b) {
  const magazine::limits& most = limits_of(m, list);
  const std::int32_t capacity = most.capacity;
  if (m.size() >= capacity && spill_bundle(m, list)) {
    // The depot is full, too.
    for (int i = 0; i < 2 && m.stash.full >= most.bundles; ++i, --m.stash.full)
      release(list, m.stash.newest().tokens.data(), bundle::tokens_each);
  } else if (m.size() >= capacity) {
    const std::int32_t surplus = m.size() - capacity;
    spill(m, list, std::max(surplus + std::min(at_once, (capacity + 1) / 2), 1));
    const std::uint32_t stock = std::min(m.stock_wanted, most.stock);
    if (m.parked.size() > stock) {
      adapt(m, stock / 2);
      consume();
      release_parked(m, list, m.parked.size() - stock / 2);
    }
    // What a small list has must not wait in an unread line.
    if (capacity < static_cast<std::int32_t>(regs::tokens_per_line)) ring();
  }
  m.put(m.size(), b);
  m.resize(m.size() + 1);
  set_bounds(m, list);
}

void processor::fill(magazine& m, const block_list& list) {
  if (m.parked.empty()) return;
  const auto room = static_cast<std::size_t>(std::min(limits_of(m, list).capacity, at_once));
  const std::size_t count = std::min(room, m.parked.size());
  const std::size_t first = m.parked.size() - count;
  fill_with(m, list, std::span(m.parked).subspan(first));
  m.parked.resize(first);
  set_bounds(m, list);
}

void processor::fill_with(magazine& m, const block_list& list,
                          std::span<const std::uint32_t> tokens) noexcept {
  const std::size_t count = tokens.size();
  // The card hands out lowest addresses first; so does the magazine, which is popped from its top.
  if (!decode_line(list.first_run(), list.states(), tokens, m.room())) {
    const std::int32_t n = m.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t token = tokens[count - 1 - i];
      m.put(n + static_cast<std::int32_t>(i), {tokens_.pointer(token), token});
    }
  }
  m.resize(m.size() + static_cast<std::int32_t>(count));
}

void processor::spill(magazine& m, const block_list& list, std::int32_t count) {
  count = std::min(count, m.size());
  const std::size_t before = m.parked.size();
  m.parked.resize(before + static_cast<std::size_t>(count));
  encode_line(list.states(), m.newest(count), std::span(m.parked).subspan(before));
  m.resize(m.size() - count);
}

void processor::release_parked(magazine& m, const block_list& list, std::size_t count) {
  release(list, m.parked.data(), count);
  m.parked.erase(m.parked.begin(), m.parked.begin() + static_cast<std::ptrdiff_t>(count));
}

void processor::flush() {
  drain();
  for (std::size_t number = 0; number < magazines_.size(); ++number) {
    if (magazines_[number] == nullptr) continue;
    magazine& m = *magazines_[number];
    const block_list& list = *lists_[number].list;
    // With a lost card the state bytes say what is free. In scarce mode there is nothing but
    // perhaps a block pushed at the last moment, which a sweep finds.
    if (driver_.lost()) {
      forget_frozen(number);
      continue;
    }
    m.forget_popped();
    if (!thaw(m, list)) continue;
    spill(m, list, m.size());
    unpack(m);
    release_parked(m, list, m.parked.size());
    m.clear();
    set_bounds(m, list);
  }
  drain();
}

void processor::forget_frozen(std::size_t number) {
  magazine& m = *magazines_[number];
  m.freeze();
  // What it has withheld, whoever looks through the state bytes next will find. Without the list's
  // mutex: a call that has just looked may go on without that block, as this thread was in a call.
  if (m.take_withheld() != 0) lists_[number].list->set_rescued(false);
  m.clear();
}

bool processor::release(const block_list& list, const std::uint32_t* tokens, std::size_t count) {
  bool sent = true;
  while (count != 0 && sent) {
    const std::size_t now = std::min<std::size_t>(count, regs::tokens_per_line);
    sent = submit(regs::opcode::release, list, static_cast<std::uint32_t>(now), tokens, now);
    tokens += now;
    count -= now;
  }
  if (portal_.unrung() >= lines_per_doorbell) ring();
  return sent;
}

void processor::ask(magazine& m, const block_list& list, std::uint32_t count) {
  m.asked += count;
  while (count != 0) {
    const std::uint32_t now = std::min(count, regs::max_grant);
    ++m.asked_lines;
    submit(regs::opcode::grant, list, now, nullptr, 0);
    count -= now;
  }
}

bool processor::submit(regs::opcode opcode, const block_list& list, std::uint32_t count,
                       const std::uint32_t* tokens, std::size_t token_count) {
  if (portal_.full()) wait_for([&] { return !portal_.full(); });
  if (driver_.lost()) return false;
  // Only now: a lost card's kernels have no block that was not given to it.
  if (opcode == regs::opcode::release && list.streamed())
    for (std::size_t i = 0; i < token_count; ++i)
      list.state(tokens[i]).store(block_state::away, std::memory_order_relaxed);
  const bool ack = opcode == regs::opcode::release && ++lines_unanswered_ >= lines_per_ack;
  if (ack || opcode != regs::opcode::release) lines_unanswered_ = 0;
  portal_.submit(opcode, list.number(), list.generation(), count, {tokens, token_count}, ack);
  return true;
}

void processor::start_drain() {
  if (driver_.lost()) return;
  consume();
  if (!portal_.idle()) {
    if (portal_.full()) wait_for([&] { return !portal_.full(); });
    if (driver_.lost()) return;
    portal_.submit(regs::opcode::sync, 0, 0, 0, {});
    lines_unanswered_ = 0;
  }
  ring();
}

bool processor::drain() {
  start_drain();
  return wait_for([&] { return portal_.idle(); });
}

bool processor::grant_now(block_list& list, std::uint32_t count) {
  magazine& m = magazine_for(list);
  ask(m, list, count);
  return wait_for([&] { return m.asked_lines == 0; });
}

bool processor::recall(const block_list& list) {
  ++recalls_pending_;
  submit(regs::opcode::recall, list, 0, nullptr, 0);
  return wait_for([&] { return recalls_pending_ == 0; });
}

void processor::forget(const block_list& list) {
  auto& m = magazines_[list.number()];
  if (m == nullptr) return;
  retired_pops_ += m->pops();
  retired_pushes_ += m->pushes();
  m->serve_nothing();
  spare_.push_back(std::move(m));
  lists_[list.number()] = {};
}

void processor::take(const completion& c) {
  if (c.opcode == regs::opcode::pop || c.opcode == regs::opcode::push ||
      c.opcode == regs::opcode::share)
    return take_answer(c);
  if (c.opcode == regs::opcode::sync) return;
  if (c.opcode == regs::opcode::recall) {
    --recalls_pending_;
    return;
  }
  if (c.status != regs::status::ok && c.status != regs::status::empty) refused(c);
  if (c.opcode != regs::opcode::grant || c.list >= magazines_.size()) return;
  magazine* m = magazines_[c.list].get();
  // A line of a list that was retired meanwhile: its blocks are nobody's.
  if (m == nullptr || lists_[c.list].generation != c.cookie) return;
  if (c.status == regs::status::ok || c.status == regs::status::empty) {
    if (const block_list& list = *lists_[c.list].list; list.streamed())
      for (std::uint32_t i = 0; i < c.count; ++i)
        list.state(c.tokens[i]).store(block_state::free, std::memory_order_relaxed);
    m->parked.insert(m->parked.end(), c.tokens.begin(), c.tokens.begin() + c.count);
    m->asked -= std::min(m->asked, c.count);
  }
  if (c.last && --m->asked_lines == 0) m->asked = 0;
}

void processor::consume() {
  completion c;
  // What a lost card may still answer is nobody's any more: the host has all free blocks.
  while (!driver_.lost() && portal_.receive(c)) take(c);
  report_consumed();
}

void processor::consume(magazine& m, std::size_t wanted) {
  completion c;
  while (m.parked.size() < wanted && !driver_.lost() && portal_.receive(c)) take(c);
  report_consumed();
}

void processor::report_consumed() {
  // A card that waits for room in this ring has to hear of it.
  if (portal_.unreported() >= portal::ring_lines / 2) ring();
}

lookaside_use& processor::use_of(lookaside_list& list) {
  auto& u = lookasides_[list.number()];
  if (u == nullptr) u = std::make_unique<lookaside_use>(list, list.add_counter());
  return *u;
}

void processor::submit(lookaside_use& u, regs::opcode opcode, std::uint32_t count, bool call,
                       std::span<const std::uint64_t> words, std::uint32_t give) {
  if (portal_.full()) wait_for([&] { return !portal_.full(); });
  if (driver_.lost()) return;
  std::array<std::uint32_t, regs::tokens_per_line> halves;
  for (std::size_t i = 0; i < words.size(); ++i) {
    halves[2 * i] = static_cast<std::uint32_t>(words[i]);
    halves[2 * i + 1] = static_cast<std::uint32_t>(words[i] >> 32);
  }
  lines_unanswered_ = 0;
  ++u.unanswered;
  portal_.submit(opcode, u.list.number(), u.list.generation(), count,
                 {halves.data(), 2 * words.size()}, false, call, give);
}

bool processor::wait_for_answers(lookaside_use& u) {
  if (wait_for([&] { return u.unanswered == 0; })) return true;
  u.unanswered = 0;
  return false;
}

void processor::forget(const lookaside_list& list) {
  auto& u = lookasides_[list.number()];
  if (u == nullptr) return;
  retired_pops_ += u->pops();
  retired_pushes_ += u->pushes();
  u.reset();
}

void processor::take_answer(const completion& c) {
  const bool executed = c.status == regs::status::ok || c.status == regs::status::empty ||
                        c.status == regs::status::full;
  if (!executed) return refused(c);
  lookaside_use* u = c.list < lookasides_.size() ? lookasides_[c.list].get() : nullptr;
  if (u == nullptr || u->list.generation() != c.cookie) return;
  const auto word = [&](std::uint32_t i) {
    return std::uint64_t{c.tokens[2 * i]} | std::uint64_t{c.tokens[2 * i + 1]} << 32;
  };
  std::array<void*, regs::entries_per_line> entries{};
  const std::uint32_t count = std::min(c.count, regs::entries_per_line);
  for (std::uint32_t i = 0; i < count; ++i) entries[i] = reinterpret_cast<void*>(word(1 + i));
  u->list.on_card.remove({entries.data(), count},
                         c.opcode == regs::opcode::pop ? u->popped : u->refused);
  if (!c.last) return;
  --u->unanswered;
  const std::uint64_t state = word(0);
  if (c.opcode == regs::opcode::share)
    u->granted = static_cast<std::int32_t>(regs::lookaside_state::granted.get(state));
  u->list.learn(static_cast<std::int32_t>(regs::lookaside_state::depth.get(state)));
}

void processor::refused(const completion& c) {
  // All else is refused only by a card that does not know what it has been told, as after a reset.
  if (c.status != regs::status::double_free)
    return driver_.lose(fmt::format("it refuses a {} line of list {}: {}",
                                    regs::to_string(c.opcode), c.list, regs::describe(c.status)));
  error_report e;
  e.cause = regs::to_string(c.status);
  e.list = c.list;
  e.portal = static_cast<std::int32_t>(portal_.number());
  for (std::uint32_t i = 0; i < c.count; ++i) {
    e.token = c.tokens[i];
    e.address = tokens_.pointer(e.token);
    e.what = fmt::format("the card refused a freed block: {}", regs::describe(c.status));
    post_error(e);
  }
  // Freed twice at the same moment, and counted twice.
  if (c.list < lists_.size() && lists_[c.list].list != nullptr &&
      lists_[c.list].generation == c.cookie)
    lists_[c.list].list->count_slow(c.count);
  // The card's own record has room for 16: keep it empty. What completion lines told is not told
  // again.
  driver_.read_errors([this](const driver::error_record& record) {
    if (driver::told_by_record(record))
      post_error(driver::report_of(record, tokens_.pointer(record.token)));
  });
}

processor_stats processor::stats() {
  processor_stats s = slow;
  s.fast_allocations = retired_pops_;
  s.fast_frees = retired_pushes_;
  for (const auto& m : magazines_) {
    if (m == nullptr) continue;
    s.fast_allocations += m->pops();
    s.fast_frees += m->pushes();
  }
  for (const auto& u : lookasides_) {
    if (u == nullptr) continue;
    s.fast_allocations += u->pops();
    s.fast_frees += u->pushes();
  }
  s.lines_submitted = portal_.counts().submitted;
  s.lines_consumed = portal_.counts().consumed;
  s.doorbells = portal_.counts().doorbells;
  s.register_reads = portal_.counts().register_reads;
  return s;
}

}  // namespace exalloc
