// The crossbar's lane against a queue: places reserved ahead are enough, nothing is lost or changes
// its place, and the delay between reservation and arrival costs no throughput.
#include <deque>

#include "Vcrossbar_lane.h"
#include "ports.hpp"

namespace {

constexpr unsigned kPlaces = 4;

class CrossbarLane : public ports::SeededTest {
 protected:
  CrossbarLane() { Reset(); }
  ~CrossbarLane() override { dut_.final(); }

  void Reset() {
    dut_.rst_i = 1;
    dut_.reserve_i = dut_.in_valid_i = 0;
    ports::Clock(dut_);
    EXPECT_FALSE(dut_.out_valid_o);
    EXPECT_FALSE(dut_.room_o);
    dut_.rst_i = 0;
    ports::Clock(dut_);  // room is a register
    travelling_.clear();
    queued_.clear();
  }

  // One cycle; arrivals come `delay` cycles after their reservation, in order.
  void Cycle(unsigned reserve, unsigned ready, unsigned delay) {
    dut_.out_ready_i = Chance(ready);
    dut_.reserve_i = dut_.room_o && Chance(reserve);
    dut_.in_valid_i = !travelling_.empty() && travelling_.front() <= now_;
    dut_.in_data_i = static_cast<uint8_t>(rng_());
    dut_.eval();
    // Full means full: room for every reservation, and no fewer places than promised.
    const std::size_t used = travelling_.size() + queued_.size();
    ASSERT_LE(used, kPlaces);
    ASSERT_EQ(dut_.room_o, used < kPlaces) << "room";
    ASSERT_EQ(dut_.out_valid_o, !queued_.empty()) << "what arrived is offered in the next cycle";
    if (dut_.out_valid_o) {
      ASSERT_EQ(dut_.out_data_o, queued_.front());
      if (dut_.out_ready_i) {
        queued_.pop_front();
        ++passed_;
      }
    }
    if (dut_.in_valid_i) {
      travelling_.pop_front();
      queued_.push_back(dut_.in_data_i);
    }
    if (dut_.reserve_i) travelling_.push_back(now_ + delay);
    full_ += used == kPlaces;
    ports::Clock(dut_);
    ++now_;
  }

  Vcrossbar_lane dut_;
  std::deque<uint64_t> travelling_;  // when reserved ones arrive
  std::deque<uint8_t> queued_;
  uint64_t now_ = 0, passed_ = 0, full_ = 0;
};

TEST_F(CrossbarLane, KeepsOrderUnderAnyTiming) {
  for (int n = 0; n < 200'000 && !HasFatalFailure(); ++n) {
    const unsigned mood = static_cast<unsigned>(n) / 500 % 4;
    Cycle(mood == 0 ? 100 : 60, mood == 1 ? 15 : mood == 2 ? 100 : 60, 1 + Random(6));
  }
  EXPECT_GT(full_, 1000u);
}

TEST_F(CrossbarLane, PassesOneACycleWithTheCrossbarsDelay) {
  for (int n = 0; n < 10; ++n) Cycle(100, 100, 2);
  passed_ = 0;
  for (int n = 0; n < 1000; ++n) Cycle(100, 100, 2);
  EXPECT_EQ(passed_, 1000u);
}

TEST_F(CrossbarLane, HoldsWhatIsNotTakenAndForgetsAtReset) {
  for (int n = 0; n < 20; ++n) Cycle(100, 0, 2);
  EXPECT_EQ(queued_.size(), kPlaces);
  for (int n = 0; n < 20; ++n) Cycle(0, 100, 2);
  EXPECT_EQ(passed_, kPlaces);
  for (int n = 0; n < 20; ++n) Cycle(100, 0, 2);
  Reset();
  for (int n = 0; n < 1000; ++n) Cycle(70, 50, 2);
}

}  // namespace
