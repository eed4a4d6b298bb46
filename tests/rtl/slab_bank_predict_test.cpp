// The bank's predictor in a stream of operations of a few lists, with whole orders beside it. What
// must hold whatever is predicted: only a grant fetches, and then a slab of its list; everything
// else reads its own. Then the choice as docs/slab-bank.md describes it, reads in flight being
// recognised by the slab and not, as in the RTL, by a place that moves.
#include <algorithm>
#include <array>
#include <vector>

#include "Vslab_bank_predict.h"
#include "ports.hpp"

namespace {

constexpr unsigned kReach = 8, kCached = 4, kNear = 6, kIdW = 14, kLists = 3, kAllLists = 256;
constexpr int kNone = -1;
enum StageName { kCount, kChoose, kAddress, kRead, kForward, kExecute, kStages };

struct Slot {
  unsigned list = 0;
  bool grant = false, release = false;
  unsigned refetch = 0;  // one-hot
  int reads = kNone;     // the slab it fetches
};

class SlabBankPredict : public ports::SeededTest {
 protected:
  ~SlabBankPredict() override { dut_.final(); }

  // Entry `k` below the head of a list.
  int Entry(unsigned list, unsigned k) const {
    const std::vector<int>& order = orders_[list];
    return k < order.size() ? order[order.size() - 1 - k] : kNone;
  }

  // The entry that an operation in choose fetches.
  int Expected(const Slot& slot) const {
    if (!slot.grant) return kNone;
    unsigned pushes = 0;
    for (unsigned i = kAddress; i <= kExecute; ++i) {
      pushes += dut_.hint_i && stages_[i].release && stages_[i].list == slot.list;
    }
    for (unsigned k = 0; k < kReach; ++k) {
      const int slab = Entry(slot.list, k);
      if (slab == kNone) return kNone;
      bool have = k < kCached && (dut_.ready_i >> k & 1) != 0 && k + pushes < kCached;
      for (unsigned i = kAddress; i <= kExecute; ++i) have = have || stages_[i].reads == slab;
      if (!have) return k < kNear || dut_.hint_i ? static_cast<int>(k) : kNone;
    }
    return kNone;
  }

  void ChooseAndCheck() {
    Slot& slot = stages_[kChoose];
    const std::vector<int>& order = orders_[slot.list];
    const auto length = static_cast<unsigned>(std::min<std::size_t>(order.size(), kReach));
    const unsigned ready = std::min(Random(kCached + 1), length);
    dut_.grant_i = slot.grant;
    dut_.refetch_i = static_cast<uint8_t>(slot.refetch);
    dut_.slab_i = static_cast<uint16_t>(Random(1u << kIdW));
    dut_.hint_i = steady_ || Chance(60);
    dut_.exist_i = static_cast<uint8_t>((1u << length) - 1);
    dut_.ready_i = static_cast<uint8_t>(Chance(20) ? Random(16) & dut_.exist_i : (1u << ready) - 1);
    if (steady_) dut_.ready_i = dut_.exist_i & 15;
    for (unsigned k = 0; k < kReach; ++k) {
      const int slab = Entry(slot.list, k);
      ports::Put(dut_.ids_i, k * kIdW, kIdW,
                 slab == kNone ? Random(1u << kIdW) : static_cast<unsigned>(slab));
    }
    dut_.eval();
    if (!slot.grant) {
      ASSERT_FALSE(dut_.fetched_o);
      ASSERT_EQ(dut_.slab_o, dut_.slab_i) << "another operation reads its own slab";
      return;
    }
    const int expected = Expected(slot);
    ASSERT_EQ(dut_.fetched_o, expected != kNone);
    ++seen_[static_cast<unsigned>(expected + 1)];
    if (expected == kNone) return;
    ASSERT_EQ(dut_.slab_o, Entry(slot.list, static_cast<unsigned>(expected))) << expected;
    slot.reads = dut_.slab_o;
  }

