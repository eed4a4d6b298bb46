#include "platform_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "exalloc/regs.hpp"

namespace exalloc::bench {

namespace off = regs::offset;

std::unique_ptr<dma_memory> measured_card::allocate(std::size_t bytes) {
  auto piece = allocate_piece(bytes);
  owners_.emplace(piece->device_address(), static_cast<unsigned>(owners_.size()));
  return piece;
}

unsigned measured_card::owner(std::uint64_t address) const {
  return std::prev(owners_.upper_bound(address))->second;
}

void measured_card::take(std::uint32_t token) {
  if (token >= taken_.size()) taken_.resize(std::max<std::size_t>(token + 1, 2 * taken_.size()));
  if (taken_[token])
    throw std::runtime_error(
        fmt::format("bench platform: token {:#x} was handed out twice", token));
  taken_[token] = true;
}

picoseconds measured_card::naive_pause() {
  const replay::cost_model cost;
  return (cost.fast_allocation_ns + cost.doorbell_ns) * sim::ps_per_ns;
}

void platform_card::run(picoseconds until, const line_told& line) {
  platform_.on_line([&](std::uint64_t address) {
    if (line(address)) platform_.pause();
  });
  platform_.run(until);
  platform_.on_line({});
}

// Processors overlap: each has a read under way.
std::uint64_t platform_card::naive_pairs(unsigned processors, picoseconds end) {
  const picoseconds began = platform_.now();
  std::uint64_t pairs = 0;
  std::vector<picoseconds> next(processors, began);  // 0: waits for its read
  std::vector<unsigned> answered;
  unsigned reading = 0;
  for (picoseconds now = began; now < end || reading != 0;) {
    picoseconds until = now + (end - began);
    for (unsigned p = 0; p < processors; ++p) {
      if (next[p] == 0) continue;
      if (next[p] <= now && now < end) {
        next[p] = 0;
        ++reading;
        platform_.read(off::id, [&, p](const sim::register_answer&) {
          answered.push_back(p);
          platform_.pause();
        });
      } else if (now < end) {
        until = std::min(until, next[p]);
      }
    }
    platform_.run(until);
    now = platform_.now();
    for (const unsigned p : answered) {
      --reading;
      platform_.write(off::governor_period, 0);
      next[p] = now + naive_pause();
      if (now < end) ++pairs;
    }
    answered.clear();
  }
  return pairs;
}

std::uint32_t platform_card::read(std::uint32_t offset) {
  std::optional<sim::register_answer> answer;
  platform_.read(offset, [&](const sim::register_answer& a) {
    answer = a;
    platform_.pause();
  });
  while (!answer) platform_.run_what_is_under_way(platform_.now() + 1'000'000 * sim::ps_per_ns);
  if (!answer->ok) throw std::runtime_error("bench platform: a register read ended with an error");
  return answer->value;
}

void prepare(measured_card& device) {
  while (!regs::card_status::ready.get(device.read(off::card_status))) device.relax();
  constexpr std::uint32_t slabs = 8192;
  const auto command = [&](regs::command what) {
    device.write(off::command, static_cast<std::uint32_t>(what));
    while (regs::card_status::command_busy.get(device.read(off::card_status))) device.relax();
    if (regs::command_result::status.get(device.read(off::command_result)) !=
        static_cast<std::uint64_t>(regs::status::ok))
      throw std::runtime_error("bench platform: a command was refused");
  };
  device.write(off::command_list, bench_processor::list);
  command(regs::command::open);
  device.write(off::command_slab, 1);
  device.write(off::command_count, slabs);
  device.write(off::command_limit, 63);
  command(regs::command::link);
}

bench_processor::bench_processor(measured_card& device, unsigned number, unsigned stock)
    : device_(device), stock_(stock), portal_(device, number), random_(number + 1) {
  portal_.enable();
}

void bench_processor::receive() {
  completion c;
  while (portal_.receive(c)) {
    spend(cost_.line_read_ns + (woken ? cost_.waited_line_ns : 0));
    woken = false;
    if (c.opcode == regs::opcode::release && c.status == regs::status::ok) continue;
    if (c.opcode != regs::opcode::grant || c.status != regs::status::ok) {
      throw std::runtime_error(fmt::format("bench platform: {} answered with {}",
                                           regs::to_string(c.opcode), regs::to_string(c.status)));
    }
    for (std::uint32_t i = 0; i < c.count; ++i) {
      device_.take(c.tokens[i]);
      ready_.push_back(c.tokens[i]);
    }
    asked_ -= c.count;
  }
}

void bench_processor::ask(unsigned count) {
  portal_.submit(regs::opcode::grant, list, 0, count, {});
  asked_ += count;
  spend(cost_.line_written_ns);
}

void bench_processor::refill() {
  const unsigned worth_it = std::min(most_granted, std::max(stock_ / 2, 1U));
  for (;;) {
    const unsigned has = static_cast<unsigned>(ready_.size()) + asked_;
    if (has + worth_it > stock_ || portal_.full()) return;
    ask(std::min(stock_ - has, most_granted));
    if (!ring_now_) spend(cost_.doorbell_ns);
    ring_now_ = true;
  }
}

void bench_processor::spill() {
  // Now and then the card is asked to tell how far it is.
  const bool ack = ++given_back_ % lines_a_report == 0;
  portal_.submit(regs::opcode::release, list, 0, static_cast<std::uint32_t>(spilled_.size()),
                 spilled_, ack);
  for (const std::uint32_t token : spilled_) device_.give(token);
  spilled_.clear();
  spend(cost_.line_written_ns);
}

void bench_processor::free_one() {
  const picoseconds began = time;
  spend(cost_.fast_free_ns);
  spilled_.push_back(held_.front());
  held_.pop_front();
  if (spilled_.size() == regs::tokens_per_line) {
    spill();
    if (!ring_now_ && portal_.unrung() >= lines_a_doorbell) {
      ring_now_ = true;
      spend(cost_.doorbell_ns);
    }
  }
  free_ns.push_back((time - began) / sim::ps_per_ns);
}

bool bench_processor::work() {
  if (ring_now_) portal_.ring();
  ring_now_ = false;
  receive();
  for (unsigned i = 0; i < pairs_a_step && !must_wait(); ++i) {
    spend(cost_.fast_allocation_ns);
    held_.push_back(ready_.front());
    ready_.pop_front();
    if (held_.size() > held_before_free) free_one();
    ++pairs;
  }
  refill();
  if (ring_now_) return true;
  if (portal_.unreported() >= lines_unreported || (must_wait() && portal_.unrung() != 0)) {
    ring_now_ = true;
    spend(cost_.doorbell_ns);
    return true;
  }
  return !must_wait();
}

bool bench_processor::probe() {
  if (ring_now_) portal_.ring();
  ring_now_ = false;
  receive();
  if (probing_ == probing::idle) {
    if (probes_left == 0) return false;
    --probes_left;
    probing_sync_ = !probing_sync_;
    probe_began_ = time;
    ask(probing_sync_ ? 1 : std::min(stock_, most_granted));
    spend(cost_.doorbell_ns);
    ring_now_ = true;
    probing_ = probing::asked;
    return true;
  }
  if (probing_ == probing::asked && !ready_.empty()) {
    // The lines that have come with the first are read at leisure.
    const picoseconds took = time - probe_began_ + cost_.fast_allocation_ns * sim::ps_per_ns;
    (probing_sync_ ? sync_ns : miss_ns).push_back(took / sim::ps_per_ns);
    probing_ = probing::answered;
  }
  if (probing_ == probing::asked || asked_ != 0) return false;
  while (!ready_.empty()) {
    spilled_.push_back(ready_.front());
    ready_.pop_front();
    if (spilled_.size() == regs::tokens_per_line || ready_.empty()) spill();
  }
  portal_.ring();
  random_ = random_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
  spend(cost_.doorbell_ns + 2'000 + (random_ >> 33) % 1'000);
  probing_ = probing::idle;
  return true;
}

void run(measured_card& device, std::vector<std::unique_ptr<bench_processor>>& processors,
         picoseconds end, bool (bench_processor::*step)()) {
  std::vector<unsigned> woken;
  const line_told wake = [&](std::uint64_t address) {
    const unsigned p = device.owner(address);
    if (!processors[p]->waiting) return false;
    woken.push_back(p);
    return true;
  };
  for (auto& p : processors) {
    p->waiting = false;
    p->time = std::max(p->time, device.now());
  }
  for (picoseconds now = device.now(); now < end;) {
    bench_processor* next = nullptr;
    for (auto& p : processors) {
      if (!p->waiting && (next == nullptr || p->time < next->time)) next = p.get();
    }
    const picoseconds until = next != nullptr ? std::min(end, next->time) : end;
    if (next == nullptr && device.quiet()) break;
    device.run(until, wake);
    now = device.now();
    for (const unsigned p : woken) {
      processors[p]->waiting = false;
      processors[p]->woken = true;
      processors[p]->time = std::max(processors[p]->time, now);
    }
    woken.clear();
    if (next != nullptr && now >= next->time && now < end) next->waiting = !(next->*step)();
  }
}

}  // namespace exalloc::bench
