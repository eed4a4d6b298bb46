// One list's execute stage against the whole LIFO it shows the top of: the state goes round, with
// random operations and random reads, and everything it claims to know must be true. Successors are
// stored at a push and brought back by a read, as slab_bank_words does.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "Vslab_bank_order.h"
#include "list_state.hpp"

namespace {

using list_state::Flags;
using list_state::kCached;
using list_state::kIdW;
using list_state::kWindow;

constexpr unsigned kSlabs = 40, kAllSlabs = 1u << kIdW, kSucc = 3;
constexpr std::array<unsigned, kSucc> kBelow = {0, 3, 4};  // entries before a push that it stores

class SlabBankOrder : public ports::SeededTest {
 protected:
  struct Slab {
    uint64_t mask = 0;
    std::array<unsigned, kSucc> successors{};
    unsigned exist = 0;
  };
  enum Kind { kFetch, kGrant, kTrim, kRelease, kLink, kClear };

  ~SlabBankOrder() override { dut_.final(); }

  // Entry `k` below the head; -1 beyond the end.
  int Entry(unsigned k) const {
    return k < order_.size() ? static_cast<int>(order_[order_.size() - 1 - k]) : -1;
  }
  bool Exists(unsigned k) const { return (state_.exist >> k & 1) != 0; }
  bool Knows(unsigned k) const { return k >= kWindow || (state_.known >> k & 1) != 0; }

  // What the bank reads for an operation: a slab, and its place if the state shows it among the
  // first five. A read that comes too soon after the push of its slab brings no successors; the
  // state still has those.
  void Read(unsigned slab) {
    const Slab& s = slabs_[slab];
    dut_.word_mask_i = s.mask;
    dut_.word_flags_i = static_cast<uint8_t>(Flags(s.mask));
    dut_.succ_exist_i = static_cast<uint8_t>(s.exist);
    dut_.at_i = 0;
    bool stale = Chance(20);
    for (unsigned i = 0; i < kSucc; ++i) {
      ports::Put(dut_.succ_ids_i, i * kIdW, kIdW, s.successors[i]);
    }
    for (unsigned k = 0; k <= kCached; ++k) {
      if (!Exists(k) || state_.ids[k] != slab) continue;
      dut_.at_i = static_cast<uint8_t>(1u << k);
      for (unsigned below : kBelow) {
        stale = stale && Knows(k + 1 + below) && k + 1 + below < kWindow;
      }
      at_ = k;
    }
    dut_.succ_ok_i = !stale;
    for (unsigned i = 0; stale && i < kSucc; ++i) {
      ports::Put(dut_.succ_ids_i, i * kIdW, kIdW, Random(1u << kIdW));  // means nothing
    }
  }