  // The operation in execute pushes, pops, or does neither; what falls out of reach is forgotten.
  void Execute() {
    const Slot& slot = stages_[kExecute];
    std::vector<int>& order = orders_[slot.list];
    if (dut_.ex_push_i) {
      order.push_back(next_slab_);
      next_slab_ = (next_slab_ + 1) % (1 << kIdW);
      if (order.size() > 40) order.erase(order.begin());
    }
    if (dut_.ex_pop_i) order.pop_back();
    for (unsigned i = kChoose; i < kExecute; ++i) {
      if (stages_[i].list != slot.list) continue;
      bool in_reach = false;
      for (unsigned k = 0; k < kReach; ++k) {
        in_reach = in_reach || Entry(slot.list, k) == stages_[i].reads;
      }
      if (!in_reach) stages_[i].reads = kNone;
    }
  }

  // Other lists, which differ from the first in a bit each. They begin empty: slab numbers come
  // round again.
  void ChangeLists() {
    lists_[0] = Random(kAllLists);
    for (unsigned i = 1; i < kLists; ++i) lists_[i] = lists_[0] ^ (1u << Random(8));
    for (unsigned list : lists_) {
      const bool under_way =
          list == refetch_list_ || std::any_of(stages_.begin(), stages_.end(),
                                               [&](const Slot& s) { return s.list == list; });
      if (!under_way) orders_[list].clear();
    }
  }

  void Cycle(unsigned grants, unsigned lists) {
    const Slot& executes = stages_[kExecute];
    const bool empty = orders_[executes.list].empty();
    const bool replays = refetch_ == 0 && idle_ == 0 && executes.grant && !empty && Chance(4);
    dut_.replay_i = replays;
    dut_.ex_list_i = static_cast<uint8_t>(executes.list);
    dut_.ex_push_i = !replays && executes.release && Chance(60);
    dut_.ex_pop_i = !replays && executes.grant && !empty && Chance(steady_ ? 3 : 70);
    dut_.count_list_i = static_cast<uint8_t>(stages_[kCount].list);
    for (unsigned i = 0; i < 4; ++i) {
      const Slot& slot = stages_[kChoose + i];
      ports::Put(dut_.ahead_list_i, i * 8, 8, slot.list);
      ports::Put(dut_.ahead_release_i, i, 1, slot.release);
    }
    ChooseAndCheck();
    if (HasFatalFailure()) return;
    Execute();
    ports::Clock(dut_);

    if (replays) {
      for (unsigned i = kCount; i < kExecute; ++i) stages_[i] = {.list = stages_[i].list};
      refetch_list_ = executes.list;
      refetch_ = std::min<unsigned>(3, static_cast<unsigned>(orders_[refetch_list_].size()));
      refetched_ = 0;
      idle_ = 3;  // until an operation is in count again
    }
    std::copy_backward(stages_.begin(), stages_.end() - 1, stages_.end());
    if (refetch_ != 0) {
      stages_[kChoose] = {.list = refetch_list_,
                          .refetch = 1u << refetched_,
                          .reads = Entry(refetch_list_, refetched_)};
      ++refetched_;
      --refetch_;
    }
    const bool grant = Chance(grants);
    stages_[kCount] = {
        .list = lists_[Random(lists)], .grant = grant, .release = !grant && Chance(90)};
    if (idle_ != 0 && --idle_ != 0) stages_[kCount] = {.list = lists_[Random(lists)]};
  }

  Vslab_bank_predict dut_;
  std::array<Slot, kStages> stages_{};
  std::array<unsigned, kLists> lists_{};  // those now in use
  std::array<std::vector<int>, kAllLists> orders_;
  std::array<unsigned, kReach + 1> seen_{};
  unsigned refetch_ = 0, refetched_ = 0, refetch_list_ = 0, idle_ = 0;
  int next_slab_ = 0;
  bool steady_ = false;  // grants that take nothing away: everything in reach is fetched, and again
};

TEST_F(SlabBankPredict, FetchesTheFirstEntryThatNothingBrings) {
  for (unsigned n = 0; n < 400'000 && !HasFatalFailure(); ++n) {
    const unsigned mood = n / 100 % 4;
    if (n % 1000 == 0) ChangeLists();
    steady_ = n / 50 % 8 == 3;
    Cycle(mood == 0 ? 20 : mood == 1 ? 95 : 50, 1 + n / 1000 % kLists);
  }
  for (unsigned k = 0; k <= kReach; ++k) EXPECT_GT(seen_[k], 20u) << "entry " << k << " - 1";
}

}  // namespace
