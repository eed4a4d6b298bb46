// cycle_counter: every cycle, and those that were left out, through every piece of the adder.
#include <array>
#include <cstdint>

#include "Vcycle_counter.h"
#include "module_test.hpp"

namespace {

class CycleCounter : public ports::ModuleTest<Vcycle_counter> {
 protected:
  static constexpr unsigned kLag = 4;  // cycles until one must show

  void Step(uint32_t gated) {
    dut_.gated_cycles_i = gated;
    Cycle();
    for (unsigned i = kLag; i > 0; --i) sums_[i] = sums_[i - 1];
    sums_[0] += 1 + uint64_t{gated};
  }
  uint32_t Half(bool high, uint32_t gated) {
    dut_.re_i = 1;
    dut_.high_i = high;
    Step(gated);
    dut_.re_i = 0;
    Step(gated);
    const uint32_t data = dut_.rdata_o;
    if (Chance(20)) {
      dut_.high_i = !high;
      Step(gated);
      EXPECT_EQ(dut_.rdata_o, data) << "nobody reads";
    }
    return data;
  }

  std::array<uint64_t, kLag + 1> sums_{};  // now, a cycle ago, ...
};

TEST_F(CycleCounter, CountsWhatPassed) {
  for (unsigned i = 0; i < 5; ++i) Step(0);
  uint64_t last = 0;
  for (unsigned n = 0; n < 200'000 && !HasFailure(); ++n) {
    const unsigned kind = n / 2000 % 4;
    const auto gated = [&]() -> uint32_t {
      if (kind == 0) return 0;
      if (kind == 1) return Chance(10) ? Random(1000) : 0;
      return kind == 2 ? static_cast<uint32_t>(rng_()) >> Random(32) : ~0u;
    };
    for (unsigned i = Random(4); i > 0; --i) Step(gated());
    const uint64_t before = sums_[kLag];
    const uint64_t low = Half(false, gated());
    const uint64_t after = sums_[0];
    for (unsigned i = Random(4); i > 0; --i) Step(gated());
    const uint64_t value = low | uint64_t{Half(true, gated())} << 32;
    ASSERT_GE(value, before);
    ASSERT_LE(value, after);
    ASSERT_GT(value, last);
    last = value;
  }
  EXPECT_GT(last, uint64_t{1} << 47) << "past every piece";
}

TEST_F(CycleCounter, IsExact) {
  // From one read to the next, exactly what came between them, whatever the pieces.
  uint64_t shown = 0, fed_until = 0;
  for (unsigned n = 0; n < 20'000 && !HasFailure(); ++n) {
    for (unsigned i = 0; i < 5; ++i) Step(0);
    const uint64_t fed = sums_[0] - fed_until;
    fed_until = sums_[0];
    const uint64_t low = Half(false, 0);
    const uint64_t value = low | uint64_t{Half(true, 0)} << 32;
    if (n != 0) {
      ASSERT_EQ(value - shown, fed);
    }
    shown = value;
    Step(static_cast<uint32_t>(rng_()) >> Random(32));
  }
  const uint32_t high = Half(true, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Half(true, 0), high) << "of the last low half";
  Reset();
  Step(0);
  EXPECT_LE(Half(false, 0), 5u);
  EXPECT_EQ(Half(true, 0), 0u);
}

}  // namespace
