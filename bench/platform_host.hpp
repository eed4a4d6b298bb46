// Simulated processors in front of the platform: each has its own clock, and pays for what its code
// does by the cost model of replays.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "card/process_memory.hpp"
#include "cost_model.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"
#include "platform/platform.hpp"
#include "portal.hpp"

namespace exalloc::bench {

using sim::picoseconds;

// The platform as the card that portals talk to; what they write leaves at the platform's time.
class platform_card final : public card {
 public:
  explicit platform_card(const sim::link_settings& link);

  std::string_view name() const noexcept override { return "platform"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override { platform_.write(offset, value); }
  // One piece for each processor, in their order.
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override;
  void relax() override { advance_to(now_ns() + 20); }
  std::uint64_t now_ns() override { return platform_.now() / sim::ps_per_ns; }
  void advance_to(std::uint64_t ns) override { platform_.run(ns * sim::ps_per_ns); }
  bool wait_interrupt(std::uint64_t) override { return false; }

  sim::platform& platform() { return platform_; }
  // The processor whose ring lies at an address.
  unsigned owner(std::uint64_t address) const;
  // A block changes hands. Throws std::runtime_error if the card hands it out twice.
  void take(std::uint32_t token);
  void give(std::uint32_t token) { taken_[token] = false; }

 private:
  process_memory memory_;
  std::map<std::uint64_t, unsigned> owners_;
  std::vector<bool> taken_;
  sim::platform platform_;
};

// Waits until the card is ready and gives it one list of all slabs: bench_processor::list.
void prepare(platform_card& device);

// A processor at its portal.
class bench_processor {
 public:
  static constexpr unsigned list = 0;
  static constexpr unsigned most_granted = 112;

  bench_processor(platform_card& device, unsigned number, unsigned stock);

  // Each does a step when the platform's time is the processor's, and returns whether there is more
  // to do before another line comes.
  // Allocates and frees as fast as it can, each block some allocations later, with a stock that it
  // keeps full.
  bool work();
  // How many pairs it takes until what the rings and the stock hold has been renewed.
  std::uint64_t turnover() const {
    return stock_ + most_unexecuted * regs::tokens_per_line + held_before_free;
  }
  // Now and then allocates with nothing ready: one block, or a stock of which it needs the first.
  bool probe();

  picoseconds time = 0;  // of its next step
  bool waiting = false;
  bool woken = false;  // it has waited for the line that it reads next
  std::uint64_t pairs = 0;
  unsigned probes_left = 0;
  std::vector<std::uint64_t> free_ns, sync_ns, miss_ns;

 private:
  static constexpr unsigned held_before_free = 64;
  static constexpr unsigned pairs_a_step = 14;
  static constexpr unsigned lines_a_doorbell = 8;
  static constexpr unsigned lines_unreported = 128;
  // What a processor gives back may wait for the card, but what it asks for waits behind that.
  static constexpr unsigned most_unexecuted = 32;
  static constexpr unsigned lines_a_report = 8;  // of those that give back

  void receive();
  void ask(unsigned count);
  void refill();
  void free_one();
  void spill();
  bool must_wait() const { return ready_.empty() || portal_.unexecuted() >= most_unexecuted; }
  void spend(std::uint64_t ns) { time += ns * sim::ps_per_ns; }

  const replay::cost_model cost_;
  platform_card& device_;
  unsigned stock_;
  portal portal_;
  std::deque<std::uint32_t> ready_, held_;
  std::vector<std::uint32_t> spilled_;
  unsigned asked_ = 0;
  unsigned given_back_ = 0;  // lines
  bool ring_now_ = false;    // the doorbell is paid for and leaves with the next step

  enum class probing { idle, asked, answered } probing_ = probing::idle;
  bool probing_sync_ = false;
  picoseconds probe_began_ = 0;
  std::uint64_t random_;
};

// Lets all of them step until `end`, or until all wait with nothing under way.
void run(platform_card& device, std::vector<std::unique_ptr<bench_processor>>& processors,
         picoseconds end, bool (bench_processor::*step)());

}  // namespace exalloc::bench
