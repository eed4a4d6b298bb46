// card_reset between buses and a register port of random latency: nothing is cut off.
#include "Vcard_reset.h"
#include "module_test.hpp"

namespace {

class CardReset : public ports::ModuleTest<Vcard_reset> {
 protected:
  // One cycle of the surroundings: a host that keeps accessing registers, masters that end what
  // they have begun, memories that are swept some time after a reset.
  void Step() {
    Settle();
    if (dut_.core_rst_o) {
      EXPECT_TRUE(dut_.stop_o);
      EXPECT_TRUE(Held());
      EXPECT_FALSE(dut_.ready_o);
    }
    dut_.aw_i = dut_.w_i = dut_.b_i = dut_.ar_i = dut_.r_i = 0;
    dut_.aw_i = !dut_.hold_aw_o && !aw_ && Chance(20);
    dut_.w_i = !dut_.hold_w_o && !w_ && Chance(20);
    dut_.ar_i = !dut_.hold_ar_o && !read_ && Chance(20);
    halves_ += dut_.hold_ar_o && (dut_.aw_i || dut_.w_i);
    dut_.b_i = aw_ && w_ && Chance(answer_percent_);
    dut_.r_i = read_ && Chance(answer_percent_);
    const bool began = dut_.aw_i || dut_.w_i || dut_.ar_i;

    // After stop_o the masters need a cycle to see it, and then until their last answer.
    if (!dut_.stop_o) {
      transfers_ = Random(4) == 0 ? Random(300) : Random(6);
      stopped_ = 0;
    } else if (++stopped_ > 1 && transfers_ > 0) {
      --transfers_;
    }
    dut_.bus_quiet_i = stopped_ > 1 && transfers_ == 0 && !dut_.core_rst_o;
    if (dut_.core_rst_o) {
      sweep_ = 1 + Random(50);
    } else if (sweep_ > 0) {
      --sweep_;
    }
    dut_.swept_i = sweep_ == 0;

    const bool was_reset = dut_.core_rst_o, under_way = aw_ || w_ || read_;
    const bool quiet = dut_.bus_quiet_i;
    EXPECT_EQ(dut_.busy_o, under_way);
    Cycle();
    if (dut_.core_rst_o && !was_reset && !dut_.rst_i) {
      EXPECT_TRUE(quiet) << "a transfer is cut off";
      EXPECT_FALSE(under_way || began) << "an access is cut off";
      ++resets_;
    }
    length_ = dut_.core_rst_o ? length_ + 1 : length_;
    if (!dut_.core_rst_o) {
      if (was_reset) {
        EXPECT_GE(length_, 4u) << "too short for pipelines of reset signals";
      }
      length_ = 0;
    }
    if (dut_.ready_o) {
      EXPECT_EQ(sweep_, 0u);
    }
    if (dut_.b_i) aw_ = w_ = false;
    if (dut_.r_i) read_ = false;
    aw_ = aw_ || dut_.aw_i;
    w_ = w_ || dut_.w_i;
    read_ = read_ || dut_.ar_i;
  }

  [[nodiscard]] bool Held() const { return dut_.hold_aw_o && dut_.hold_w_o && dut_.hold_ar_o; }

  bool aw_ = false, w_ = false, read_ = false;
  unsigned answer_percent_ = 30;
  unsigned transfers_ = 0, stopped_ = 0, sweep_ = 0, length_ = 0, resets_ = 0;
  unsigned halves_ = 0;  // halves of a write that came after the hold began
};

TEST_F(CardReset, ResetsOnlyWhatIsQuiet) {
  for (unsigned round = 0; round < 1000; ++round) {
    for (unsigned wait = 0; !dut_.ready_o; ++wait) {
      ASSERT_LT(wait, 2000u) << "never ready";
      Step();
    }
    EXPECT_FALSE(dut_.stop_o || dut_.hold_aw_o || dut_.hold_w_o || dut_.hold_ar_o);
    EXPECT_FALSE(dut_.core_rst_o);
    for (unsigned i = Random(40); i > 0; --i) {
      Step();
      ASSERT_TRUE(dut_.ready_o) << "ready falls without a reset";
    }
    answer_percent_ = Chance(50) ? 5 : 60;
    const unsigned before = resets_;
    dut_.reset_i = 1;
    Step();
    dut_.reset_i = 0;
    EXPECT_FALSE(dut_.ready_o);
    EXPECT_TRUE(dut_.stop_o);
    for (unsigned wait = 0; resets_ == before; ++wait) {
      ASSERT_LT(wait, 1000u) << "never reset";
      ASSERT_FALSE(dut_.ready_o);
      ASSERT_TRUE(dut_.stop_o);
      dut_.reset_i = Chance(5);  // once more changes nothing
      Step();
      dut_.reset_i = 0;
    }
  }
  EXPECT_EQ(resets_, 1000u);
  EXPECT_GT(halves_, 50u);
}

TEST_F(CardReset, WaitsForABusThatHangs) {
  while (!dut_.ready_o) Step();
  dut_.aw_i = dut_.w_i = dut_.ar_i = 0;
  dut_.b_i = dut_.r_i = 1;
  Cycle();
  ASSERT_FALSE(dut_.busy_o);
  dut_.reset_i = 1;
  dut_.bus_quiet_i = 0;
  Cycle();
  dut_.reset_i = 0;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_FALSE(dut_.core_rst_o || dut_.hold_ar_o || dut_.ready_o);
    Cycle();
  }
  dut_.bus_quiet_i = 1;
  for (unsigned wait = 0; !dut_.core_rst_o; ++wait) {
    ASSERT_LT(wait, 10u);
    Cycle();
  }
}

TEST_F(CardReset, BoardResetActsAtOnce) {
  for (int round = 0; round < 200; ++round) {
    for (unsigned i = Random(150); i > 0; --i) {
      dut_.reset_i = Chance(3);
      Step();
    }
    dut_.rst_i = 1;
    Cycle();
    EXPECT_TRUE(dut_.core_rst_o && dut_.stop_o && Held());
    EXPECT_FALSE(dut_.ready_o);
    dut_.rst_i = 0;
    dut_.reset_i = 0;
    aw_ = w_ = read_ = false;
    dut_.aw_i = dut_.w_i = dut_.ar_i = 0;
    for (unsigned wait = 0; !dut_.ready_o; ++wait) {
      ASSERT_LT(wait, 200u);
      Step();
    }
  }
}

}  // namespace
