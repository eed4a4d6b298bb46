// The lists' states against a table: operations of random lists stream through the stages, each
// giving its list a new random state, and every stage must see what all operations before left.
#include <array>
#include <optional>

#include "Vslab_bank_lists.h"
#include "list_state.hpp"

namespace {

using list_state::State;

constexpr unsigned kLists = 256;
constexpr unsigned kReach = list_state::kWindow - 1;  // entries that choose sees
// Issue, count, choose, address, read, forward, execute, write, w2
constexpr unsigned kIssue = 0, kChoose = 2, kAddress = 3, kRead = 4, kForward = 5, kExecute = 6,
                   kWrite = 7, kStages = 9;

struct Stage {
  unsigned list = 0;
  bool writes = false;
};

class SlabBankLists : public ports::SeededTest {
 protected:
  SlabBankLists() { Reset(); }
  ~SlabBankLists() override { dut_.final(); }

  void Reset() {
    stages_ = {};
    table_ = {};
    dut_.rst_i = dut_.sweeping_i = 1;
    dut_.ex_writes_i = dut_.fw_writes_i = 0;
    PutNext(RandomState());
    ports::Clock(dut_);
    dut_.rst_i = 0;
    for (unsigned list = 0; list < kLists; ++list) {
      dut_.sweep_list_i = static_cast<uint8_t>(list);
      PutNext(RandomState());
      ports::Clock(dut_);
    }
    dut_.sweeping_i = 0;
    for (filled_ = 0; filled_ < kStages;) Cycle(0, 0, 0, 0);
  }

  void PutNext(const State& s) {
    list_state::Put(s, dut_.nx_ids_i, dut_.nx_known_i, dut_.nx_exist_i, dut_.nx_ready_i,
                    dut_.nx_flags_i, dut_.nx_masks_i, dut_.nx_hint_i);
  }

  State RandomState() {
    State s;
    for (unsigned& id : s.ids) id = Random(1u << list_state::kIdW);
    s.known = Random(1u << list_state::kWindow);
    s.exist = Random(1u << list_state::kWindow);
    s.ready = Random(1u << list_state::kCached);
    for (unsigned k = 0; k < list_state::kCached; ++k) {
      s.masks[k] = rng_();
      s.flags[k] = 1 + Random(15);
    }
    s.hint = Chance(50);
    return s;
  }

  // After the sweep only that the list is empty is certain.
  void Compare(const std::optional<State>& expected, const State& got) {
    if (expected) {
      ASSERT_EQ(got, *expected);
    } else {
      ASSERT_EQ(got.known, 1u);
      ASSERT_EQ(got.exist, 0u);
      ASSERT_EQ(got.ready, 0u);
    }
  }

  void CheckChoose(const std::optional<State>& expected) {
    ASSERT_EQ(dut_.pr_exist_o, expected ? expected->exist & ((1u << kReach) - 1) : 0);
    ASSERT_EQ(dut_.pr_ready_o, expected ? expected->ready : 0);
    if (!expected) return;
    ASSERT_EQ(dut_.pr_hint_o, expected->hint);
    for (unsigned k = 0; k < kReach; ++k) {
      ASSERT_EQ(ports::Get(dut_.pr_ids_o, k * list_state::kIdW, list_state::kIdW),
                expected->ids[k]);
    }
  }

  // One cycle; `list` is what issue shows. An operation may be cancelled in any stage up to
  // forward, and a refetch may take another list's place at address.
  void Cycle(unsigned list, unsigned writes, unsigned cancel, unsigned refetch) {
    for (unsigned i = kStages - 1; i > 0; --i) stages_[i] = stages_[i - 1];
    stages_[kIssue] = {list, Chance(writes)};
    const unsigned chooses = stages_[kChoose].list;
    if (Chance(refetch)) stages_[kAddress] = {stages_[kExecute].list, true};
    if (Chance(cancel)) stages_[1 + Random(kForward)].writes = false;
    dut_.is_list_i = static_cast<uint8_t>(list);
    dut_.ad_list_i = static_cast<uint8_t>(stages_[kAddress].list);
    dut_.rd_list_i = static_cast<uint8_t>(stages_[kRead].list);
    dut_.fw_list_i = static_cast<uint8_t>(stages_[kForward].list);
    dut_.fw_writes_i = stages_[kForward].writes;
    dut_.ex_list_i = static_cast<uint8_t>(stages_[kExecute].list);
    dut_.ex_writes_i = stages_[kExecute].writes;
    const State next = RandomState();
    PutNext(next);
    dut_.eval();
    if (filled_ >= kStages) {
      CheckChoose(table_[chooses]);
      const std::optional<State>& forward = table_[stages_[kForward].list];
      ASSERT_EQ(dut_.fw_exist_o, forward ? forward->exist & ((2u << list_state::kCached) - 1) : 0);
      ASSERT_EQ(dut_.fw_head_ready_o, forward ? forward->ready & 1 : 0);
      if (forward) {
        ASSERT_EQ(dut_.fw_head_mask_o, forward->masks[0]);
        for (unsigned k = 0; k <= list_state::kCached; ++k) {
          ASSERT_EQ(ports::Get(dut_.fw_ids_o, k * list_state::kIdW, list_state::kIdW),
                    forward->ids[k]);
        }
      }
      ASSERT_EQ(dut_.fw_same_ex_o,
                stages_[kExecute].writes && stages_[kExecute].list == stages_[kForward].list);
      Compare(table_[stages_[kExecute].list],
              list_state::Get(dut_.ex_ids_o, dut_.ex_known_o, dut_.ex_exist_o, dut_.ex_ready_o,
                              dut_.ex_flags_o, dut_.ex_masks_o, dut_.ex_hint_o));
      if (stages_[kWrite].writes) {
        ASSERT_EQ(dut_.wr_list_o, stages_[kWrite].list);
      }
      ASSERT_EQ(dut_.writing_o, stages_[kWrite].writes || stages_[kWrite + 1].writes);
    } else {
      ++filled_;
    }
    if (stages_[kExecute].writes) table_[stages_[kExecute].list] = next;
    ports::Clock(dut_);
  }

  void Run(unsigned cycles, unsigned lists, unsigned writes, unsigned cancel, unsigned refetch) {
    for (unsigned n = 0; n < cycles && !HasFatalFailure(); ++n) {
      Cycle(Random(lists), writes, cancel, refetch);
    }
  }

  Vslab_bank_lists dut_;
  std::array<Stage, kStages> stages_{};
  std::array<std::optional<State>, kLists> table_{};
  unsigned filled_ = 0;
};

TEST_F(SlabBankLists, EveryStageSeesWhatWasLeft) {
  for (unsigned lists : {1u, 2u, 3u, 6u, 20u, 256u}) {
    SCOPED_TRACE("lists " + std::to_string(lists));
    Run(8'000, lists, 100, 0, 0);
    Run(8'000, lists, 70, 10, 5);
  }
}

TEST_F(SlabBankLists, ASweepEmptiesEveryList) {
  for (int n = 0; n < 5 && !HasFatalFailure(); ++n) {
    Run(1'000, 256, 90, 0, 0);
    Reset();
    for (unsigned list = 0; list < kLists; ++list) Cycle(list, 0, 0, 0);
    Run(20, 1, 0, 0, 0);
  }
}

}  // namespace
