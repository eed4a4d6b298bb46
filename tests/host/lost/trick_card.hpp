// A soft card that can be told to answer late, wrongly or never.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "card/soft_card.hpp"

namespace exalloc::test {

enum class trick : int {
  none,
  deaf,       // doorbells are dropped
  late,       // doorbells are kept back until answer_late()
  stopped,    // the same as deaf, and the portals say that they have failed
  busy,       // commands never end
  all_ones,   // registers read as a card's that is not there any more
  bus_error,  // every access fails
};

class trick_card final : public card {
 public:
  explicit trick_card(std::uint32_t patience_ms = 100) : patience_ms_(patience_ms) {}
  void play(trick what) { trick_.store(what); }
  // Delivers what was kept back.
  void answer_late() {
    play(trick::none);
    const std::lock_guard lock(mutex_);
    for (const auto& [offset, value] : kept_) inner_.write(offset, value);
    kept_.clear();
  }

  std::string_view name() const noexcept override { return "trick"; }
  std::uint32_t patience_ms() const noexcept override { return patience_ms_; }
  std::uint32_t read(std::uint32_t offset) override {
    const trick now = trick_.load();
    fail_if(now);
    if (now == trick::all_ones) return ~0U;
    std::uint64_t value = inner_.read(offset);
    if (now == trick::busy && offset == regs::offset::card_status)
      value = regs::card_status::command_busy.set(value, 1);
    if (now == trick::stopped && in_portal(offset) == regs::offset::portal_status)
      value = regs::portal_status::failed.set(value, 1);
    return static_cast<std::uint32_t>(value);
  }
  void write(std::uint32_t offset, std::uint32_t value) override {
    const trick now = trick_.load();
    fail_if(now);
    if (in_portal(offset) == regs::offset::doorbell) {
      if (now == trick::late) {
        const std::lock_guard lock(mutex_);
        kept_.emplace_back(offset, value);
        return;
      }
      if (now == trick::deaf || now == trick::stopped || now == trick::all_ones) return;
    }
    inner_.write(offset, value);
  }
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    return inner_.allocate(bytes);
  }
  void relax() override {
    fail_if(trick_.load());
    inner_.relax();
  }
  std::uint64_t now_ns() override { return inner_.now_ns(); }
  void advance_to(std::uint64_t ns) override { inner_.advance_to(ns); }
  bool wait_interrupt(std::uint64_t timeout_ns) override {
    return inner_.wait_interrupt(timeout_ns);
  }

 private:
  static void fail_if(trick now) {
    if (now == trick::bus_error) throw std::runtime_error("the bus answered with an error");
  }
  static std::uint32_t in_portal(std::uint32_t offset) {
    namespace off = regs::offset;
    const std::uint32_t within = offset - off::portals_base;
    return within < off::portals_stride * off::portals_count ? within % off::portals_stride : ~0U;
  }

  const std::uint32_t patience_ms_;
  soft::soft_card inner_;
  std::atomic<trick> trick_{trick::none};
  std::mutex mutex_;
  std::deque<std::pair<std::uint32_t, std::uint32_t>> kept_;
};

}  // namespace exalloc::test
