// Memory behind an AXI4 master with 512-bit data and one ID: random latency and back-pressure on
// all channels, errors on demand, and checks of the protocol.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace exalloc::test {

using LineWords = std::array<std::uint32_t, 16>;

// The line at a place of a port that holds one or more of them.
template <class Port>
LineWords GetLine(const Port& port, unsigned place = 0) {
  LineWords words;
  for (unsigned i = 0; i < 16; ++i) words[i] = port[16 * place + i];
  return words;
}
template <class Port>
void PutLine(Port& port, unsigned place, const LineWords& words) {
  for (unsigned i = 0; i < 16; ++i) port[16 * place + i] = words[i];
}

struct AxiTiming {
  unsigned read_latency = 20;
  unsigned write_latency = 20;
  unsigned jitter = 40;         // cycles added at random
  unsigned ready_percent = 70;  // how often each ready and each answer's valid is high
};

template <class Model>
class AxiMemory {
 public:
  AxiMemory(std::uint64_t base, std::size_t bytes, std::uint64_t seed)
      : base_(base), lines_(bytes / 64), rng_(seed) {}

  AxiTiming timing;
  // Both answer true where the bus is to answer with an error.
  std::function<bool(std::uint64_t)> read_fails = [](std::uint64_t) { return false; };
  std::function<bool(std::uint64_t)> write_fails = [](std::uint64_t) { return false; };
  std::function<void(std::uint64_t)> on_write = [](std::uint64_t) {};
  // Where the memory keeps what the bus calls by an address.
  std::function<std::uint64_t(std::uint64_t)> locate = [](std::uint64_t address) {
    return address;
  };
  // Told of every read burst: its address and its lines.
  std::function<void(std::uint64_t, unsigned)> on_burst = [](std::uint64_t, unsigned) {};

  LineWords& Line(std::uint64_t address) {
    const std::uint64_t index = (locate(address) - base_) / 64;
    if (!Inside(address)) {
      ADD_FAILURE() << "address outside the memory: " << std::hex << address;
      return lines_[0];
    }
    return lines_[index];
  }
  void Clear(std::uint64_t address, unsigned count) {
    for (unsigned i = 0; i < count; ++i) Line(address + 64 * i) = {};
  }
  [[nodiscard]] bool Quiet() const {
    return reads_.empty() && writes_.empty() && addresses_.empty() && data_.empty();
  }
  [[nodiscard]] std::uint64_t reads() const { return lines_read_; }
  [[nodiscard]] std::uint64_t bursts() const { return bursts_; }
  [[nodiscard]] std::uint64_t writes() const { return lines_written_; }

  // What both sides saw in the cycle that ends now.
  void Sample(Model& m) {
    ++now_;
    if (m.rst_i) {
      held_ = {};
      return;
    }
    if constexpr (kReads) SampleReads(m);
    if constexpr (kWrites) SampleWrites(m);
  }

  // Inputs of the next cycle.
  void Drive(Model& m) {
    if constexpr (kReads) DriveReads(m);
    if constexpr (kWrites) DriveWrites(m);
  }

 private:
  // A module that only reads, or only writes, has the ports of its own side; the fixed signals are
  // the card's.
  static constexpr bool kReads = requires(Model m) { m.m_axi_arvalid_o; };
  static constexpr bool kWrites = requires(Model m) { m.m_axi_awvalid_o; };
  static constexpr bool kWhole = requires(Model m) { m.m_axi_arsize_o; };

  struct Read {
    std::uint64_t address;
    unsigned length, beat;
    std::uint64_t due;
  };
  struct Write {
    std::uint64_t address;
    LineWords words;
    std::uint64_t due;
  };
  // Payloads that were offered and not taken.
  struct Held {
    bool ar = false, aw = false, w = false;
    std::uint64_t araddr = 0, awaddr = 0;
    unsigned arlen = 0;
    LineWords wdata{};
  };

  bool Chance() { return rng_() % 100 < timing.ready_percent; }
  std::uint64_t Delay(unsigned least) {
    return least + (timing.jitter != 0 ? rng_() % timing.jitter : 0);
  }
  [[nodiscard]] bool Inside(std::uint64_t address) const {
    const std::uint64_t place = locate(address);
    return place >= base_ && (place - base_) / 64 < lines_.size();
  }

  // Said once: a master that has given up would fill the log.
  void CheckReady(bool ready) {
    if (!ready && !std::exchange(told_, true)) {
      ADD_FAILURE() << "not ready for answers that are still to come";
    }
  }

