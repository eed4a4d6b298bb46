// tally: the sum of what came three cycles ago, whatever comes between.
#include <deque>

#include "Vtally.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kSources = 8, kWidth = 4;

using Tally = ports::ModuleTest<Vtally>;

TEST_F(Tally, AddsWhatCameThreeCyclesAgo) {
  std::deque<unsigned> sums(3, 0);
  bool most = false;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(dut_.sum_o, sums.front());
    sums.pop_front();
    const unsigned dice = Random(10);
    std::uint32_t values = static_cast<std::uint32_t>(rng_());
    if (dice == 0) values = 0;
    if (dice == 1) values = ~0u;
    if (dice == 2) values = 0xfu << (kWidth * Random(kSources));  // each source alone
    dut_.values_i = values;
    unsigned sum = 0;
    for (unsigned s = 0; s < kSources; ++s) sum += values >> (kWidth * s) & 0xf;
    most = most || sum == kSources * 15;
    sums.push_back(sum);
    Cycle();
  }
  EXPECT_TRUE(most);
}

TEST_F(Tally, ForgetsAtReset) {
  dut_.values_i = ~0u;
  Cycles(5);
  EXPECT_EQ(dut_.sum_o, 120);
  dut_.rst_i = 1;
  Cycle();
  EXPECT_EQ(dut_.sum_o, 0);
  dut_.rst_i = 0;
  dut_.values_i = 0;
  for (int i = 0; i < 4; ++i) {
    Cycle();
    EXPECT_EQ(dut_.sum_o, 0);
  }
}

}  // namespace
