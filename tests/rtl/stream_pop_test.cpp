// stream_pop on models of the banks: every block granted is offered once or given back, whatever
// the delays, the kernel and the stops; and how fast.
#include <optional>
#include <set>

#include "Vstream_pop.h"
#include "module_test.hpp"
#include "stream_banks.hpp"

namespace {

using namespace stream_banks;

class StreamPop : public ports::ModuleTest<Vstream_pop> {
 protected:
  StreamPop() { banks_.Open(kList, kDomain); }

  void Step() {
    dut_.m_axis_tready_i = Chance(take_);
    dut_.ask_ready_i = Chance(ready_);
    dut_.back_ready_i = Chance(ready_);
    dut_.got_full_i = Chance(full_);
    dut_.rsp_valid_i = 0;
    for (unsigned b = 0; b < kBanks; ++b) {
      const std::optional<Answer> answer = banks_.Next(b, now_);
      if (!answer) continue;
      const Response& r = answer->response;
      const unsigned quarter =
          r.mask == 0 ? 0 : static_cast<unsigned>(std::countr_zero(r.mask)) / 16;
      dut_.rsp_valid_i = static_cast<std::uint8_t>(dut_.rsp_valid_i | 1u << b);
      ports::Put(dut_.rsp_status_i, b * 4, 4, static_cast<unsigned>(r.status));
      ports::Put(dut_.rsp_slab_i, b * 14, 14, static_cast<unsigned>(r.slab));
      ports::Put(dut_.rsp_quarter_i, b * 2, 2, quarter);
      ports::Put(dut_.rsp_bits_i, b * 16, 16, r.mask >> quarter * 16);
    }
    Settle();
    if (offered_ && !dut_.m_axis_tvalid_o) {
      ASSERT_TRUE(withdrew_) << "a token withdrawn";
      held_.insert(*offered_);
      offered_.reset();
      ++withdrawn_;
    } else if (offered_) {
      ASSERT_EQ(dut_.m_axis_tdata_o, *offered_) << "a token changed";
    } else if (dut_.m_axis_tvalid_o) {
      offered_ = dut_.m_axis_tdata_o;
      ASSERT_EQ(held_.erase(*offered_), 1u) << "not held, or offered twice: " << *offered_;
    }
    ASSERT_EQ(dut_.popped_o, dut_.m_axis_tvalid_o && dut_.m_axis_tready_i);
    if (dut_.popped_o) {
      taken_.push_back(*offered_);
      offered_.reset();
      ++popped_;
    }
    got_ += dut_.got_o;
    if (dut_.ask_valid_o && dut_.ask_ready_i) {
      asks_.push_back({now_, dut_.ask_bank_o});
      const Response r = banks_.Send(now_, 13 + Random(1 + delay_), dut_.ask_bank_o, 0, 0,
                                     {Op::kGrant, kList, domain_, 0, 0, 0});
      for (const std::uint32_t token :
           Tokens(dut_.ask_bank_o, static_cast<unsigned>(r.slab), r.mask)) {
        ASSERT_TRUE(held_.insert(token).second);
        ++given_;
      }
    }
    if (dut_.back_valid_o && dut_.back_ready_i) {
      const auto tokens = Tokens(dut_.back_bank_o, dut_.back_slab_o, dut_.back_mask_o);
      ASSERT_EQ(dut_.back_count_o, tokens.size());
      ASSERT_NE(tokens.size(), 0u);
      ASSERT_FALSE(dut_.enable_i && !stopping_) << "gives back though nobody asked";
      for (const std::uint32_t token : tokens) {
        ASSERT_EQ(held_.erase(token), 1u) << "gives back what it does not hold";
        ASSERT_EQ(banks_.Release(kList, kDomain, token), Status::kOk);
      }
    }
    if (dut_.off_o) {
      stopping_ = false;
      ASSERT_TRUE(held_.empty()) << "off and holds blocks";
      ASSERT_FALSE(dut_.withdraw_i && offered_) << "off and a token offered";
      ASSERT_FALSE(banks_.UnderWay());
      ASSERT_EQ(got_, given_);
    }
    most_held_ = std::max(most_held_, static_cast<unsigned>(held_.size()));
    withdrew_ = dut_.withdraw_i && !dut_.m_axis_tready_i;
    Cycle();
  }
  void Steps(unsigned n) {
    while (n-- > 0 && !HasFatalFailure()) Step();
  }
  void Enable(bool on) {
    if (dut_.enable_i && !on) stopping_ = true;
    dut_.enable_i = on;
    if (on) dut_.withdraw_i = 0;
  }
  // Takes the token offered back too; goes with a stop.
  void Withdraw() {
    Enable(false);
    stopping_ = true;
    dut_.withdraw_i = 1;
  }
  // Switches off and waits; returns the cycles that took.
  unsigned Stop() {
    Enable(false);
    unsigned cycles = 0;
    do {
      Step();
      ++cycles;
    } while (!HasFatalFailure() && !dut_.off_o && cycles < 10'000);
    EXPECT_TRUE(dut_.off_o) << "it hangs";
    return cycles;
  }
  void Dense(unsigned slabs, unsigned stride = 1) {
    for (; slabs > 0; --slabs, slab_ += stride) {
      banks_.AddSlab(kList, kDomain, Far(slab_), ~std::uint64_t{0});
    }
  }
  void Fragmented(unsigned slabs, unsigned blocks) {
    for (; slabs > 0; --slabs, ++slab_) {
      std::uint64_t free = 0;
      for (unsigned i = 0; i < blocks; ++i) free |= std::uint64_t{1} << Random(64);
      banks_.AddSlab(kList, kDomain, Far(slab_), free);
    }
  }
  double Rate(unsigned cycles) {
    const std::uint64_t before = popped_;
    Steps(cycles);
    return static_cast<double>(popped_ - before) / cycles;
  }

  Banks banks_;
  int domain_ = kDomain;
  unsigned take_ = 100, ready_ = 100, full_ = 0, delay_ = 0;
  unsigned slab_ = kBanks;
  bool stopping_ = false;
  bool withdrew_ = false;  // in the cycle before a token could be taken back
  std::optional<std::uint32_t> offered_;
  std::set<std::uint32_t> held_;
  std::vector<std::uint32_t> taken_;
  std::vector<std::pair<std::uint64_t, unsigned>> asks_;
  std::uint64_t given_ = 0, got_ = 0, popped_ = 0;
  unsigned most_held_ = 0, withdrawn_ = 0;
};

TEST_F(StreamPop, NothingLostOrDoubledUnderAnyTiming) {
  Dense(40);
  for (unsigned phase = 0; phase < 120 && !HasFatalFailure(); ++phase) {
    take_ = Chance(30) ? 100 : Random(Chance(30) ? 4 : 101);
    ready_ = Chance(40) ? 100 : 5 + Random(90);
    full_ = Chance(60) ? 0 : Random(95);
    delay_ = Chance(50) ? 0 : Random(60);
    if (Chance(30)) Fragmented(20 + Random(40), 1 + Random(4));
    for (unsigned i = 0; i < 2000 && !HasFatalFailure(); ++i) {
      if (Chance(1)) Enable(!dut_.enable_i);
      if (Random(200) == 0) Withdraw();
      if (Random(100) == 0 && !dut_.enable_i) dut_.withdraw_i = 0;
      // Somebody else gives some of them back: to lists that went dry as well.
      if (!taken_.empty() && Chance(phase % 3 == 0 ? 60 : 5)) {
        std::swap(taken_[Random(static_cast<unsigned>(taken_.size()))], taken_.back());
        ASSERT_EQ(banks_.Release(kList, kDomain, taken_.back()), Status::kOk);
        taken_.pop_back();
      }
      Step();
    }
    if (Chance(50)) Stop();
  }
  Withdraw();
  Stop();
  EXPECT_FALSE(offered_);
  Steps(3);
  EXPECT_EQ(dut_.held_o, 0u);
  EXPECT_GT(popped_, 10'000u);
  EXPECT_GT(withdrawn_, 20u);
}

// The kernel takes the token some cycles after it should leave: it has it, or the port, never both.
TEST_F(StreamPop, TakenBackOrTaken) {
  Dense(10);
  unsigned taken = 0;
  for (unsigned round = 0; round < 80 && !HasFatalFailure(); ++round) {
    const bool running = round % 2 != 0;
    const std::uint64_t free = banks_.FreeBlocks(kList);
    take_ = 0;
    Enable(true);
    Steps(100);
    ASSERT_TRUE(offered_);
    if (!running) {
      EXPECT_LT(Stop(), 60u);
      Steps(3);
      ASSERT_TRUE(offered_) << "it stays";
    }
    const std::uint64_t popped = popped_;
    const unsigned withdrawn = withdrawn_;
    Withdraw();
    const unsigned wait = round / 2 % (running ? 20 : 5);
    for (unsigned i = 0; i < 60; ++i) {
      take_ = i == wait ? 100 : 0;
      Step();
    }
    EXPECT_TRUE(dut_.off_o);
    EXPECT_FALSE(offered_);
    // In the first cycle after enable_i fell one more may be offered.
    EXPECT_GE(popped_ - popped + withdrawn_ - withdrawn, 1u);
    EXPECT_LE(popped_ - popped + withdrawn_ - withdrawn, running ? 2u : 1u);
    EXPECT_EQ(banks_.FreeBlocks(kList) + popped_ - popped, free);
    EXPECT_EQ(dut_.held_o, 0u);
    taken += popped_ != popped;
  }
  EXPECT_GT(taken, 10u);
  EXPECT_LT(taken, 75u);
}

TEST_F(StreamPop, HoldsWhatItSays) {
  Dense(10);
  Fragmented(30, 2);
  take_ = 0;
  Enable(true);
  Steps(300);
  EXPECT_EQ(dut_.held_o, held_.size());
  EXPECT_GE(dut_.held_o, 25u);
  EXPECT_FALSE(dut_.busy_o) << "the kernel does not come";
  EXPECT_FALSE(dut_.active_o);
  const std::size_t before = asks_.size();
  Steps(300);
  EXPECT_EQ(asks_.size(), before);
  EXPECT_LT(Stop(), 60u);
  Steps(3);
  EXPECT_EQ(dut_.held_o, 0u);
  EXPECT_TRUE(dut_.m_axis_tvalid_o) << "the token offered stays";
  EXPECT_FALSE(dut_.busy_o) << "switched off";
  EXPECT_FALSE(dut_.active_o);
}

TEST_F(StreamPop, OneTokenACycle) {
  Dense(600);
  Enable(true);
  Steps(200);
  const double dense = Rate(4000);
  EXPECT_GT(dense, 0.999);
  EXPECT_LT(most_held_, 48u + 16);
  RecordProperty("dense", std::to_string(dense));
}

TEST_F(StreamPop, OneTokenACycleFromFragmentedSlabs) {
  for (const unsigned blocks : {1u, 2u, 4u}) {
    most_held_ = 0;
    Fragmented(5000 / blocks, blocks);
    Enable(true);
    Steps(200);
    const double rate = Rate(3500);
    EXPECT_GT(rate, 0.999) << blocks;
    EXPECT_LT(most_held_, 48u + 16);
    RecordProperty("blocks" + std::to_string(blocks), std::to_string(rate));
    while (!HasFatalFailure() && banks_.FreeBlocks(kList) != 0) Step();
    Stop();
    asks_.clear();
  }
}

TEST_F(StreamPop, OneBankAlone) {
  Dense(400, kBanks);
  Enable(true);
  Steps(1000);
  EXPECT_GT(Rate(4000), 0.999);
}

TEST_F(StreamPop, AsksADryListNowAndThen) {
  Enable(true);
  Steps(200);
  asks_.clear();
  Steps(6400);
  EXPECT_TRUE(dut_.empty_o);
  EXPECT_TRUE(dut_.busy_o);
  ASSERT_GE(asks_.size(), 99u);
  ASSERT_LE(asks_.size(), 101u);
  for (std::size_t i = 1; i < asks_.size(); ++i) {
    EXPECT_EQ(asks_[i].first - asks_[i - 1].first, 64u);
    EXPECT_EQ(asks_[i].second, (asks_[i - 1].second + 1) % kBanks);
  }
  for (unsigned slab = 4; slab < 8; ++slab) {
    banks_.AddSlab(kList, kDomain, Far(slab), std::uint64_t{1} << slab);
    Steps(4 * 64 + 25);
    EXPECT_EQ(popped_, slab - 3) << "bank " << slab;
    EXPECT_EQ(dut_.held_o, 0u);
  }
}

TEST_F(StreamPop, SaysWhyItIsRefused) {
  Dense(10);
  domain_ = kDomain + 1;
  Enable(true);
  Steps(200);
  EXPECT_EQ(dut_.refused_o, static_cast<unsigned>(Status::kDomain));
  EXPECT_FALSE(dut_.empty_o);
  domain_ = kDomain;
  Steps(300);
  EXPECT_EQ(dut_.refused_o, 0u);
  EXPECT_GT(popped_, 0u);
}

}  // namespace