  void Step(Kind kind, unsigned read, uint64_t bits) {
    at_ = kWindow;
    Read(read);
    Slab& slab = slabs_[read];
    const uint64_t twice = kind == kRelease ? slab.mask & bits : 0;
    const bool full = (state_.ready & 1) != 0 && ~state_.masks[0] == 0;
    const bool push = kind == kLink || (kind == kRelease && slab.mask == 0);
    dut_.grant_i = kind == kGrant;
    dut_.trim_i = kind == kTrim && full;  // decided before execute
    dut_.release_i = kind == kRelease;
    dut_.clear_i = kind == kClear;
    dut_.push_i = push;
    dut_.double_free_i = static_cast<uint8_t>(Flags(twice));
    dut_.slab_i = static_cast<uint16_t>(read);
    dut_.bits_i = bits;
    dut_.bits_flags_i = static_cast<uint8_t>(Flags(bits));
    list_state::Put(state_, dut_.ids_i, dut_.known_i, dut_.exist_i, dut_.ready_i, dut_.flags_i,
                    dut_.masks_i, dut_.hint_i);
    dut_.eval();

    const bool released = kind == kRelease && twice == 0;
    const bool granted = kind == kGrant && (state_.ready & 1) != 0;
    ASSERT_EQ(dut_.release_ok_o, released);
    ASSERT_EQ(dut_.grant_ok_o, granted);
    bool popped = kind == kTrim && full;
    bool exhausted = false;
    if (granted) {
      ++granted_;
      uint64_t& mask = slabs_[order_.back()].mask;
      const int quarter = std::countr_zero(mask) / 16;
      ASSERT_EQ(dut_.quarter_o, 1u << quarter);
      mask &= ~(uint64_t{0xFFFF} << quarter * 16);
      exhausted = mask == 0;
      popped = exhausted;
    }
    ASSERT_EQ(dut_.exhaust_o, exhausted);
    ASSERT_EQ(dut_.pop_o, popped);
    if (popped) {
      slabs_[order_.back()].mask = 0;
      order_.pop_back();
    }
    if (push) {
      // Stored as the state says it; what it does not know is stored as beyond the end.
      slab.exist = 0;
      for (unsigned i = 0; i < kSucc; ++i) {
        slab.successors[i] = state_.ids[kBelow[i]];
        slab.exist |= static_cast<unsigned>(Exists(kBelow[i])) << i;
        ASSERT_EQ(Exists(kBelow[i]), Entry(kBelow[i]) >= 0);
        beyond_ += !Knows(kBelow[i]);
      }
      order_.push_back(read);
    }
    if (released || kind == kLink) slab.mask |= bits;
    if (kind == kClear) {
      for (unsigned s : order_) slabs_[s].mask = 0;
      order_.clear();
    }

    const list_state::State before = state_;
    state_ = list_state::Get(dut_.ids_o, dut_.known_o, dut_.exist_o, dut_.ready_o, dut_.flags_o,
                             dut_.masks_o, dut_.hint_o);
    CheckTruth();
    const int shift = push ? -1 : popped ? 1 : 0;
    if (kind != kClear && !HasFatalFailure()) CheckNothingForgotten(before, shift);
    const bool hint = released ? push : before.hint && !(granted && !exhausted);
    ASSERT_EQ(state_.hint, hint);
  }

  void CheckTruth() {
    ASSERT_TRUE(Knows(0));
    for (unsigned k = 0; k < kWindow; ++k) {
      if (Knows(k)) {
        ASSERT_EQ(Exists(k), Entry(k) >= 0) << "entry " << k;
      } else {
        ASSERT_FALSE(Exists(k)) << "entry " << k << " exists and is not known";
        ASSERT_TRUE(k > 4 || Entry(k) < 0) << "a push would store entry " << k << " as the end";
      }
      if (Exists(k)) {
        ASSERT_EQ(static_cast<int>(state_.ids[k]), Entry(k)) << "entry " << k;
      }
    }
    for (unsigned k = 0; k < kCached; ++k) {
      if ((state_.ready >> k & 1) == 0) continue;
      ASSERT_TRUE(Exists(k) && Knows(k + 1)) << "a pop of " << k << " could not tell what is next";
      ASSERT_EQ(state_.masks[k], slabs_[state_.ids[k]].mask) << "entry " << k;
      ASSERT_EQ(state_.flags[k], Flags(state_.masks[k]));
    }
  }

  // What was known or cached still is, `shift` entries higher up; so is what was read.
  void CheckNothingForgotten(const list_state::State& before, int shift) {
    for (int k = 0; k < static_cast<int>(kWindow); ++k) {
      const int now = k - shift;
      if (now < 0 || now >= static_cast<int>(kWindow)) continue;
      ASSERT_TRUE((before.known >> k & 1) == 0 || (state_.known >> now & 1) != 0) << k;
      if (now >= static_cast<int>(kCached)) continue;
      const bool cached = k < static_cast<int>(kCached) && (before.ready >> k & 1) != 0;
      const bool just_read = static_cast<int>(at_) == k && shift >= 0;
      ASSERT_TRUE(!(cached || just_read) || (state_.ready >> now & 1) != 0) << k;
    }
    if (at_ == kWindow || !dut_.succ_ok_i || shift < 0) return;
    for (unsigned below : kBelow) {
      const int now = static_cast<int>(at_ + 1 + below) - shift;
      ASSERT_TRUE(now >= static_cast<int>(kWindow) || (state_.known >> now & 1) != 0) << now;
    }
  }

