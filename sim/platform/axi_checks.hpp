// Checks of the AXI4, AXI4-Lite and AXI-Stream protocols on the card's pins, both sides of every
// channel. Rules by their numbers in AMBA AXI (IHI 0022) and AXI-Stream (IHI 0051).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>

#include "bus_pins.hpp"

namespace exalloc::sim {

// Once valid, a channel stays as it is until ready.
template <typename channel>
class stable_channel {
 public:
  // False when the channel at this edge breaks the promise of the last one.
  template <typename same_payload>
  bool keeps(const channel& now, same_payload&& same) {
    const bool kept = !waiting_ || (now.valid && same(before_, now));
    waiting_ = now.valid && !now.ready;
    if (waiting_) before_ = now;
    return kept;
  }
  void reset() { waiting_ = false; }

 private:
  bool waiting_ = false;
  channel before_{};
};

class axi_checks final : public bus_watcher {
 public:
  static constexpr unsigned line_bytes = 64;
  static constexpr unsigned page = 4096;

  void edge(const bus_pins& pins) override;
  // The rule broken first, and where; empty if none was. Nothing more is checked after it.
  const std::string& violation() const { return violation_; }
  // What somebody else has checked at this edge.
  void check(bool holds, const char* bus, const char* rule);
  // A stream port that is told to stop may take back the token it offers (docs/protocol.md).
  void stream_changes(unsigned port) { pop_may_fall_.at(port) = true; }
  // Another kernel starts its offers anew.
  void kernel_changes(unsigned port) { push_.at(port).reset(); }

 private:
  using lite = axi4_lite_pins;
  using full = axi4_pins;

  void reset();
  void check_registers(const lite& r);
  void check_memory(const full& m);
  void check_address(const full::address_channel& a, const char* bus);
  void check_streams(const bus_pins& pins);

  std::string violation_;
  std::uint64_t edges_ = 0;

  stable_channel<lite::address_channel> lite_write_address_, lite_read_address_;
  stable_channel<lite::data_channel> lite_write_data_;
  stable_channel<lite::answer_channel> lite_write_answer_, lite_read_data_;
  unsigned lite_addresses_ = 0, lite_data_ = 0, lite_reads_ = 0;  // not answered

  stable_channel<full::address_channel> write_address_, read_address_;
  stable_channel<full::data_channel> write_data_, read_data_;
  stable_channel<full::answer_channel> write_answer_;
  std::deque<unsigned> write_lengths_, write_bursts_;  // in beats: as announced, as sent
  unsigned beats_sent_ = 0;                            // of the burst whose data are coming
  unsigned writes_ = 0;                                // complete and not answered
  std::deque<unsigned> reads_;                         // beats left of each burst under way

  std::array<stable_channel<axi_stream_pins>, bus_pins::streams> pop_, push_;
  std::array<bool, bus_pins::streams> pop_may_fall_{};
};

}  // namespace exalloc::sim
