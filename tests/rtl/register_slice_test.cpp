// The register slice with two stages: order, nothing lost, full rate, and no path through it.
#include <algorithm>
#include <deque>

#include "Vregister_slice.h"
#include "module_test.hpp"

namespace {

class RegisterSlice : public ports::ModuleTest<Vregister_slice> {
 protected:
  // One cycle with these chances, in percent, that the sender offers and the receiver takes.
  void Step(unsigned offer, unsigned take) {
    if (!offered_ && Chance(offer)) {
      dut_.in_data_i = static_cast<uint8_t>(rng_());
      offered_ = true;
    }
    dut_.in_valid_i = offered_;
    dut_.out_ready_i = Chance(take);
    Settle();
    const bool ready = dut_.in_ready_o, valid = dut_.out_valid_o;
    const auto data = dut_.out_data_o;
    dut_.out_ready_i = !dut_.out_ready_i;
    dut_.in_valid_i = !dut_.in_valid_i;
    Settle();
    ASSERT_TRUE(dut_.in_ready_o == ready && dut_.out_valid_o == valid && dut_.out_data_o == data)
        << "a path goes through the slice";
    dut_.out_ready_i = !dut_.out_ready_i;
    dut_.in_valid_i = offered_;
    Settle();
    if (was_shown_) {
      ASSERT_TRUE(valid) << "an offer was taken back";
      ASSERT_EQ(data, shown_);
    }
    was_shown_ = valid && !dut_.out_ready_i;
    shown_ = data;
    if (valid && dut_.out_ready_i) {
      ASSERT_FALSE(model_.empty()) << "a word nobody sent";
      ASSERT_EQ(data, model_.front());
      model_.pop_front();
      ++moved_;
    }
    if (offered_ && ready) {
      model_.push_back(dut_.in_data_i);
      offered_ = false;
    }
    most_ = std::max(most_, model_.size());
    Cycle();
  }

  std::deque<uint8_t> model_;
  bool offered_ = false, was_shown_ = false;
  uint8_t shown_ = 0;
  uint64_t moved_ = 0;
  std::size_t most_ = 0;
};

TEST_F(RegisterSlice, KeepsOrderAtAnyPace) {
  for (int phase = 0; phase < 60; ++phase) {
    const unsigned offer = Random(101), take = Random(101);
    for (int i = 0; i < 2000; ++i) {
      Step(offer, take);
      if (HasFatalFailure()) return;
    }
  }
  for (int i = 0; i < 40; ++i) Step(0, 100);
  EXPECT_TRUE(model_.empty());
  EXPECT_GT(moved_, 20'000u);
}

TEST_F(RegisterSlice, HoldsWhatItSaysWhenTheReceiverStops) {
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 60; ++i) Step(100, 0);
    EXPECT_LE(model_.size(), 16u + 2 + 2);
    EXPECT_GE(model_.size(), 16u);
    for (int i = 0; i < 60; ++i) Step(0, 100);
    ASSERT_TRUE(model_.empty());
  }
}

TEST_F(RegisterSlice, MovesOneACycleAlsoAfterAStop) {
  for (int i = 0; i < 50; ++i) Step(100, 100);
  uint64_t before = moved_;
  for (int i = 0; i < 1000; ++i) Step(100, 100);
  EXPECT_EQ(moved_ - before, 1000u);
  for (int i = 0; i < 50; ++i) Step(100, 0);
  before = moved_;
  for (int i = 0; i < 1000; ++i) Step(100, 100);
  EXPECT_EQ(moved_ - before, 1000u);
}

TEST_F(RegisterSlice, AResetEmptiesIt) {
  for (int i = 0; i < 30; ++i) Step(100, 0);
  Reset();
  model_.clear();
  offered_ = was_shown_ = false;
  for (int i = 0; i < 30; ++i) {
    Step(0, 100);
    ASSERT_FALSE(dut_.out_valid_o);
  }
  for (int i = 0; i < 100; ++i) Step(50, 50);
}

}  // namespace
