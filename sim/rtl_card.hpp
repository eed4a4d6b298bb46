// The Verilated card behind one narrow interface: a clock, registers, and memory traffic.
//
// Whoever hosts the model moves its requests. Nothing of Verilator shows here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bus_pins.hpp"
#include "exalloc/card.hpp"

namespace exalloc::sim {

struct read_request {  // the card reads whole lines
  std::uint64_t address;
  unsigned lines;
};
struct write_request {  // the card writes one line
  std::uint64_t address;
  line_data data;
};
struct register_answer {
  bool ok;
  std::uint32_t value;          // of a read
  const char* error = nullptr;  // what failed on the way, if it was not the card that refused it
};
// How the card's own accesses end.
enum class axi_response : std::uint8_t { okay = 0, slave_error = 2, decode_error = 3 };

// Not thread safe. Requests are taken and answered in order; an answer is seen from the next clock
// on.
class rtl_card {
 public:
  // Units at rest (workers, banks, stream ports, lookaside lists) get no clock, which saves most of
  // the time and changes nothing on the pins; a waveform shows in them what they held last.
  enum class clocked { active_units, all_units };
  explicit rtl_card(clocked which = clocked::active_units);
  ~rtl_card();
  rtl_card(const rtl_card&) = delete;
  rtl_card& operator=(const rtl_card&) = delete;

  static constexpr double clock_mhz = 300.0;
  static constexpr unsigned stream_ports = 4;

  // Holds reset for some cycles. Everything in flight is forgotten, on the buses too.
  void reset();
  // One cycle of the kernel clock.
  void clock();
  // Cycles clocked since construction.
  std::uint64_t cycles() const;
  // Nothing can happen before the host or a kernel acts or memory answers: cycles may be left out.
  bool idle() const;
  // Tells the card, at its next clock, that so many cycles have been left out: for its own time.
  void leave_out(std::uint64_t cycles);

  // Register access on AXI4-Lite: one at a time.
  void start_register_write(std::uint32_t offset, std::uint32_t value);
  void start_register_read(std::uint32_t offset);
  std::optional<register_answer> take_register_answer();

  // Memory traffic on AXI4.
  std::optional<read_request> take_read();
  void answer_read(const line_data& data, axi_response how);  // once a line
  std::optional<write_request> take_write();
  void answer_write(axi_response how);

  // The pins of a stream port, as they stood at the last clock; what the kernel's side sets there
  // acts from the next clock on.
  stream_pins& stream(unsigned port);
  // The token that it offers at the coming clock; that comes from flip-flops.
  std::optional<std::uint32_t> offered(unsigned port) const;

  bool interrupt() const;

  // Shows the pins to somebody at every clock edge from now on; null for nobody.
  void watch(bus_watcher* watcher);

  // Records waveforms to an FST file from now on; an empty name completes the file. Its times are
  // 300 MHz, left-out cycles included, resets not. Throws std::runtime_error when it cannot be
  // written.
  void trace(const std::string& file);

 private:
  struct model;
  std::unique_ptr<model> model_;
};

}  // namespace exalloc::sim
