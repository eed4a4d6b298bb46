// card_timer against a clock that is simply counted.
#include <deque>

#include "Vcard_timer.h"
#include "module_test.hpp"

namespace {

class CardTimer : public ports::ModuleTest<Vcard_timer> {
 protected:
  CardTimer() { Restart(); }

  struct Edge {
    std::uint32_t period, gated;
    bool change;
  };

  void Restart() {
    Reset();
    edges_.clear();
    // What the stages hold after a reset: cycles without a period.
    for (int i = 0; i < 3; ++i) edges_.push_back({0, 0, true});
    period_ = 0;
    late_ = -1;
    run_ = 0;
    off_ = true;
  }

  void Step(std::uint32_t period, std::uint32_t gated = 0) {
    dut_.period_i = period;
    dut_.gated_cycles_i = gated;
    Settle();
    const bool tick = late_ >= 0 && !off_;
    ASSERT_EQ(dut_.tick_o, tick) << "at " << now_;
    ticks_ += tick;
    edges_.push_back({period, gated, period != period_});
    period_ = period;
    const Edge edge = edges_.front();
    edges_.pop_front();
    const std::int64_t elapsed = std::int64_t{1} + edge.gated;
    run_ = tick ? run_ + 1 : 0;
    if (edge.change || edge.period == 0) {
      late_ = -std::int64_t{edge.period};
    } else if (tick) {
      late_ = (run_ == 15 ? 0 : late_) + elapsed - edge.period;
    } else {
      late_ += elapsed;
    }
    if (run_ == 15) run_ = 0;
    off_ = edge.period == 0;
    Cycle();
    Settle();
  }
  void Steps(unsigned n, std::uint32_t period) {
    while (n-- > 0) Step(period);
  }

  std::deque<Edge> edges_;
  std::uint32_t period_ = 0;
  std::int64_t late_ = 0;
  unsigned run_ = 0, ticks_ = 0;
  bool off_ = true;
};

TEST_F(CardTimer, TicksOncePerPeriod) {
  Steps(100, 0);
  EXPECT_EQ(ticks_, 0u);
  for (std::uint32_t period : {1u, 2u, 3u, 10u, 1000u}) {
    Steps(5, period);  // until the first cycle of the new period has passed
    ticks_ = 0;
    Steps(period * 50, period);
    EXPECT_EQ(ticks_, 50u) << period;
  }
}

TEST_F(CardTimer, CountsTheTimeThatPassedWithoutAClock) {
  Steps(10, 1000);
  ticks_ = 0;
  Step(1000, 3500);
  Steps(30, 1000);
  EXPECT_EQ(ticks_, 3u);
  Step(1000, 450);
  Steps(30, 1000);
  EXPECT_EQ(ticks_, 4u) << "the rest of a period is kept";
  ticks_ = 0;
  Step(1000, 0xFFFFFFFF);
  Steps(100, 1000);
  EXPECT_EQ(ticks_, 15u);
  Steps(1000, 1000);
  EXPECT_EQ(ticks_, 16u) << "a new period begins behind them";
}

TEST_F(CardTimer, SaysWhetherTicksAreOnTheirWay) {
  Steps(20, 100);
  ticks_ = 0;
  Step(100, 1000);
  unsigned busy = 0;
  for (; dut_.busy_o; ++busy) Step(100);
  EXPECT_EQ(ticks_, 10u);
  Steps(50, 100);
  EXPECT_EQ(ticks_, 10u);
  EXPECT_EQ(busy, 13u);
}

TEST_F(CardTimer, MatchesTheModel) {
  for (unsigned phase = 0; phase < 300; ++phase) {
    std::uint32_t period = static_cast<std::uint32_t>(rng_()) >> Random(32);
    if (Chance(10)) period = 0;
    const unsigned rests = Random(4) == 0 ? Random(100) : Random(5);
    const unsigned shift = Random(33);
    const unsigned steps = Random(600);
    for (unsigned i = 0; i < steps; ++i) {
      std::uint64_t gated = Chance(rests) ? (rng_() & 0xFFFFFFFF) >> shift : 0;
      // Just to the end of the period: a tick too early or too late would show.
      if (Chance(2) && late_ < -20) gated = static_cast<std::uint64_t>(-late_) - Random(20) - 1;
      Step(period, static_cast<std::uint32_t>(gated));
      if (HasFailure()) return;
    }
    if (Chance(5)) Restart();
  }
  EXPECT_GT(ticks_, 1000u);
}

}  // namespace
