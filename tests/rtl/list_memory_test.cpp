// list_memory: a read two cycles before shows every change made in between, whatever the order.
#include <deque>
#include <vector>

#include "Vlist_memory.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kDepth = 256;

class ListMemory : public ports::ModuleTest<Vlist_memory> {
 protected:
  void Sweep() {
    truth_.assign(kDepth, 0);
    under_way_.clear();
    unsigned cycles = 0;
    while (!dut_.ready_o && cycles++ < 2 * kDepth) {
      dut_.we_i = Chance(30);  // must be ignored
      dut_.next_i = static_cast<uint32_t>(rng_());
      Cycle();
    }
    dut_.we_i = 0;
    EXPECT_LE(cycles, kDepth + 2);
    EXPECT_TRUE(dut_.ready_o);
  }
  // One cycle; the word asked for two cycles ago is checked, and changed with the given chance.
  void Step(unsigned idx, unsigned percent) {
    dut_.idx_i = static_cast<uint8_t>(idx);
    under_way_.push_back(idx);
    dut_.we_i = 0;
    if (under_way_.size() == 3) {
      const unsigned now = under_way_.front();
      under_way_.pop_front();
      Settle();
      ASSERT_EQ(dut_.cur_o, truth_[now]) << "list " << now;
      if (Chance(percent)) {
        dut_.we_i = 1;
        truth_[now] = Chance(50) ? dut_.cur_o + 1 : static_cast<uint32_t>(rng_());
        dut_.next_i = truth_[now];
      }
    }
    Cycle();
    if (dut_.wr_en_o) copy_[dut_.wr_idx_o] = dut_.wr_data_o;
  }

  std::vector<uint32_t> truth_;
  std::vector<uint32_t> copy_ = std::vector<uint32_t>(kDepth);
  std::deque<unsigned> under_way_;
};

TEST_F(ListMemory, StartsAtZero) {
  Sweep();
  for (unsigned i = 0; i < kDepth && !HasFailure(); ++i) Step(i, 100);
  for (unsigned i = 0; i < 3; ++i) Step(0, 100);
  Reset();
  EXPECT_FALSE(dut_.ready_o);
  Sweep();
  for (unsigned i = kDepth; i-- > 0 && !HasFailure();) Step(i, 0);
}

TEST_F(ListMemory, ShowsEveryChange) {
  Sweep();
  for (unsigned n = 0; n < 300'000 && !HasFailure(); ++n) {
    // Few lists for a while, so that the same ones come one, two, three and four cycles apart.
    const unsigned lists = n / 1000 % 3 == 0 ? kDepth : 1 + n / 1000 % 5;
    Step(Random(lists) + (n / 10'000 * 37) % (kDepth - 5) * (lists != kDepth),
         n / 5000 % 2 == 0 ? 100 : 40);
  }
  for (unsigned i = 0; i < 4; ++i) Step(0, 0);
  EXPECT_EQ(copy_, truth_) << "what goes out for a copy";
}

}  // namespace
