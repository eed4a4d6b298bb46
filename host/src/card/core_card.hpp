// The soft card on a core of its own: a helper thread executes lines while their senders go on.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "card/soft_card.hpp"

namespace exalloc::soft {

// The same card behind another doorbell: writing one only leaves it in the portal's mailbox, and
// the helper does the rest. A doorbell carries absolute line numbers, so a later one may take the
// place of an earlier one that nobody has seen. A thread that waits for an answer helps itself when
// the helper is not at it: nobody ever waits for the helper to be scheduled.
class core_card final : public card {
 public:
  explicit core_card(const geometry& sizes = {});
  ~core_card() override;

  std::string_view name() const noexcept override { return "soft-core"; }
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override;
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    return inner_.allocate(bytes);
  }
  void relax() override;
  std::uint64_t now_ns() override { return inner_.now_ns(); }
  void advance_to(std::uint64_t ns) override;
  bool wait_interrupt(std::uint64_t timeout_ns) override {
    return inner_.wait_interrupt(timeout_ns);
  }
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) override {
    inner_.attach(stream_port, std::move(kernel));
  }
  std::byte* memory_at(std::uint64_t device_address, std::size_t bytes) override {
    return inner_.memory_at(device_address, bytes);
  }

  // For tests: whether the helper has gone to sleep, and how many doorbells it has answered.
  bool asleep() const noexcept { return asleep_.load(std::memory_order_relaxed); }
  std::uint64_t helped() const noexcept { return helped_.load(std::memory_order_relaxed); }

 private:
  static_assert(regs::max_portals <= 64, "one bit each in pending_");

  void help();
  void sleep();
  // Hands the card what is in the mailboxes, under delivery_; how many doorbells that was.
  unsigned deliver();
  void deliver_all() {
    const std::lock_guard lock(delivery_);
    deliver();
  }

  soft_card inner_;
  // The last doorbell value that the card has not had, for each portal whose bit is set.
  std::array<std::atomic<std::uint32_t>, regs::max_portals> mailbox_{};
  alignas(64) std::atomic<std::uint64_t> pending_{0};
  alignas(64) std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> helped_{0};
  std::mutex delivery_;  // doorbells in the order of their portals' line numbers
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  std::thread helper_;
};

}  // namespace exalloc::soft
