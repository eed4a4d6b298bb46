// The xrt card: a real card, or the simulated one below XRT, through XRT's native C++ interface.
#pragma once

#include <experimental/xrt_ip.h>
#include <xrt/xrt_device.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "card/xrt_memory.hpp"
#include "exalloc/card.hpp"

namespace exalloc::xrt_card {

// EXALLOC_XRT_DEVICE and EXALLOC_XRT_XCLBIN.
struct settings {
  std::string device;  // index or PCIe address
  std::string xclbin;  // file
};
settings asked_settings();

// Registers are slow here, 1 µs and a lock of the whole process, and only used off the hot path.
class xrt_card final : public card {
 public:
  // Loads the xclbin, takes the card for this process alone, and resets it: what a process that
  // died left there is gone. Throws std::runtime_error with a sentence for the user.
  explicit xrt_card(const settings& asked);
  ~xrt_card() override;

  std::string_view name() const noexcept override { return "xrt"; }
  // A card that has vanished reads as all ones and ignores writes; relax() tells.
  std::uint32_t read(std::uint32_t offset) override;
  void write(std::uint32_t offset, std::uint32_t value) override;
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override;
  std::uint64_t lock_memory(std::byte* first, std::size_t bytes) override;
  bool unlock_memory(std::byte* first, std::size_t bytes) noexcept override;
  std::optional<std::uint64_t> device_address(const std::byte* first, std::size_t bytes) override {
    return placed_.find(first, bytes);
  }
  std::unique_ptr<card_memory> allocate_on_card(const std::string& bank,
                                                std::size_t bytes) override;
  // Throws std::runtime_error when the card has vanished.
  void relax() override;
  std::uint64_t now_ns() override;
  void advance_to(std::uint64_t) override {}
  bool wait_interrupt(std::uint64_t timeout_ns) override;

  placed_memory& placed() noexcept { return placed_; }

 private:
  // Memories on the card that the xclbin's kernels use, by name.
  using banks = std::vector<std::pair<std::string, xrt::memory_group>>;
  struct opened;
  static opened open(const settings& asked);
  explicit xrt_card(opened&& o);

  bool raised();
  void watch();
  void lose(const std::string& why) noexcept;
  void reset();
  void need_host_memory();

  xrt::device device_;
  xrt::ip ip_;
  const xrt::memory_group host_bank_;
  const banks banks_;
  placed_memory placed_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  std::atomic<std::int64_t> next_watch_{0};  // ns since start_
  std::atomic<bool> gone_{false};
  std::mutex gone_mutex_;
  std::string why_gone_;

  // One thread waits for XRT's notification, the others for that thread.
  std::mutex interrupt_mutex_;
  std::condition_variable interrupt_came_;
  bool somebody_waits_ = false;
  std::unique_ptr<xrt::ip::interrupt> notification_;  // made by the first who waits
};

}  // namespace exalloc::xrt_card
