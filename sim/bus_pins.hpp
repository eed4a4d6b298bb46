// The pins of the card's buses at a rising edge of its clock, for whoever checks them.
#pragma once

#include <array>
#include <cstdint>

namespace exalloc::sim {

using line_data = std::array<std::uint32_t, 16>;  // 64 bytes, word 0 at the lowest address

struct handshake {
  bool valid = false, ready = false;
  bool moves() const { return valid && ready; }
};

struct axi4_lite_pins {
  struct address_channel : handshake {
    std::uint32_t address = 0;
  } write_address, read_address;
  struct data_channel : handshake {
    std::uint32_t data = 0;
    unsigned strobe = 0;
  } write_data;
  struct answer_channel : handshake {
    unsigned response = 0;
    std::uint32_t data = 0;  // of a read
  } write_answer, read_data;
};

struct axi4_pins {
  struct address_channel : handshake {
    std::uint64_t address = 0;
    unsigned id = 0, length = 0, size = 0, burst = 0;
  } write_address, read_address;
  struct data_channel : handshake {
    unsigned id = 0, response = 0;  // of a read
    std::uint64_t strobe = 0;       // of a write
    bool last = false;
    line_data data{};
  } write_data, read_data;
  struct answer_channel : handshake {
    unsigned id = 0, response = 0;
  } write_answer;
};

struct axi_stream_pins : handshake {
  std::uint32_t data = 0;
};

struct bus_pins {
  static constexpr unsigned streams = 4;
  bool reset = false;
  axi4_lite_pins registers;  // the card answers
  axi4_pins memory;          // the card asks
  std::array<axi_stream_pins, streams> pop, push;
};

class bus_watcher {
 public:
  virtual ~bus_watcher() = default;
  virtual void edge(const bus_pins& pins) = 0;
};

}  // namespace exalloc::sim
