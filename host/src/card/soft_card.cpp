#include "card/soft_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace exalloc::soft {
namespace {

using regs::counter;
using regs::status;

constexpr std::uint32_t lines_of_room = 8;  // a line is executed only while this many answers fit

// Cycles that kernels get in one call; less when they have nothing to do.
constexpr unsigned access_cycles = 64;
constexpr unsigned relax_cycles = 512;
constexpr unsigned longest_run = 4096;
constexpr std::chrono::milliseconds kernel_slice(1);  // while somebody waits for the interrupt

constexpr std::uint64_t cycles_of(std::uint64_t ns) {
  return ns / 1'000'000 * clock_khz + ns % 1'000'000 * clock_khz / 1'000'000;
}

// Some microseconds.
constexpr unsigned tries_until_sleep = 50;
constexpr unsigned pauses = 4;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Opcodes whose list is one of the slab engine's.
constexpr bool names_a_slab_list(regs::opcode op) {
  return (op >= regs::opcode::grant && op <= regs::opcode::sync) || op == regs::opcode::stream;
}

}  // namespace

std::uint32_t soft_card::portal::ring_lines() const {
  return 1u << regs::portal_config::ring_log2.get(config);
}

soft_card::soft_card(const geometry& sizes) : sizes_(sizes), sockets_(sizes.stream_ports) {
  reset();
}
soft_card::~soft_card() = default;

void soft_card::reset() {
  engine_ = std::make_unique<engine>(sizes_);
  portals_ = {};
  errors_.clear();
  errors_lost_ = interrupt_status_ = interrupt_enable_ = 0;
  command_ = {};
  governor_ = {};
  for (socket& s : sockets_) s.pins.pop_valid = s.pins.push_ready = false;
}

std::unique_lock<std::mutex> soft_card::hold() {
  for (unsigned tries = 0; tries < tries_until_sleep; ++tries) {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) return lock;
    for (unsigned i = 0; i < pauses; ++i) pause();
  }
  return std::unique_lock(mutex_);
}

std::uint32_t soft_card::read(std::uint32_t offset) {
  const auto lock = hold();
  catch_up(access_cycles);
  const std::uint32_t value = read_register(offset);
  settle();
  return value;
}

void soft_card::write(std::uint32_t offset, std::uint32_t value) {
  const auto lock = hold();
  catch_up(access_cycles);
  write_register(offset, value);
  settle();
}

void soft_card::relax() {
  {
    const std::lock_guard lock(mutex_);
    if (streams_live()) {
      clock_streams(relax_cycles);
      settle();
    }
  }
  std::this_thread::yield();
}

void soft_card::advance_to(std::uint64_t ns) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = now_ns_.load(std::memory_order_relaxed);
  if (!simulated_) {
    simulated_ = true;
    governor_.start(governor_.period(), governor_now());
  }
  if (ns <= now) return;
  now_ns_.store(ns, std::memory_order_relaxed);
  const std::uint64_t passed = cycles_of(ns) - cycles_of(now);
  clock_streams(static_cast<unsigned>(std::min<std::uint64_t>(passed, longest_run)));
  settle();
}

bool soft_card::wait_interrupt(std::uint64_t timeout_ns) {
  using clock = std::chrono::steady_clock;
  constexpr std::uint64_t longest = std::uint64_t{1} << 60;  // a clock can still add it
  const auto end = clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, longest));
  std::unique_lock lock(mutex_);
  while (!interrupt()) {
    const auto now = clock::now();
    if (now >= end) return false;
    changed_.wait_until(
        lock, streams_live() ? std::min<clock::time_point>(end, now + kernel_slice) : end);
    clock_streams(relax_cycles);
    settle();
  }
  return true;
}

void soft_card::attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) {
  {
    const std::lock_guard lock(mutex_);
    socket& s = sockets_.at(stream_port);
    s.pins.pop_ready = s.pins.push_valid = false;
    s.kernel.swap(kernel);
  }
  changed_.notify_all();
}  // the kernel there was ends outside the lock

void soft_card::catch_up(unsigned stream_cycles) {
  if (governor_.period() != 0) {
    for (unsigned n = governor_.due(governor_now()); n > 0; --n) engine_->lookasides().govern();
  }
  clock_streams(stream_cycles);
}

void soft_card::settle() {
  record_stream_errors();
  if (engine_->lists().take_change()) {
    interrupt_status_ |= static_cast<std::uint32_t>(regs::interrupt_status::depletion.mask());
  }
  if (interrupt()) changed_.notify_all();
}

std::uint64_t soft_card::governor_now() const {
  if (simulated_) return cycles_of(now_ns_.load(std::memory_order_relaxed));
  const auto real = std::chrono::steady_clock::now().time_since_epoch();
  return cycles_of(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(real).count()));
}

