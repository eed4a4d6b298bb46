#include "processor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "errors.hpp"

namespace exalloc {
namespace {

// From so many lines on, ringing for them pays.
constexpr std::uint32_t lines_per_doorbell = 8;
// A full magazine gives back four lines, so that as many frees go by until the next time.
constexpr std::int32_t spill_size = 4 * static_cast<std::int32_t>(regs::tokens_per_line);
// Releases are not answered; every so often one has to be, so that the host knows how far the card
// is.
constexpr std::uint32_t lines_per_ack = 32;
// Magazines smaller than this are not refilled ahead of need: what they would hold, another one may
// need.
constexpr std::int32_t ahead_capacity = 32;
// Polls after which a silent card is asked whether it has stopped the portal.
constexpr std::uint32_t polls_until_suspicious = 1'000'000;

}  // namespace

processor::processor(driver& d, const token_table& tokens,
                     const std::atomic<std::uint32_t>& processors, std::uint32_t portal_number)
    : driver_(d), tokens_(tokens), processors_(processors), portal_(d.device(), portal_number) {}

template <class Done>
bool processor::wait_for(Done&& done) {
  portal_.ring();
  consume();
  if (done()) return true;
  card& device = driver_.device();
  const std::uint64_t start = device.now_ns();
  ++slow.waits;
  bool arrived = false;
  for (std::uint32_t polls = 1; !failed_; ++polls) {
    device.relax();
    consume();
    if ((arrived = done())) break;
    // Consuming may have made the room that the card waits for.
    if (portal_.unreported() > 8) portal_.ring();
    if (polls % polls_until_suspicious == 0 && portal_.failed()) {
      failed_ = true;
      post_error(
          {fmt::format(
               "portal {} was stopped by the card after a bus error; its blocks in flight are lost",
               portal_.number()),
           regs::to_string(regs::status::bus_read), nullptr, 0, 0,
           static_cast<std::int32_t>(portal_.number())});
    }
  }
  slow.waited_ns += device.now_ns() - start;
  return arrived;
}

magazine& processor::magazine_for(const block_list& list) {
  auto& m = magazines_[list.number()];
  if (m == nullptr) {
    m = std::make_unique<magazine>();
    m->parked.reserve(std::size_t{2} * regs::max_grant);
    lists_[list.number()] = {&list, list.generation()};
    if (list.shared()) {
      m->freeze();
    } else {
      set_bounds(*m, list);
    }
  }
  return *m;
}

std::int32_t processor::capacity_for(const block_list& list) const noexcept {
  const std::uint64_t share =
      list.total() / (std::uint64_t{4} * std::max(1U, processors_.load(std::memory_order_relaxed)));
  return static_cast<std::int32_t>(std::clamp<std::uint64_t>(share, 1, magazine::capacity));
}

bool processor::thaw(magazine& m, const block_list& list) {
  if (!m.frozen()) return true;
  if (list.shared()) return false;
  m.thaw();
  set_bounds(m, list);
  return true;
}

void processor::set_bounds(magazine& m, const block_list& list) {
  const std::int32_t capacity = capacity_for(list);
  const bool ahead = capacity >= ahead_capacity && m.asked == 0 && m.size() > capacity / 2;
  m.bounds(ahead ? capacity / 2 : 0, capacity);
}

void processor::ask_ahead(magazine& m, const block_list& list) {
  consume();
  const std::int32_t capacity = capacity_for(list);
  if (!m.parked.empty()) {
    fill(m, list);
  } else if (m.asked == 0 && capacity >= ahead_capacity && m.size() <= capacity / 2) {
    ask(m, list, std::min(static_cast<std::uint32_t>(capacity), regs::max_grant));
    portal_.ring();
  }
  set_bounds(m, list);
}

bool processor::fetch(magazine& m, const block_list& list) {
  if (m.size() > 0) return true;
  m.resize(0);
  consume();
  fill(m, list);
  // An answer to an earlier request may be out of date: only one asked for now says that the card
  // has none.
  for (bool fresh = m.asked == 0; m.size() == 0; fresh = true) {
    if (m.asked == 0)
      ask(m, list, std::min(static_cast<std::uint32_t>(capacity_for(list)), regs::max_grant));
    const bool alive = wait_for([&] { return m.asked == 0 || !m.parked.empty(); });
    fill(m, list);
    if (m.size() == 0 && (fresh || !alive)) return false;
  }
  return true;
}

void processor::push(magazine& m, const block_list& list, const block& b) {
  const std::int32_t capacity = capacity_for(list);
  if (m.size() >= capacity) {
    consume();
    if (!m.parked.empty()) {
      release(list, m.parked.data(), m.parked.size());
      m.parked.clear();
    }
    const std::int32_t surplus = m.size() - capacity;
    spill(m, list,
          std::max(surplus + (capacity > spill_size * 2 ? spill_size : (capacity + 1) / 2), 1));
    // What a small list has must not wait in an unread line.
    if (capacity < static_cast<std::int32_t>(regs::tokens_per_line)) portal_.ring();
  }
  m.put(m.size(), b);
  m.resize(m.size() + 1);
  set_bounds(m, list);
}

void processor::fill(magazine& m, const block_list& list) {
  if (m.parked.empty()) return;
  const std::int32_t n = m.size();
  const auto room = static_cast<std::size_t>(magazine::capacity - n);
  const std::size_t count = std::min(room, m.parked.size());
  const std::size_t first = m.parked.size() - count;
  // The card hands out lowest addresses first; so does the magazine, which is popped from its top.
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t token = m.parked[first + count - 1 - i];
    m.put(n + static_cast<std::int32_t>(i), {tokens_.pointer(token), token});
  }
  m.parked.resize(first);
  m.resize(n + static_cast<std::int32_t>(count));
  set_bounds(m, list);
}

