#include "sim_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace exalloc::sim {
namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t cycles_of(std::uint64_t ns) { return (ns * 3 + 9) / 10; }  // 300 MHz
constexpr std::uint64_t ns_of(std::uint64_t cycles) { return cycles * 10 / 3; }
constexpr unsigned poll_ns = 20;  // time a poll takes while the card is silent
constexpr unsigned longest_relax_ns = 2'000;
constexpr unsigned idle_lag = 8;  // cycles by which rtl_card::idle may lag behind a pin
constexpr std::chrono::microseconds patience(5000);  // of a waiter, before it drives the model

}  // namespace

sim_card::sim_card(const link_latency& link) : link_(link) {}
sim_card::~sim_card() = default;

void sim_card::deliver(const read_event& e) {
  for (unsigned i = 0; i < e.request.lines; ++i) {
    line_data data{};
    const std::byte* from = memory_.at(e.request.address + i * sizeof data, sizeof data);
    if (from != nullptr) {
      // The host publishes a line by its doorbell, so a plain copy is ordered behind it.
      std::memcpy(data.data(), from, sizeof data);
    }
    rtl_.answer_read(data, from != nullptr);
  }
}

bool sim_card::deliver(const write_event& e) {
  std::byte* to = memory_.at(e.request.address, sizeof(line_data));
  if (to == nullptr) return false;
  // The header is what a poller looks at: it must become visible last.
  std::uint64_t header;
  std::memcpy(&header, e.request.data.data(), sizeof header);
  std::memcpy(to + sizeof header, e.request.data.data() + 2, sizeof(line_data) - sizeof header);
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(to)).store(header, std::memory_order_release);
  ++lines_delivered_;
  return true;
}

bool sim_card::quiet() const { return rtl_.idle() && !register_busy_ && kernels_rest(); }

bool sim_card::kernels_rest() const {
  return std::none_of(sockets_.begin(), sockets_.end(), [](const socket& s) {
    return s.kernel && (s.restless != 0 || s.kernel->busy());
  });
}

void sim_card::clock_kernels() {
  for (unsigned i = 0; i < sockets_.size(); ++i) {
    socket& s = sockets_[i];
    if (!s.kernel) continue;
    stream_pins& pins = rtl_.stream(i);
    s.kernel->clock(pins);
    if (pins != s.pins || pins.popped() || pins.pushed()) {
      s.restless = idle_lag;
    } else if (s.restless != 0) {
      --s.restless;
    }
    s.pins = pins;
  }
}

void sim_card::leave_out_to(std::uint64_t cycle) {
  if (cycle <= cycle_) return;
  rtl_.leave_out(cycle - cycle_);
  cycle_ = cycle;
}

std::uint64_t sim_card::next_event() const {
  std::uint64_t next = never;
  if (!register_busy_ && !register_events_.empty()) next = register_events_.front().due;
  if (!read_events_.empty()) next = std::min(next, read_events_.front().due);
  if (!write_events_.empty()) next = std::min(next, write_events_.front().due);
  return next;
}

// One cycle: what has arrived goes in, the card is clocked, what it asks for goes on its way.
void sim_card::step() {
  if (!register_busy_ && !register_events_.empty() && register_events_.front().due <= cycle_) {
    const register_event e = register_events_.front();
    register_events_.pop_front();
    if (e.write) {
      rtl_.start_register_write(e.offset, e.value);
    } else {
      rtl_.start_register_read(e.offset);
    }
    register_busy_ = true;
  }
  while (!read_events_.empty() && read_events_.front().due <= cycle_) {
    deliver(read_events_.front());
    read_events_.pop_front();
  }
  while (!write_events_.empty() && write_events_.front().due <= cycle_) {
    rtl_.answer_write(deliver(write_events_.front()));
    write_events_.pop_front();
  }
  rtl_.clock();
  clock_kernels();
  ++cycle_;
  if (rtl_.interrupt() && !interrupt_) interrupted_.notify_all();
  interrupt_ = rtl_.interrupt();
  if (auto answer = rtl_.take_register_answer()) {
    register_busy_ = false;
    read_answer_ = answer;
  }
  while (auto r = rtl_.take_read()) {
    read_events_.push_back({cycle_ + cycles_of(link_.memory_read), *r});
  }
  while (auto w = rtl_.take_write()) {
    write_events_.push_back({cycle_ + cycles_of(link_.posted_write), *w});
  }
}

