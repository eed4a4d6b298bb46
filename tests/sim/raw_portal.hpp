// A portal driven by hand: lines in, lines out, no library between.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <stdexcept>
#include <vector>

#include "card/soft_line.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::test {

class raw_portal {
 public:
  raw_portal(card& c, unsigned index, unsigned ring_log2, unsigned domain)
      : card_(c),
        base_(regs::offset::portals_base + index * regs::offset::portals_stride),
        size_(1u << ring_log2),
        submission_(c.allocate(size_ * sizeof(line))),
        completion_(c.allocate(size_ * sizeof(line))) {
    put_base(regs::offset::submission_base_low, submission_->device_address());
    put_base(regs::offset::completion_base_low, completion_->device_address());
    std::uint64_t w = regs::portal_config::enable.set(0, 1);
    w = regs::portal_config::ring_log2.set(w, ring_log2);
    w = regs::portal_config::domain.set(w, domain);
    write(regs::offset::portal_config, static_cast<std::uint32_t>(w));
  }
  ~raw_portal() {
    write(regs::offset::portal_config, 0);
    while (regs::portal_status::busy.get(read(regs::offset::portal_status))) card_.relax();
  }

  unsigned lines() const { return size_; }

  // Writes a line with the right phase; phase_flip makes it wrong. Nothing is announced yet.
  void push(line l, bool phase_flip = false) {
    const std::uint64_t phase = (1 ^ (tail_ / size_ & 1)) ^ (phase_flip ? 1u : 0u);
    l.header = regs::submission_header::phase.set(l.header, phase);
    ring(*submission_)[tail_ % size_] = l;
    ++tail_;
  }
  void doorbell() { raw_doorbell(tail_, consumed_); }
  void raw_doorbell(std::uint16_t tail, std::uint16_t consumed) {
    std::uint64_t w = regs::doorbell::tail.set(0, tail);
    w = regs::doorbell::completion_head.set(w, consumed);
    write(regs::offset::doorbell, static_cast<std::uint32_t>(w));
  }
  // The next completion line, if it is there.
  bool poll(line& out) {
    line& l = ring(*completion_)[consumed_ % size_];
    const std::uint64_t header = std::atomic_ref(l.header).load(std::memory_order_acquire);
    if (regs::completion_header::phase.get(header) != (1 ^ (consumed_ / size_ & 1))) return false;
    out = l;
    ++consumed_;
    return true;
  }
  line wait() {
    line out;
    for (int i = 0; i < 100'000; ++i) {
      if (poll(out)) return out;
      card_.relax();
    }
    throw std::runtime_error("the card does not answer");
  }
  std::uint32_t read(std::uint32_t offset) { return card_.read(base_ + offset); }
  void write(std::uint32_t offset, std::uint32_t value) { card_.write(base_ + offset, value); }

 private:
  void put_base(std::uint32_t offset, std::uint64_t address) {
    write(offset, static_cast<std::uint32_t>(address));
    write(offset + 4, static_cast<std::uint32_t>(address >> 32));
  }
  static line* ring(dma_memory& m) { return reinterpret_cast<line*>(m.data()); }

  card& card_;
  std::uint32_t base_;
  unsigned size_;
  std::unique_ptr<dma_memory> submission_, completion_;
  std::uint16_t tail_ = 0, consumed_ = 0;
};

inline line make_line(regs::opcode op, unsigned list, unsigned count, bool ack = false,
                      unsigned cookie = 0) {
  namespace sub = regs::submission_header;
  line l;
  l.header = sub::opcode.set(l.header, static_cast<unsigned>(op));
  l.header = sub::list.set(l.header, list);
  l.header = sub::count.set(l.header, count);
  l.header = sub::ack.set(l.header, ack);
  l.header = sub::cookie.set(l.header, cookie);
  return l;
}

// What the host counted since its last line.
struct call_deltas {
  unsigned allocates = 0, allocate_misses = 0, frees = 0, free_misses = 0;
};

