// event_counters: sums beyond every piece of the 64-bit adder, reads that hang together, reset.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

#include "Vevent_counters.h"

namespace {

class EventCounters : public ::testing::Test {
 protected:
  EventCounters() { Reset(); }
  void Cycle() {
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  }
  void Reset() {
    m.rst_i = 1;
    Cycle();
    Cycle();
    m.rst_i = 0;
    for (unsigned w = 0; w < 4; ++w) m.increments_i[w] = 0;
    for (int i = 0; i < 40; ++i) Cycle();
  }
  std::uint32_t Half(unsigned index, bool high) {
    m.re_i = 1;
    m.index_i = static_cast<std::uint8_t>(index);
    m.high_i = high;
    Cycle();
    m.re_i = 0;
    Cycle();
    return m.rdata_o;
  }
  std::uint64_t Value(unsigned index) {
    const std::uint64_t low = Half(index, false);
    return low | std::uint64_t{Half(index, true)} << 32;
  }
  Vevent_counters m;
};

TEST_F(EventCounters, AddWhatComesEveryCycle) {
  std::mt19937_64 rng(5);
  std::array<std::uint64_t, 16> expected{};
  for (int i = 0; i < 400'000; ++i) {
    for (unsigned w = 0; w < 4; ++w) {
      m.increments_i[w] = static_cast<std::uint32_t>(rng() | rng());
    }
    for (unsigned c = 0; c < 16; ++c) {
      expected[c] += m.increments_i[c / 4] >> (8 * (c % 4)) & 0xff;
    }
    Cycle();
  }
  for (unsigned w = 0; w < 4; ++w) m.increments_i[w] = 0;
  for (int i = 0; i < 20; ++i) Cycle();
  for (unsigned c = 0; c < 16; ++c) EXPECT_EQ(Value(c), expected[c]) << c;
  EXPECT_GT(expected[0], std::uint64_t{1} << 26);  // past the first piece of the adder
  EXPECT_EQ(Value(16), 0u);
  Reset();
  for (unsigned c = 0; c < 16; ++c) EXPECT_EQ(Value(c), 0u) << c;
}

TEST_F(EventCounters, HighIsThatOfTheLastLow) {
  for (unsigned w = 0; w < 4; ++w) m.increments_i[w] = 0xffffffff;
  std::uint64_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t now = Value(3);
    ASSERT_GE(now, last);
    ASSERT_LE(now - last, 255u * 40);
    last = now;
  }
}

}  // namespace
