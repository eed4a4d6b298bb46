// event_counters: sums beyond every piece of the 64-bit adder, reads that hang together, reset.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

#include "Vevent_counters.h"
#include "Vevent_counters___024root.h"

namespace {

class EventCounters : public ::testing::Test {
 protected:
  EventCounters() { Reset(); }
  ~EventCounters() override { m.final(); }
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
  // Sums no test can count up to. What is on its way through the adder must be of them too.
  void Preset(const std::array<std::uint64_t, 16>& sums) {
    for (int i = 0; i < 8; ++i) {
      for (unsigned c = 0; c < 16; ++c) m.rootp->event_counters__DOT__mem[c] = sums[c];
      Cycle();
    }
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

// From just below a carry into each piece of the adder.
TEST_F(EventCounters, CarryThroughAllSixtyFourBits) {
  std::mt19937_64 rng(6);
  for (int round = 0; round < 200; ++round) {
    std::array<std::uint64_t, 16> expected{};
    for (unsigned c = 0; c < 16; ++c) {
      const unsigned bits =
          std::array{22u, 43u, 64u, 22u + static_cast<unsigned>(rng() % 43)}[rng() % 4];
      expected[c] = (~std::uint64_t{0} >> (64 - bits)) - rng() % 512;
      if (rng() % 4 == 0) expected[c] = rng();
    }
    Preset(expected);
    for (int i = 0; i < 8; ++i) {
      for (unsigned c = 0; c < 16; ++c) {
        if (c % 4 == 0) m.increments_i[c / 4] = static_cast<std::uint32_t>(rng());
        expected[c] += m.increments_i[c / 4] >> (8 * (c % 4)) & 0xff;
      }
      Cycle();
    }
    for (unsigned w = 0; w < 4; ++w) m.increments_i[w] = 0;
    for (int i = 0; i < 40; ++i) Cycle();
    for (unsigned c = 0; c < 16; ++c) ASSERT_EQ(Value(c), expected[c]) << c;
  }
}

TEST_F(EventCounters, AnswerStaysUntilTheNextRead) {
  std::mt19937_64 rng(7);
  std::array<std::uint64_t, 16> sums{};
  for (std::uint64_t& sum : sums) sum = rng();
  Preset(sums);
  for (int i = 0; i < 2000; ++i) {
    const auto index = static_cast<unsigned>(rng() % 16);
    const std::uint32_t low = Half(index, false);
    const auto high = static_cast<std::uint32_t>(sums[index] >> 32);
    for (auto idle = rng() % 4; idle > 0; --idle) {
      m.index_i = static_cast<std::uint8_t>(rng() % 16);
      m.high_i = rng() % 2;
      Cycle();
      ASSERT_EQ(m.rdata_o, low);
    }
    ASSERT_EQ(Half(static_cast<unsigned>(rng() % 16), true), high);
  }
}

}  // namespace