inline line make_lookaside_line(regs::opcode op, unsigned list, unsigned count, bool call,
                                const call_deltas& d) {
  namespace c = regs::lookaside_counts;
  line l = make_line(op, list, count);
  l.header = regs::submission_header::call.set(l.header, call);
  std::uint64_t w = c::allocates.set(0, d.allocates);
  w = c::allocate_misses.set(w, d.allocate_misses);
  w = c::frees.set(w, d.frees);
  soft::set_word(l, soft::second_word, c::free_misses.set(w, d.free_misses));
  return l;
}
inline line make_pop(unsigned list, unsigned count, bool call = false, const call_deltas& d = {}) {
  return make_lookaside_line(regs::opcode::pop, list, count, call, d);
}
inline line make_push(unsigned list, const std::vector<std::uint64_t>& entries, bool call = false,
                      const call_deltas& d = {}, unsigned give = 0) {
  line l =
      make_lookaside_line(regs::opcode::push, list, static_cast<unsigned>(entries.size()), call, d);
  l.header = regs::submission_header::give.set(l.header, give);
  for (unsigned i = 0; i < entries.size(); ++i) {
    soft::set_word(l, soft::first_entry + i, entries[i]);
  }
  return l;
}
inline line make_share(unsigned list, unsigned take, unsigned give, const call_deltas& d = {}) {
  line l = make_lookaside_line(regs::opcode::share, list, 0, false, d);
  const std::uint64_t w = regs::lookaside_share::take.set(0, take);
  soft::set_word(l, soft::first_entry, regs::lookaside_share::give.set(w, give));
  return l;
}

// A register of a window.
inline std::uint32_t list_register(unsigned list, std::uint32_t which) {
  return regs::offset::lists_base + list * regs::offset::lists_stride + which;
}
inline std::uint32_t lookaside_register(unsigned list, std::uint32_t which) {
  return regs::offset::lookasides_base + list * regs::offset::lookasides_stride + which;
}
inline std::uint32_t stream_register(unsigned port, std::uint32_t which) {
  return regs::offset::streams_base + port * regs::offset::streams_stride + which;
}
inline std::uint32_t counter_register(regs::counter which) {
  return regs::offset::counters_base +
         static_cast<std::uint32_t>(which) * regs::offset::counters_stride;
}

inline std::uint32_t stream_config(bool pop, bool push, unsigned list, unsigned domain) {
  namespace c = regs::stream_config;
  std::uint64_t w = c::push.set(c::pop.set(0, pop), push);
  return static_cast<std::uint32_t>(c::domain.set(c::list.set(w, list), domain));
}

// Runs a command to its end and returns command_result.
inline std::uint32_t command(card& c, regs::command what, unsigned list, unsigned domain = 0,
                             std::uint32_t slab = 0, std::uint32_t count = 0, unsigned limit = 63) {
  std::uint64_t w = regs::command_list::list.set(0, list);
  w = regs::command_list::domain.set(w, domain);
  c.write(regs::offset::command_list, static_cast<std::uint32_t>(w));
  c.write(regs::offset::command_slab, slab);
  c.write(regs::offset::command_count, count);
  c.write(regs::offset::command_limit, limit);
  c.write(regs::offset::command, static_cast<std::uint32_t>(what));
  while (regs::card_status::command_busy.get(c.read(regs::offset::card_status))) c.relax();
  return c.read(regs::offset::command_result);
}

inline std::uint32_t lookaside_open(card& c, unsigned list, unsigned domain, unsigned depth,
                                    unsigned minimum, unsigned maximum) {
  namespace d = regs::command_depth;
  const std::uint64_t w = d::maximum.set(d::minimum.set(d::depth.set(0, depth), minimum), maximum);
  c.write(regs::offset::command_depth, static_cast<std::uint32_t>(w));
  return command(c, regs::command::lookaside_open, list, domain);
}

inline regs::status status_of(std::uint32_t command_result) {
  return static_cast<regs::status>(regs::command_result::status.get(command_result));
}

inline void wait_ready(card& c) {
  for (int i = 0; !regs::card_status::ready.get(c.read(regs::offset::card_status)); ++i) {
    if (i > 100'000) throw std::runtime_error("the card does not become ready");
    c.relax();
  }
}

}  // namespace exalloc::test
