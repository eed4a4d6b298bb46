// Simulated processors in front of the platform: each has its own clock, and pays for what its code
// does by the cost model of replays.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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

// Whether time is to stop at a line that the card has written to a device address.
using line_told = std::function<bool(std::uint64_t)>;

// A card that portals talk to, and its clock.
class measured_card : public card {
 public:
  // One piece for each processor, in their order.
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) final;
  void relax() final { advance_to(now_ns() + 20); }
  std::uint64_t now_ns() final { return now() / sim::ps_per_ns; }
  void advance_to(std::uint64_t ns) final {
    run(ns * sim::ps_per_ns, [](std::uint64_t) { return false; });
  }
  bool wait_interrupt(std::uint64_t) final { return false; }

  virtual picoseconds now() = 0;
  // Lets time pass up to `until`, or to where `line` says so.
  virtual void run(picoseconds until, const line_told& line) = 0;
  // Nothing is under way.
  virtual bool quiet() = 0;
  virtual sim::platform::traffic counted() = 0;
  // What a design does of which each allocation is a register read and each free a register write,
  // until `end`: pairs of both.
  virtual std::uint64_t naive_pairs(unsigned processors, picoseconds end) = 0;

  // The processor whose ring lies at an address.
  unsigned owner(std::uint64_t address) const;
  // A block changes hands. Throws std::runtime_error if the card hands it out twice.
  void take(std::uint32_t token);
  void give(std::uint32_t token) { taken_[token] = false; }

 protected:
  virtual std::unique_ptr<dma_memory> allocate_piece(std::size_t bytes) = 0;
  // From a read's answer until a processor of that design reads again.
  static picoseconds naive_pause();

 private:
  std::map<std::uint64_t, unsigned> owners_;
  std::vector<bool> taken_;
};

// The platform itself; what portals write leaves at its time.
class platform_card final : public measured_card {
 public:
  explicit platform_card(const sim::link_settings& link) : platform_(link, memory_) {}

  std::string_view name() const noexcept override { return "platform"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override { platform_.write(offset, value); }
  picoseconds now() override { return platform_.now(); }
  void run(picoseconds until, const line_told& line) override;
  bool quiet() override { return platform_.quiet(); }
  sim::platform::traffic counted() override { return platform_.counted(); }
  std::uint64_t naive_pairs(unsigned processors, picoseconds end) override;

  sim::platform& platform() { return platform_; }

 private:
  std::unique_ptr<dma_memory> allocate_piece(std::size_t bytes) override {
    return memory_.allocate(bytes);
  }
  process_memory memory_;
  sim::platform platform_;
};

// Waits until the card is ready and gives it one list of all slabs: bench_processor::list.
void prepare(measured_card& device);

// A processor at its portal.
class bench_processor {
 public:
  static constexpr unsigned list = 0;
  static constexpr unsigned most_granted = 112;

  bench_processor(measured_card& device, unsigned number, unsigned stock);

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
  measured_card& device_;
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
void run(measured_card& device, std::vector<std::unique_ptr<bench_processor>>& processors,
         picoseconds end, bool (bench_processor::*step)());

}  // namespace exalloc::bench
