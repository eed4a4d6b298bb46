// list_refusals: an error a cycle, of one list or many, none lost; reads that are never in the way.
#include <array>
#include <deque>

#include "Vlist_refusals.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kLists = 255;
using Counts = std::array<uint32_t, 256>;

class ListRefusals : public ports::ModuleTest<Vlist_refusals> {
 protected:
  void Sweep() {
    counts_ = {};
    history_.clear();
    under_way_.clear();
    for (unsigned i = 0; i < 600 && !dut_.ready_o; ++i) Cycle();
    ASSERT_TRUE(dut_.ready_o);
  }
  void Step(bool error, unsigned list, unsigned read) {
    dut_.error_i = error;
    dut_.error_list_i = static_cast<uint8_t>(list);
    dut_.idx_i = static_cast<uint8_t>(read);
    Cycle();
    if (error && list < kLists) ++counts_[list];
    history_.push_back(counts_);
    under_way_.push_back(read);
    if (under_way_.size() < 8) return;
    // The count shown is the one of some moment of the last cycles.
    const unsigned asked = under_way_[6];
    under_way_.pop_front();
    ASSERT_GE(dut_.count_o, history_.front()[asked]);
    ASSERT_LE(dut_.count_o, counts_[asked]);
    history_.pop_front();
  }

  Counts counts_{};
  std::deque<Counts> history_;
  std::deque<unsigned> under_way_;
};

TEST_F(ListRefusals, CountsEveryErrorOfEveryList) {
  Sweep();
  for (unsigned n = 0; n < 150'000 && !HasFailure(); ++n) {
    const unsigned lists = n / 500 % 2 == 0 ? 256 : 1 + Random(4);
    Step(Chance(n / 2000 % 2 == 0 ? 100 : 30), Random(lists), Random(lists));
  }
  EXPECT_TRUE(dut_.busy_o);
  dut_.error_i = 0;
  Cycles(6);
  EXPECT_FALSE(dut_.busy_o);
  for (unsigned l = 0; l < 256; ++l) {
    dut_.idx_i = static_cast<uint8_t>(l);
    Cycles(2);
    EXPECT_EQ(dut_.count_o, counts_[l]) << "list " << l;
  }
  Reset();
  Sweep();
  for (unsigned l = 0; l < 256; ++l) {
    dut_.idx_i = static_cast<uint8_t>(l);
    Cycles(2);
    EXPECT_EQ(dut_.count_o, 0u) << "list " << l;
  }
}

TEST_F(ListRefusals, CarriesPastSixteenBits) {
  Sweep();
  for (unsigned n = 0; n < 70'000; ++n) Step(true, 7, 7);
  dut_.error_i = 0;
  Cycles(6);
  EXPECT_EQ(dut_.count_o, 70'000u);
  dut_.error_i = 1;
  Cycles(600'000);
  dut_.error_i = 0;
  Cycles(6);
  EXPECT_EQ(dut_.count_o, 670'000u);
}

}  // namespace
