// The soft card: the executable specification of a card, in process.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "card/process_memory.hpp"
#include "card/soft_engine.hpp"
#include "card/soft_governor.hpp"
#include "exalloc/card.hpp"

namespace exalloc::soft {

inline constexpr std::uint32_t clock_khz = 300'000;

// Lines are executed inside the doorbell write that announces them, so every answer is in its ring
// when write returns. Thread safe: one lock, as on a real card registers are serialised by the bus.
// Time stands still but for advance_to; only the governor goes by real time until that is called.
// Stream ports and their kernels are clocked for a bounded number of cycles inside every call, for
// lack of anything that runs by itself.
class soft_card final : public card {
 public:
  explicit soft_card(const geometry& sizes = {});
  ~soft_card() override;

  std::string_view name() const noexcept override { return "soft"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override;
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    return memory_.allocate(bytes);
  }
  void relax() override;
  std::uint64_t now_ns() override { return now_ns_.load(std::memory_order_relaxed); }
  void advance_to(std::uint64_t ns) override;
  bool wait_interrupt(std::uint64_t timeout_ns) override;
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) override;
  std::byte* memory_at(std::uint64_t device_address, std::size_t) override {
    return reinterpret_cast<std::byte*>(device_address);
  }

 private:
  struct portal {
    std::uint64_t submission_base = 0, completion_base = 0;
    std::uint32_t config = 0;
    bool enabled = false, failed = false;
    std::uint16_t tail = 0, head = 0;                        // submission lines rung for, executed
    std::uint16_t completion_tail = 0, completion_head = 0;  // written, consumed
    unsigned bank = 0;
    std::uint32_t ring_lines() const;
  };
  struct command_registers {
    std::uint32_t list = 0, slab = 0, count = 0, limit = 0, depth = 0, result = 0;
  };
  struct socket {  // of a stream port
    std::shared_ptr<stream_kernel> kernel;
    stream_pins pins;
  };

  // The lock: what goes on under it is short, so waiting for it without sleeping mostly pays.
  std::unique_lock<std::mutex> hold();
  void reset();
  // Around every access: what was due before it; what it led to.
  void catch_up(unsigned stream_cycles);
  void settle();

  std::uint32_t read_register(std::uint32_t offset);
  std::uint32_t read_counter(std::uint32_t offset);
  std::uint32_t read_list(unsigned index, std::uint32_t offset);
  std::uint32_t read_lookaside(unsigned index, std::uint32_t offset);
  std::uint32_t read_stream(unsigned index, std::uint32_t offset);
  std::uint32_t read_portal(unsigned index, std::uint32_t offset);
  void write_register(std::uint32_t offset, std::uint32_t value);
  void write_list(unsigned index, std::uint32_t offset, std::uint32_t value);
  void write_stream(unsigned index, std::uint32_t offset, std::uint32_t value);
  void write_portal(unsigned index, std::uint32_t offset, std::uint32_t value);
  void run(unsigned index);
  bool stalled(const portal& p) const;
  void run_command(std::uint32_t value);
  void record(const error_record& e);
  void record_stream_errors();
  bool interrupt() const { return (interrupt_status_ & interrupt_enable_) != 0; }
  std::uint64_t governor_now() const;  // in cycles
  void clock_streams(unsigned cycles);
  bool clock_stream(unsigned index);  // whether anything is going on there
  bool streams_live();
  void fail(unsigned index, regs::status cause);
  struct ring {
    std::uint64_t base;
    std::uint32_t lines;  // a power of two
    line* all;            // null: not all of it lies in one piece of memory
    // A line; null when no memory of this card is there.
    line* at(process_memory& memory, std::uint16_t index) const;
  };
  ring ring_at(std::uint64_t base, std::uint32_t lines);

  const geometry sizes_;
  std::mutex mutex_;
  process_memory memory_;
  std::unique_ptr<engine> engine_;
  line_result result_;  // of the line that is being executed
  std::array<portal, regs::max_portals> portals_;
  std::deque<error_record> errors_;
  std::uint32_t errors_lost_ = 0, interrupt_status_ = 0, interrupt_enable_ = 0;
  command_registers command_;
  std::uint32_t counter_high_ = 0;
  governor_clock governor_;
  std::vector<socket> sockets_;
  std::condition_variable changed_;  // the interrupt line has risen, or a kernel may want to run
  bool simulated_ = false;           // somebody has advanced the time
  std::atomic<std::uint64_t> now_ns_{0};
};

}  // namespace exalloc::soft
