#include "platform/axi_checks.hpp"

#include <fmt/format.h>

namespace exalloc::sim {
namespace {

constexpr unsigned incrementing = 1;
constexpr unsigned most_beats = 256;

bool same(const axi4_lite_pins::address_channel& a, const axi4_lite_pins::address_channel& b) {
  return a.address == b.address;
}
bool same(const axi4_lite_pins::data_channel& a, const axi4_lite_pins::data_channel& b) {
  return a.data == b.data && a.strobe == b.strobe;
}
bool same(const axi4_lite_pins::answer_channel& a, const axi4_lite_pins::answer_channel& b) {
  return a.response == b.response && a.data == b.data;
}
bool same(const axi4_pins::address_channel& a, const axi4_pins::address_channel& b) {
  return a.address == b.address && a.id == b.id && a.length == b.length && a.size == b.size &&
         a.burst == b.burst;
}
bool same(const axi4_pins::data_channel& a, const axi4_pins::data_channel& b) {
  return a.id == b.id && a.response == b.response && a.strobe == b.strobe && a.last == b.last &&
         a.data == b.data;
}
bool same(const axi4_pins::answer_channel& a, const axi4_pins::answer_channel& b) {
  return a.id == b.id && a.response == b.response;
}
bool same(const axi_stream_pins& a, const axi_stream_pins& b) { return a.data == b.data; }

constexpr auto same_payload = [](const auto& a, const auto& b) { return same(a, b); };
constexpr const char* stable = "a channel changed between VALID and READY (A3.2.1)";

}  // namespace

void axi_checks::check(bool holds, const char* bus, const char* rule) {
  if (!holds && violation_.empty())
    violation_ = fmt::format("{}, clock edge {}: {}", bus, edges_, rule);
}

void axi_checks::reset() {
  const std::string violation = violation_;
  const std::uint64_t edges = edges_;
  *this = {};
  violation_ = violation;
  edges_ = edges;
}

void axi_checks::edge(const bus_pins& pins) {
  ++edges_;
  if (!violation_.empty()) return;
  if (pins.reset) return reset();
  check_registers(pins.registers);
  check_memory(pins.memory);
  check_streams(pins);
}

void axi_checks::check_registers(const lite& r) {
  constexpr const char* bus = "AXI4-Lite";
  check(lite_write_address_.keeps(r.write_address, same_payload), bus, stable);
  check(lite_write_data_.keeps(r.write_data, same_payload), bus, stable);
  check(lite_read_address_.keeps(r.read_address, same_payload), bus, stable);
  check(lite_write_answer_.keeps(r.write_answer, same_payload), bus, stable);
  check(lite_read_data_.keeps(r.read_data, same_payload), bus, stable);
  if (r.write_answer.valid) {
    check(lite_addresses_ != 0 && lite_data_ != 0, bus,
          "BVALID without an accepted address and data (A3.3.1)");
    if (r.write_answer.ready) --lite_addresses_, --lite_data_;
  }
  if (r.read_data.valid) {
    check(lite_reads_ != 0, bus, "RVALID without an accepted address (A3.3.1)");
    if (r.read_data.ready) --lite_reads_;
  }
  check(!r.write_answer.valid || r.write_answer.response != 1, bus, "EXOKAY is no answer (B1.1.1)");
  check(!r.read_data.valid || r.read_data.response != 1, bus, "EXOKAY is no answer (B1.1.1)");
  lite_addresses_ += r.write_address.moves();
  lite_data_ += r.write_data.moves();
  lite_reads_ += r.read_address.moves();
}

void axi_checks::check_address(const full::address_channel& a, const char* bus) {
  if (!a.valid) return;
  const unsigned bytes = 1u << a.size;
  check(bytes == line_bytes, bus, "the burst's beats are not whole lines");
  check(a.burst == incrementing, bus, "the burst does not increment");
  check(a.address % bytes == 0, bus, "the burst is not aligned to a line");
  check(a.address / page == (a.address + (a.length + 1) * bytes - 1) / page, bus,
        "the burst crosses a 4 KiB boundary (A3.4.1)");
}

void axi_checks::check_memory(const full& m) {
  constexpr const char* bus = "AXI4";
  check(write_address_.keeps(m.write_address, same_payload), bus, stable);
  check(write_data_.keeps(m.write_data, same_payload), bus, stable);
  check(read_address_.keeps(m.read_address, same_payload), bus, stable);
  check(read_data_.keeps(m.read_data, same_payload), bus, stable);
  check(write_answer_.keeps(m.write_answer, same_payload), bus, stable);
  check_address(m.write_address, bus);
  check_address(m.read_address, bus);

  if (m.write_answer.valid) {
    check(writes_ != 0, bus, "BVALID without a complete write (A3.3.1)");
    if (m.write_answer.ready) --writes_;
  }
  if (m.read_data.valid) {
    check(!reads_.empty(), bus, "RVALID without an accepted address (A3.3.1)");
    if (reads_.empty()) return;
    check(m.read_data.last == (reads_.front() == 1), bus, "RLAST is not at the last beat (A3.4.1)");
    if (m.read_data.ready && --reads_.front() == 0) reads_.pop_front();
  }
  if (m.read_address.moves()) reads_.push_back(m.read_address.length + 1);
  if (m.write_address.moves()) write_lengths_.push_back(m.write_address.length + 1);
  if (m.write_data.moves()) {
    check(++beats_sent_ <= most_beats, bus, "a write burst without end (A3.4.1)");
    if (m.write_data.last) {
      write_bursts_.push_back(beats_sent_);
      beats_sent_ = 0;
    }
  }
  while (!write_lengths_.empty() && !write_bursts_.empty()) {
    check(write_lengths_.front() == write_bursts_.front(), bus,
          "WLAST is not at the last beat (A3.4.1)");
    write_lengths_.pop_front();
    write_bursts_.pop_front();
    ++writes_;
  }
}

void axi_checks::check_streams(const bus_pins& pins) {
  constexpr const char* rule = "a stream changed between TVALID and TREADY (2.2.1)";
  for (unsigned i = 0; i < bus_pins::streams; ++i) {
    if (pop_may_fall_[i] && !pins.pop[i].valid) {
      pop_[i].reset();
      pop_may_fall_[i] = false;
    }
    check(pop_[i].keeps(pins.pop[i], same_payload), "AXI-Stream, pop", rule);
    check(push_[i].keeps(pins.push[i], same_payload), "AXI-Stream, push", rule);
  }
}

}  // namespace exalloc::sim