// Passes simulated time, clocking the card only where something can happen.
void sim_card::run_to(std::uint64_t cycle) {
  while (cycle_ < cycle) {
    if (quiet()) {
      leave_out_to(std::min(next_event(), cycle));
      if (cycle_ >= cycle) return;
    }
    step();
  }
}

std::uint32_t sim_card::read(std::uint32_t offset) {
  std::lock_guard lock(mutex_);
  const std::uint64_t start = cycle_;
  const std::uint64_t one_way = cycles_of(link_.register_read) / 2;
  register_events_.push_back({start + one_way, false, offset, 0});
  read_answer_.reset();
  // Writes before it also answer; the read is answered when the queue has run dry.
  do {
    if (quiet()) leave_out_to(next_event());
    read_answer_.reset();
    step();
  } while (!register_events_.empty() || register_busy_ || !read_answer_);
  const register_answer answer = *read_answer_;
  run_to(cycle_ + one_way);
  if (!answer.ok) {
    throw std::runtime_error(
        fmt::format("sim card: read of register {:#06x}: the bus answered with an error", offset));
  }
  return answer.value;
}

void sim_card::write(std::uint32_t offset, std::uint32_t value) {
  std::lock_guard lock(mutex_);
  register_events_.push_back({cycle_ + cycles_of(link_.posted_write), true, offset, value});
}

void sim_card::relax() {
  std::lock_guard lock(mutex_);
  run_a_while();
}

// Until a line has been delivered, at most longest_relax_ns.
void sim_card::run_a_while() {
  const std::uint64_t before = lines_delivered_;
  const std::uint64_t limit = cycle_ + cycles_of(longest_relax_ns);
  while (lines_delivered_ == before && cycle_ < limit) {
    if (quiet() && next_event() == never) return run_to(cycle_ + cycles_of(poll_ns));
    if (quiet()) leave_out_to(std::min(next_event(), limit));
    step();
  }
}

bool sim_card::wait_interrupt(std::uint64_t timeout_ns) {
  using clock = std::chrono::steady_clock;
  constexpr std::uint64_t longest = std::uint64_t{1} << 60;  // a clock can still add it
  const auto end = clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, longest));
  std::unique_lock lock(mutex_);
  auto pause = patience;
  while (!interrupt_) {
    const auto now = clock::now();
    if (now >= end) return false;
    const std::uint64_t seen = cycle_;
    interrupted_.wait_until(lock, std::min<clock::time_point>(end, now + pause));
    const bool nothing_to_do = quiet() && next_event() == never;
    const bool somebody_drives = cycle_ != seen;
    pause = nothing_to_do || somebody_drives ? patience : std::chrono::microseconds(50);
    if (!nothing_to_do && !somebody_drives) run_a_while();
  }
  return true;
}

void sim_card::attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) {
  std::unique_lock lock(mutex_);
  socket& s = sockets_.at(stream_port);
  stream_pins& pins = rtl_.stream(stream_port);
  pins.pop_ready = pins.push_valid = false;
  s.kernel.swap(kernel);
  s.restless = idle_lag;
  lock.unlock();
}  // the kernel there was ends outside the lock

std::uint64_t sim_card::now_ns() {
  std::lock_guard lock(mutex_);
  return ns_of(cycle_);
}

void sim_card::advance_to(std::uint64_t ns) {
  std::lock_guard lock(mutex_);
  run_to(cycles_of(ns));
}

void sim_card::trace(const std::string& file) {
  std::lock_guard lock(mutex_);
  rtl_.trace(file);
}

}  // namespace exalloc::sim

extern "C" EXALLOC_API exalloc::card* exalloc_sim_open_card() {
  return std::make_unique<exalloc::sim::sim_card>().release();
}