void processor::spill(magazine& m, const block_list& list, std::int32_t count) {
  std::array<std::uint32_t, magazine::capacity> tokens;
  count = std::min(count, m.size());
  for (std::int32_t i = 0; i < count; ++i) tokens[static_cast<std::size_t>(i)] = m.get(i).token;
  release(list, tokens.data(), static_cast<std::size_t>(count));
  m.drop_oldest(count);
}

void processor::flush() {
  drain();
  for (std::size_t number = 0; number < magazines_.size(); ++number) {
    if (magazines_[number] == nullptr) continue;
    magazine& m = *magazines_[number];
    const block_list& list = *lists_[number].list;
    // In scarce mode there is nothing but perhaps a block pushed at the last moment, which a sweep
    // finds.
    if (!thaw(m, list)) continue;
    release(list, m.parked.data(), m.parked.size());
    m.parked.clear();
    spill(m, list, m.size());
    set_bounds(m, list);
  }
  drain();
}

void processor::release(const block_list& list, const std::uint32_t* tokens, std::size_t count) {
  if (list.streamed())
    for (std::size_t i = 0; i < count; ++i)
      list.state(tokens[i]).store(block_state::away, std::memory_order_relaxed);
  while (count != 0) {
    const std::size_t now = std::min<std::size_t>(count, regs::tokens_per_line);
    submit(regs::opcode::release, list, static_cast<std::uint32_t>(now), tokens, now);
    tokens += now;
    count -= now;
  }
  if (portal_.unrung() >= lines_per_doorbell) portal_.ring();
}

void processor::ask(magazine& m, const block_list& list, std::uint32_t count) {
  m.asked = count;
  submit(regs::opcode::grant, list, count, nullptr, 0);
}

void processor::submit(regs::opcode opcode, const block_list& list, std::uint32_t count,
                       const std::uint32_t* tokens, std::size_t token_count) {
  if (portal_.full()) wait_for([&] { return !portal_.full(); });
  if (portal_.full()) return;  // the portal has failed, and said so
  const bool ack = opcode == regs::opcode::release && ++lines_unanswered_ >= lines_per_ack;
  if (ack || opcode != regs::opcode::release) lines_unanswered_ = 0;
  portal_.submit(opcode, list.number(), list.generation(), count, {tokens, token_count}, ack);
}

void processor::start_drain() {
  consume();
  if (!portal_.idle()) {
    if (portal_.full()) wait_for([&] { return !portal_.full(); });
    if (portal_.full()) return;
    portal_.submit(regs::opcode::sync, 0, 0, 0, {});
    lines_unanswered_ = 0;
  }
  portal_.ring();
}

bool processor::drain() {
  start_drain();
  return wait_for([&] { return portal_.idle(); });
}

bool processor::grant_now(const block_list& list, std::uint32_t count) {
  magazine& m = magazine_for(list);
  ask(m, list, count);
  return wait_for([&] { return m.asked == 0; });
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
  m.reset();
  lists_[list.number()] = {};
}