  void SampleReads(Model& m) {
    if (held_.ar) {
      EXPECT_TRUE(m.m_axi_arvalid_o) << "arvalid withdrawn";
      EXPECT_EQ(m.m_axi_araddr_o, held_.araddr);
      EXPECT_EQ(m.m_axi_arlen_o, held_.arlen);
    }
    held_.ar = m.m_axi_arvalid_o && !m.m_axi_arready_i;
    held_.araddr = m.m_axi_araddr_o;
    held_.arlen = m.m_axi_arlen_o;
    CheckReady(m.m_axi_rready_o || reads_.empty());
    if (m.m_axi_arvalid_o && m.m_axi_arready_i) {
      const std::uint64_t address = m.m_axi_araddr_o;
      const unsigned length = m.m_axi_arlen_o + 1u;
      if constexpr (kWhole) {
        EXPECT_EQ(m.m_axi_arsize_o, 6);
        EXPECT_EQ(m.m_axi_arburst_o, 1);
      }
      EXPECT_EQ(address % 64, 0u);
      EXPECT_LE(length, 4u);
      EXPECT_EQ(address / 4096, (address + 64 * length - 1) / 4096) << "crosses 4 KiB";
      reads_.push_back({address, length, 0, now_ + Delay(timing.read_latency)});
      ++bursts_;
      on_burst(address, length);
    }
    if (m.m_axi_rvalid_i && m.m_axi_rready_o) {
      ++lines_read_;
      Read& r = reads_.front();
      if (++r.beat == r.length) reads_.pop_front();
      read_taken_ = true;
    }
  }

  void SampleWrites(Model& m) {
    if (held_.aw) {
      EXPECT_TRUE(m.m_axi_awvalid_o) << "awvalid withdrawn";
      EXPECT_EQ(m.m_axi_awaddr_o, held_.awaddr);
    }
    if (held_.w) {
      EXPECT_TRUE(m.m_axi_wvalid_o) << "wvalid withdrawn";
      EXPECT_EQ(GetLine(m.m_axi_wdata_o), held_.wdata);
    }
    held_.aw = m.m_axi_awvalid_o && !m.m_axi_awready_i;
    held_.w = m.m_axi_wvalid_o && !m.m_axi_wready_i;
    held_.awaddr = m.m_axi_awaddr_o;
    if (held_.w) held_.wdata = GetLine(m.m_axi_wdata_o);
    CheckReady(m.m_axi_bready_o || writes_.empty());
    if (m.m_axi_awvalid_o && m.m_axi_awready_i) {
      if constexpr (kWhole) {
        EXPECT_EQ(m.m_axi_awsize_o, 6);
        EXPECT_EQ(m.m_axi_awlen_o, 0);
        EXPECT_EQ(m.m_axi_awburst_o, 1);
      }
      EXPECT_EQ(m.m_axi_awaddr_o % 64, 0u);
      addresses_.push_back(m.m_axi_awaddr_o);
    }
    if (m.m_axi_wvalid_o && m.m_axi_wready_i) {
      if constexpr (kWhole) {
        EXPECT_EQ(m.m_axi_wlast_o, 1);
        EXPECT_EQ(m.m_axi_wstrb_o, ~std::uint64_t{0});
      }
      data_.push_back(GetLine(m.m_axi_wdata_o));
    }
    while (!addresses_.empty() && !data_.empty()) {
      writes_.push_back({addresses_.front(), data_.front(), now_ + Delay(timing.write_latency)});
      addresses_.pop_front();
      data_.pop_front();
    }
    if (m.m_axi_bvalid_i && m.m_axi_bready_o) {
      writes_.pop_front();
      answer_taken_ = true;
    }
  }

  void DriveReads(Model& m) {
    if (read_taken_) m.m_axi_rvalid_i = 0;
    read_taken_ = false;
    m.m_axi_arready_i = Chance();
    if (m.m_axi_rvalid_i || reads_.empty() || reads_.front().due > now_ || !Chance()) return;
    const Read& r = reads_.front();
    const std::uint64_t address = r.address + 64 * r.beat;
    const bool bad = !Inside(address) || read_fails(address);
    m.m_axi_rvalid_i = 1;
    m.m_axi_rlast_i = r.beat + 1 == r.length;
    m.m_axi_rresp_i = bad ? 2 : 0;
    LineWords garbage;
    garbage.fill(0xdeadbeef);
    PutLine(m.m_axi_rdata_i, 0, bad ? garbage : Line(address));
  }

  void DriveWrites(Model& m) {
    if (answer_taken_) m.m_axi_bvalid_i = 0;
    answer_taken_ = false;
    m.m_axi_awready_i = Chance();
    m.m_axi_wready_i = Chance();
    if (m.m_axi_bvalid_i || writes_.empty() || writes_.front().due > now_ || !Chance()) return;
    const Write& w = writes_.front();
    const bool bad = !Inside(w.address) || write_fails(w.address);
    m.m_axi_bvalid_i = 1;
    m.m_axi_bresp_i = bad ? 2 : 0;
    if (bad) return;
    Line(w.address) = w.words;
    ++lines_written_;
    on_write(w.address);
  }

  std::uint64_t base_;
  std::vector<LineWords> lines_;
  std::mt19937_64 rng_;
  std::uint64_t now_ = 0;
  std::deque<Read> reads_;
  std::deque<std::uint64_t> addresses_;
  std::deque<LineWords> data_;
  std::deque<Write> writes_;
  Held held_;
  bool read_taken_ = false, answer_taken_ = false, told_ = false;
  std::uint64_t lines_read_ = 0, bursts_ = 0, lines_written_ = 0;
};

}  // namespace exalloc::test
