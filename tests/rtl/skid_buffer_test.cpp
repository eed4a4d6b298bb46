// The skid buffer: order, nothing lost, full rate, and registered handshakes.
#include <gtest/gtest.h>

#include <deque>

#include "Vskid_buffer.h"
#include "ports.hpp"

namespace {

class SkidBuffer : public ports::SeededTest {
 protected:
  SkidBuffer() {
    dut_.rst_i = 1;
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
    dut_.rst_i = 0;
  }
  ~SkidBuffer() override { dut_.final(); }

  void Cycle(unsigned in, unsigned out) {
    dut_.clk_i = 0;
    if (!offered_ && Chance(in)) {
      dut_.in_data_i = static_cast<uint8_t>(rng_());
      offered_ = true;
    }
    dut_.in_valid_i = offered_;
    dut_.out_ready_i = !Chance(out);
    dut_.eval();
    const auto ready = dut_.in_ready_o;
    const auto valid = dut_.out_valid_o;
    dut_.out_ready_i = !dut_.out_ready_i;
    dut_.eval();
    ASSERT_EQ(dut_.in_ready_o, ready) << "ready depends on the other side's ready";
    ASSERT_EQ(dut_.out_valid_o, valid);
    if (dut_.out_valid_o && dut_.out_ready_i) {
      ASSERT_FALSE(model_.empty());
      ASSERT_EQ(dut_.out_data_o, model_.front());
      model_.pop_front();
      ++moved_;
    }
    if (offered_ && ready) {
      model_.push_back(dut_.in_data_i);
      offered_ = false;
    }
    ASSERT_LE(model_.size(), 2u);
    dut_.clk_i = 1;
    dut_.eval();
  }

  Vskid_buffer dut_;
  std::deque<uint8_t> model_;
  bool offered_ = false;
  uint64_t moved_ = 0;
};

TEST_F(SkidBuffer, KeepsOrderAtAnyPace) {
  for (int phase = 0; phase < 50; ++phase) {
    const unsigned in = Random(101), out = Random(101);
    for (int i = 0; i < 2000; ++i) {
      Cycle(in, out);
      if (HasFatalFailure()) return;
    }
  }
  for (int i = 0; i < 4; ++i) Cycle(0, 100);
  EXPECT_TRUE(model_.empty());
  EXPECT_GT(moved_, 10000u);
}

TEST_F(SkidBuffer, TakesTwoBehindAClosedOutput) {
  Cycle(0, 0);
  for (unsigned pause = 0; pause < 5; ++pause) {
    for (unsigned taken = 0; taken < 2; ++taken) {
      for (unsigned i = 0; i < pause; ++i) Cycle(0, 0);
      Cycle(100, 0);
      ASSERT_EQ(model_.size(), taken + 1) << "after " << pause;
    }
    for (int i = 0; i < 4; ++i) Cycle(0, 100);
    ASSERT_TRUE(model_.empty());
  }
}

TEST_F(SkidBuffer, MovesOneACycle) {
  for (int i = 0; i < 1002; ++i) Cycle(100, 100);
  EXPECT_GE(moved_, 1000u);
}

}  // namespace