void processor::consume() {
  completion c;
  while (portal_.receive(c)) {
    if (c.opcode == regs::opcode::pop || c.opcode == regs::opcode::push ||
        c.opcode == regs::opcode::share) {
      take_answer(c);
      continue;
    }
    if (c.opcode == regs::opcode::sync) continue;
    if (c.opcode == regs::opcode::recall) {
      --recalls_pending_;
      continue;
    }
    if (c.status != regs::status::ok && c.status != regs::status::empty) refused(c);
    if (c.opcode != regs::opcode::grant || c.list >= magazines_.size()) continue;
    magazine* m = magazines_[c.list].get();
    // A line of a list that was retired meanwhile: its blocks are nobody's.
    if (m == nullptr || lists_[c.list].generation != c.cookie) continue;
    if (c.status == regs::status::ok || c.status == regs::status::empty) {
      if (const block_list& list = *lists_[c.list].list; list.streamed())
        for (std::uint32_t i = 0; i < c.count; ++i)
          list.state(c.tokens[i]).store(block_state::free, std::memory_order_relaxed);
      m->parked.insert(m->parked.end(), c.tokens.begin(), c.tokens.begin() + c.count);
    }
    if (c.last) m->asked = 0;
  }
  // A card that waits for room in this ring has to hear of it.
  if (portal_.unreported() >= portal::ring_lines / 2) portal_.ring();
}

lookaside_use& processor::use_of(lookaside_list& list) {
  auto& u = lookasides_[list.number()];
  if (u == nullptr) u = std::make_unique<lookaside_use>(list, list.add_counter());
  return *u;
}

void processor::submit(lookaside_use& u, regs::opcode opcode, std::uint32_t count, bool call,
                       std::span<const std::uint64_t> words, std::uint32_t give) {
  if (portal_.full()) wait_for([&] { return !portal_.full(); });
  if (portal_.full()) return;  // the portal has failed, and said so
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
  retired_pops_ += u->m.pops();
  retired_pushes_ += u->m.pushes();
  u.reset();
}

void processor::take_answer(const completion& c) {
  const bool executed = c.status == regs::status::ok || c.status == regs::status::empty ||
                        c.status == regs::status::full;
  if (!executed) refused(c);
  lookaside_use* u = c.list < lookasides_.size() ? lookasides_[c.list].get() : nullptr;
  if (u == nullptr || u->list.generation() != c.cookie) return;
  const auto word = [&](std::uint32_t i) {
    return std::uint64_t{c.tokens[2 * i]} | std::uint64_t{c.tokens[2 * i + 1]} << 32;
  };
  auto& into = c.opcode == regs::opcode::pop ? u->popped : u->refused;
  for (std::uint32_t i = 0; i < std::min(c.count, regs::entries_per_line); ++i)
    into.push_back(reinterpret_cast<void*>(word(1 + i)));
  if (!c.last) return;
  --u->unanswered;
  if (!executed) {
    u->line_refused = true;
    return;
  }
  const std::uint64_t state = word(0);
  if (c.opcode == regs::opcode::share)
    u->granted = static_cast<std::int32_t>(regs::lookaside_state::granted.get(state));
  u->list.learn(static_cast<std::int32_t>(regs::lookaside_state::depth.get(state)));
}

void processor::refused(const completion& c) {
  error_report e;
  e.cause = regs::to_string(c.status);
  e.list = c.list;
  e.portal = static_cast<std::int32_t>(portal_.number());
  if (c.opcode == regs::opcode::release && c.count != 0) {
    for (std::uint32_t i = 0; i < c.count; ++i) {
      e.token = c.tokens[i];
      e.address = tokens_.pointer(e.token);
      e.what = fmt::format("the card refused a freed block: {}", regs::describe(c.status));
      post_error(e);
    }
    // Freed twice at the same moment, and counted twice.
    if (c.status == regs::status::double_free && c.list < lists_.size() &&
        lists_[c.list].list != nullptr && lists_[c.list].generation == c.cookie)
      lists_[c.list].list->count_slow(c.count);
  } else {
    e.what = fmt::format("the card refused a {} line: {}", regs::to_string(c.opcode),
                         regs::describe(c.status));
    post_error(e);
  }
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
    s.fast_allocations += u->m.pops();
    s.fast_frees += u->m.pushes();
  }
  s.lines_submitted = portal_.counts().submitted;
  s.lines_consumed = portal_.counts().consumed;
  s.doorbells = portal_.counts().doorbells;
  s.register_reads = portal_.counts().register_reads;
  return s;
}

}  // namespace exalloc
