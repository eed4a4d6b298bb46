// The arbiter: against a search from the one served last, and its promise of fairness.
#include <gtest/gtest.h>

#include <array>
#include <bit>

#include "Vrr_arbiter.h"
#include "ports.hpp"

namespace {

constexpr unsigned kRequests = 64;

class RrArbiter : public ports::SeededTest {
 protected:
  RrArbiter() {
    dut_.rst_i = 1;
    Clock();
    dut_.rst_i = 0;
  }
  ~RrArbiter() override { dut_.final(); }
  void Clock() {
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
  }
  Vrr_arbiter dut_;
};

TEST_F(RrArbiter, GrantsTheNextOne) {
  unsigned last = kRequests - 1;
  for (int i = 0; i < 200000; ++i) {
    uint64_t request = rng_();
    for (unsigned thin = Random(7); thin > 0; --thin) request &= rng_();
    if (Chance(5)) request = uint64_t{1} << Random(64);
    if (Chance(2)) request = Chance(50) ? 0 : ~uint64_t{0};
    dut_.req_i = request;
    dut_.advance_i = Chance(70);
    dut_.clk_i = 0;
    dut_.eval();
    ASSERT_EQ(dut_.valid_o, request != 0);
    if (request == 0) {
      ASSERT_EQ(dut_.gnt_o, 0u);
    } else {
      unsigned next = (last + 1) % kRequests;
      while (!(request >> next & 1)) next = (next + 1) % kRequests;
      ASSERT_EQ(dut_.gnt_o, uint64_t{1} << next);
      ASSERT_EQ(dut_.gnt_idx_o, next);
      if (dut_.advance_i) last = next;
    }
    dut_.clk_i = 1;
    dut_.eval();
  }
}

TEST_F(RrArbiter, ServesEveryOtherAtMostOnceBeforeAnyone) {
  std::array<unsigned, kRequests> served{};
  dut_.advance_i = 1;
  for (int i = 0; i < 20000; ++i) {
    dut_.req_i = rng_() | uint64_t{1} << 17;
    dut_.clk_i = 0;
    dut_.eval();
    if (dut_.gnt_idx_o == 17) {
      served = {};
    } else {
      ASSERT_LE(++served[dut_.gnt_idx_o], 1u);
    }
    dut_.clk_i = 1;
    dut_.eval();
  }
}

}  // namespace