bool soft_card::streams_live() {
  for (unsigned i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i].kernel || engine_->stream(i).config() != 0 || !engine_->stream(i).quiet()) {
      return true;
    }
  }
  return false;
}

void soft_card::clock_streams(unsigned cycles) {
  if (!streams_live()) return;
  for (bool going_on = true; going_on && cycles > 0; --cycles) {
    going_on = false;
    for (unsigned i = 0; i < sockets_.size(); ++i) going_on |= clock_stream(i);
  }
}

bool soft_card::clock_stream(unsigned index) {
  socket& s = sockets_[index];
  stream_port& port = engine_->stream(index);
  const stream_pins before = s.pins;
  // Both sides see the pins as they stood before the edge.
  stream_pins kernel_side = before;
  if (s.kernel) s.kernel->clock(kernel_side);
  port.clock(s.pins);
  s.pins.pop_ready = kernel_side.pop_ready;
  s.pins.push_valid = kernel_side.push_valid;
  s.pins.push_token = kernel_side.push_token;
  return s.pins != before || s.pins.popped() || s.pins.pushed() || !port.quiet() ||
         (s.kernel && s.kernel->busy());
}

void soft_card::record_stream_errors() {
  for (unsigned i = 0; i < sockets_.size(); ++i) {
    if (!engine_->stream(i).has_errors()) continue;
    for (const error_record& e : engine_->stream(i).take_errors()) record(e);
  }
}

bool soft_card::stalled(const portal& p) const {
  const auto unread = static_cast<std::uint16_t>(p.completion_tail - p.completion_head);
  return unread + lines_of_room > p.ring_lines();
}

line* soft_card::ring::at(process_memory& memory, std::uint16_t index) const {
  const std::uint32_t slot = index & (lines - 1);
  if (all != nullptr) return all + slot;
  return reinterpret_cast<line*>(
      memory.at(base + std::uint64_t{slot} * regs::line_bytes, sizeof(line)));
}

soft_card::ring soft_card::ring_at(std::uint64_t base, std::uint32_t lines) {
  std::byte* all = memory_.at(base, std::size_t{lines} * regs::line_bytes);
  return {base, lines, reinterpret_cast<line*>(all)};
}

void soft_card::run(unsigned index) {
  portal& p = portals_[index];
  if (p.head == p.tail || stalled(p)) return;
  const std::uint32_t size = p.ring_lines();
  const ring submission = ring_at(p.submission_base, size);
  const ring completion = ring_at(p.completion_base, size);
  const auto domain = static_cast<unsigned>(regs::portal_config::domain.get(p.config));
  while (p.head != p.tail && !stalled(p)) {
    namespace sub = regs::submission_header;
    const line* in = submission.at(memory_, p.head);
    if (in == nullptr) return fail(index, status::bus_read);
    engine_->counters().count(counter::lines_fetched);
    const std::uint64_t phase = (p.head & size) == 0 ? 1 : 0;
    result_.bank = p.bank;
    engine_->execute(*in, sub::phase.get(in->header) == phase, domain, result_);
    p.bank = result_.bank;
    // Only a RECALL moves what stream ports hold.
    if (sub::opcode.get(in->header) == static_cast<std::uint64_t>(regs::opcode::recall))
      record_stream_errors();
    for (error_record& e : result_.errors) {
      e.portal = index;
      record(e);
    }
    for (line& out : result_.lines) {
      namespace cpl = regs::completion_header;
      line* to = completion.at(memory_, p.completion_tail);
      if (to == nullptr) return fail(index, status::bus_write);
      const bool last = cpl::last.get(out.header) != 0;
      out.header = cpl::phase.set(out.header, (p.completion_tail & size) == 0 ? 1 : 0);
      out.header = cpl::head.set(out.header, p.head + (last ? 1u : 0u));
      to->tokens = out.tokens;
      std::atomic_ref(to->header).store(out.header, std::memory_order_release);
      ++p.completion_tail;
    }
    ++p.head;
  }
}

void soft_card::fail(unsigned index, regs::status cause) {
  portals_[index].failed = true;
  portals_[index].tail = portals_[index].head;
  record({{}, cause, 0, index, 0});
}

void soft_card::record(const error_record& e) {
  engine_->counters().count(counter::refusals);
  if (names_a_slab_list(e.opcode) && e.list < regs::max_lists) engine_->lists().refused(e.list);
  interrupt_status_ |= static_cast<std::uint32_t>(regs::interrupt_status::error.mask());
  if (errors_.size() < regs::error_depth) {
    errors_.push_back(e);
  } else if (errors_lost_ != ~std::uint32_t{0}) {
    ++errors_lost_;
  }
}

}  // namespace exalloc::soft
