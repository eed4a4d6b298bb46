// The sim card: the Verilated card on a link of fixed latencies.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "card/process_memory.hpp"
#include "exalloc/card.hpp"
#include "rtl_card.hpp"

namespace exalloc::sim {

// Latencies of the link, in ns: a PCIe card as the host sees it, without its jitter.
struct link_latency {
  unsigned register_read = 900;  // round trip
  unsigned posted_write = 250;   // either way
  unsigned memory_read = 650;    // round trip of the card reading host memory
};

// One thread drives the model at a time, under a lock: a program of one thread sees the same times
// in every run. Cycles in which the card is idle are left out.
class sim_card final : public card {
 public:
  explicit sim_card(const link_latency& link = {});
  ~sim_card() override;

  std::string_view name() const noexcept override { return "sim"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override;
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    return memory_.allocate(bytes);
  }
  void relax() override;
  std::uint64_t now_ns() override;
  void advance_to(std::uint64_t ns) override;
  // Drives the model itself when nobody else has for a few milliseconds of real time, and only if
  // there is something to drive: a card with nothing to do keeps its time.
  bool wait_interrupt(std::uint64_t timeout_ns) override;
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) override;
  std::byte* memory_at(std::uint64_t device_address, std::size_t) override {
    return reinterpret_cast<std::byte*>(device_address);
  }
  void trace(const std::string& file) override;

 private:
  struct register_event {
    std::uint64_t due;  // cycle at which it reaches the card
    bool write;
    std::uint32_t offset, value;
  };
  struct read_event {
    std::uint64_t due;  // cycle at which the data reach the card
    read_request request;
  };
  struct write_event {
    std::uint64_t due;  // cycle at which the line is in host memory
    write_request request;
  };

  struct socket {  // of a stream port
    std::shared_ptr<stream_kernel> kernel;
    stream_pins pins;       // as the kernel left them
    unsigned restless = 0;  // cycles until the card has seen what moved there
  };

  void step();
  void clock_kernels();
  bool kernels_rest() const;
  void leave_out_to(std::uint64_t cycle);
  void run_a_while();
  void run_to(std::uint64_t cycle);
  bool quiet() const;
  std::uint64_t next_event() const;
  void deliver(const read_event& e);
  bool deliver(const write_event& e);

  const link_latency link_;
  std::mutex mutex_;
  std::condition_variable interrupted_;  // the interrupt line has risen
  rtl_card rtl_;
  bool interrupt_ = false;   // the line at the last clock
  std::uint64_t cycle_ = 0;  // simulated, left-out cycles included
  std::deque<register_event> register_events_;
  bool register_busy_ = false;
  std::optional<register_answer> read_answer_;
  std::deque<read_event> read_events_;
  std::deque<write_event> write_events_;
  std::uint64_t lines_delivered_ = 0;
  std::array<socket, rtl_card::stream_ports> sockets_;
  process_memory memory_;
};

}  // namespace exalloc::sim
