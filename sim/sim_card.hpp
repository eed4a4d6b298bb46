// The sim card: the Verilated card on the simulated platform.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bank_space.hpp"
#include "card/process_memory.hpp"
#include "exalloc/card.hpp"
#include "platform/platform.hpp"
#include "request_queue.hpp"
#include "rtl_card.hpp"

namespace exalloc::sim {

// Threads queue for the platform: one at a time lets it run, and does it for those that came
// meanwhile, in the order they came. A program of one thread sees the same times in every run.
class sim_card final : public card {
 public:
  explicit sim_card(const link_settings& link = link_preset("gen3x16"), fault_plan faults = {},
                    const card_memory_settings& on_card = card_memory_preset("hbm2"));
  // With the host memory that the card is to reach, which outlives it.
  sim_card(const link_settings& link, process_memory& memory, fault_plan faults = {},
           const card_memory_settings& on_card = card_memory_preset("hbm2"));
  ~sim_card() override;

  std::string_view name() const noexcept override { return "sim"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override;
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    return memory_.allocate(bytes);
  }
  // Throws std::runtime_error when a fault was injected and nothing has been under way for so long
  // that whoever polls waits in vain.
  void relax() override;
  std::uint64_t now_ns() override;
  void advance_to(std::uint64_t ns) override;
  // Drives the platform itself when nobody else has for a few milliseconds of real time, and only
  // if there is something to drive: a card with nothing to do keeps its time.
  bool wait_interrupt(std::uint64_t timeout_ns) override;
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) override;
  // Of the card's own memory too, without time: memory_kernel is for kernels that take theirs.
  std::byte* memory_at(std::uint64_t device_address, std::size_t bytes) override;
  // Copies are done by the card's DMA engine, in simulated time.
  std::unique_ptr<card_memory> allocate_on_card(const std::string& bank,
                                                std::size_t bytes) override;
  void trace(const std::string& file) override;
  std::string link_name() override { return link_name_; }
  std::vector<injected> injected_faults() override;
  // That were not left out.
  std::uint64_t clocked_cycles();
  // Nothing is under way: time passes for nothing.
  bool quiet();
  // For whoever keeps the time: it passes up to `until`, or to where `line`, told of each line that
  // processors see, returns true.
  void run(picoseconds until, const std::function<bool(std::uint64_t)>& line);
  picoseconds now();
  platform::traffic counted();
  // Cycles are simulated in real time, on a machine that may have other work.
  std::uint32_t patience_ms() const noexcept override { return 60'000; }

 private:
  class buffer_on_card;

  // Between a buffer of this process and the card's memory; complete on return.
  void copy(bool to_card, std::uint64_t address, std::byte* here, std::size_t bytes);
  void copy_staged(bool to_card, std::uint64_t address, std::byte* here, unsigned bytes);
  void run_a_while();
  std::string because_of_faults() const;

  const std::string link_name_;
  request_queue queue_;
  std::atomic<std::uint64_t> lines_{0};  // that the card has written
  std::mutex interrupt_mutex_;
  std::condition_variable interrupted_;
  std::uint64_t interrupts_ = 0;  // how often the interrupt line has risen
  process_memory own_memory_;
  process_memory& memory_;
  platform platform_;
  bank_space space_;                     // on the card
  std::unique_ptr<dma_memory> staging_;  // what is copied to or from it, behind a line of status
  std::uint64_t copies_ = 0;
  bool pause_at_line_ = false;
  const std::function<bool(std::uint64_t)>* told_ = nullptr;  // in run()
  picoseconds silent_ = 0;  // how long somebody has polled and nothing was under way, after a fault
};

// EXALLOC_LINK and EXALLOC_LINK_SEED. Throws std::invalid_argument.
link_settings asked_link();
// EXALLOC_CARD_MEMORY. Throws std::invalid_argument.
const card_memory_settings& asked_card_memory();

}  // namespace exalloc::sim