  // One of a few slabs, their numbers scattered over all there are.
  unsigned AnySlab() { return Random(kSlabs) * 0x2F35 % kAllSlabs; }

  // A slab to read, most often among the first five.
  unsigned Target() {
    if (!order_.empty() && Chance(80)) {
      return static_cast<unsigned>(
          Entry(Random(std::min<unsigned>(kCached + 1, static_cast<unsigned>(order_.size())))));
    }
    return AnySlab();
  }

  void RandomStep(unsigned grants, unsigned pushes) {
    const unsigned dice = Random(100);
    uint64_t bits = uint64_t{1} << Random(64);
    if (Chance(20)) bits |= rng_();
    if (dice < grants) return Step(kGrant, Target(), rng_());
    if (dice < grants + pushes) {
      const unsigned slab = AnySlab();
      const bool in_order = std::count(order_.begin(), order_.end(), slab) != 0;
      if (!in_order && Chance(30)) return Step(kLink, slab, ~uint64_t{0} >> Random(64));
      return Step(kRelease, slab, bits);
    }
    if (dice < 85) return Step(kRelease, Target(), bits);
    if (dice < 90) return Step(kTrim, Target(), rng_());
    if (Chance(1)) return Step(kClear, Target(), rng_());
    Step(kFetch, Target(), rng_());
  }

  Vslab_bank_order dut_;
  list_state::State state_;
  std::vector<Slab> slabs_ = std::vector<Slab>(kAllSlabs);
  std::vector<unsigned> order_;  // the head is at the back
  unsigned at_ = kWindow;
  uint64_t granted_ = 0, beyond_ = 0;
};

TEST_F(SlabBankOrder, KnowsOnlyWhatIsTrueAndForgetsNothing) {
  for (unsigned n = 0; n < 400'000 && !HasFatalFailure(); ++n) {
    const unsigned mood = n / 300 % 4;
    RandomStep(mood == 0 ? 10 : mood == 1 ? 70 : 40, mood == 0 ? 60 : mood == 3 ? 40 : 10);
  }
  EXPECT_GT(granted_, 20'000u);
  EXPECT_GT(beyond_, 1'000u) << "pushes whose deeper successors are not known";
}

TEST_F(SlabBankOrder, AReadOfTheHeadMakesItReady) {
  for (unsigned s = 0; s < 10; ++s) Step(kLink, s, s + 1);
  state_.ready = 0;  // as after a burst of pushes and pops
  Step(kGrant, 20, 0);
  EXPECT_FALSE(dut_.grant_ok_o) << "not cached: the bank replays";
  Step(kFetch, 9, 0);
  EXPECT_EQ(state_.ready, 1u);
  Step(kGrant, 8, 0);
  EXPECT_TRUE(dut_.pop_o);
  EXPECT_EQ(state_.ready, 1u) << "the entry read by the grant moved up";
}

TEST_F(SlabBankOrder, ARefusedReleaseChangesNothing) {
  Step(kLink, 3, 0xFF);
  const list_state::State before = state_;
  Step(kRelease, 3, 0x180);
  EXPECT_FALSE(dut_.release_ok_o);
  EXPECT_EQ(state_.masks, before.masks);
  EXPECT_EQ(state_.flags, before.flags);
  EXPECT_EQ(state_.exist, before.exist);
  EXPECT_EQ(state_.hint, before.hint);
}

}  // namespace
