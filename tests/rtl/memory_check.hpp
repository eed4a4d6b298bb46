// The bank's memories against an array: one write and one read a cycle, read data `kLatency` cycles
// later, a write never seen by a read of the same or an earlier cycle.
#pragma once

#include <array>
#include <bit>
#include <deque>
#include <optional>
#include <vector>

#include "ports.hpp"

namespace memory_check {

template <typename Dut, unsigned kDepth, unsigned kLatency>
class MemoryTest : public ports::SeededTest {
 protected:
  using Word = std::array<uint32_t, 3>;  // 72 bits
  ~MemoryTest() override { dut_.final(); }

  Word RandomWord() {
    return {static_cast<uint32_t>(rng_()), static_cast<uint32_t>(rng_()), Random(256)};
  }

  void Cycle(bool write, unsigned to, const Word& word, unsigned from) {
    dut_.wr_en_i = write;
    dut_.wr_addr_i = static_cast<uint16_t>(to);
    dut_.rd_addr_i = static_cast<uint16_t>(from);
    for (unsigned i = 0; i < 3; ++i) dut_.wr_data_i[i] = word[i];
    dut_.clk_i = 0;
    dut_.eval();
    under_way_.push_back(truth_[from]);  // before the write: the reader forwards
    if (write) truth_[to] = word;
    dut_.clk_i = 1;
    dut_.eval();
    if (under_way_.size() < kLatency) return;
    const std::optional<Word> expected = under_way_.front();
    under_way_.pop_front();
    if (!expected) return;  // no initial value
    for (unsigned i = 0; i < 3; ++i) ASSERT_EQ(dut_.rd_data_o[i], (*expected)[i]) << "word " << i;
    ++compared_;
  }

  // A word in every place, then all of them read: no two addresses share a place.
  void FillAndReadAll() {
    for (unsigned a = 0; a < kDepth && !HasFatalFailure(); ++a) Cycle(true, a, RandomWord(), 0);
    for (unsigned a = 0; a < kDepth && !HasFatalFailure(); ++a) {
      Cycle(false, a, RandomWord(), a);
    }
    EXPECT_GE(compared_, kDepth);
  }

  // Reads that meet writes: a few addresses, all equal but in one bit.
  void RandomTraffic(unsigned cycles) {
    for (unsigned n = 0; n < cycles && !HasFatalFailure(); ++n) {
      if (n % 64 == 0) base_ = Random(kDepth);
      const auto address = [&] {
        return Chance(30) ? base_ : base_ ^ (1u << Random(std::bit_width(kDepth - 1)));
      };
      Cycle(Chance(n / 256 % 2 != 0 ? 90 : 40), address(), RandomWord(), address());
    }
  }

  // Read, write and read again the same address back to back: old, old, new.
  void ReadDuringWrite() {
    for (unsigned a : {0u, 1u, kDepth / 4 - 1, kDepth / 4, kDepth - 1}) {
      Cycle(true, a, RandomWord(), a);
      Cycle(true, a, RandomWord(), a);
      for (int i = 0; i < 4; ++i) Cycle(i == 1, a, RandomWord(), a);
    }
  }

  Dut dut_;
  std::vector<std::optional<Word>> truth_ = std::vector<std::optional<Word>>(kDepth);
  std::deque<std::optional<Word>> under_way_;
  unsigned base_ = 0;
  uint64_t compared_ = 0;
};

}  // namespace memory_check
