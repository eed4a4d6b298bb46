// The slabs' words against a table: operations stream through the stages, each with a word read and
// one written, and the word must be what all operations before left, or be flagged as not so.
#include <array>
#include <bit>
#include <vector>

#include "Vslab_bank_words.h"
#include "list_state.hpp"

namespace {

using list_state::Flags;
using list_state::kIdW;

constexpr unsigned kSlabs = 16384, kSucc = 3, kNoOwner = 255, kFlight = 4;

enum class Kind { kNothing, kTake, kAdd, kLink, kErase };

struct Operation {
  Kind kind = Kind::kNothing;
  unsigned read = 0;  // the slab it reads
  uint64_t bits = 0;
};

struct Slab {
  uint64_t mask = 0;
  unsigned owner = kNoOwner;
  bool linked = false, pushed = false;  // ever: limit and successors have no initial value
  unsigned limit = 0;
  std::array<unsigned, kSucc> successors{};
  unsigned exist = 0;
};

class SlabBankWords : public ports::SeededTest {
 protected:
  SlabBankWords() { Reset(); }
  ~SlabBankWords() override { dut_.final(); }

  void Reset() {
    slabs_.assign(kSlabs, {});
    stages_ = {};
    linked_ = {};
    pushed_ = {};
    dut_.rst_i = dut_.sweeping_i = 1;
    ports::Clock(dut_);
    dut_.rst_i = 0;
    for (unsigned slab = 0; slab < kSlabs; ++slab) {
      dut_.sweep_slab_i = static_cast<uint16_t>(slab);
      dut_.ex_bits_i = rng_();  // noise
      ports::Clock(dut_);
    }
    dut_.sweeping_i = 0;
  }

  // Lets the operation in execute change the table and tells the RTL what it does; returns the slab
  // it writes.
  void Execute() {
    const Operation& o = stages_[3];
    unsigned target = o.read;
    Kind kind = o.kind;
    if (kind == Kind::kTake) {
      // A grant writes the head, whatever it read.
      target = Random(hot_);
      if (slabs_[target].mask == 0) kind = Kind::kNothing;
    }
    Slab& slab = slabs_[target];
    if (kind == Kind::kAdd && (slab.owner == kNoOwner || (slab.mask & o.bits) != 0)) {
      kind = Kind::kNothing;  // refused
    }
    if (kind == Kind::kLink && slab.owner != kNoOwner) kind = Kind::kNothing;
    const bool link = kind == Kind::kLink;
    const bool push = link || (kind == Kind::kAdd && slab.mask == 0);
    const unsigned limit = Random(64), exist = Random(8);
    const unsigned list = slab.owner == kNoOwner ? Random(kNoOwner) : slab.owner;
    unsigned quarter = 1u << Random(4);
    while (kind == Kind::kTake && (Flags(slab.mask) & quarter) == 0) quarter = 1u << Random(4);
    uint64_t taken = 0;
    for (unsigned q = 0; q < 4; ++q) {
      if (quarter == 1u << q) taken = uint64_t{0xFFFF} << q * 16;
    }
    const bool take = kind == Kind::kTake;

    dut_.ex_write_i = kind != Kind::kNothing;
    dut_.ex_push_i = push;
    dut_.ex_link_i = link;
    dut_.ex_erase_i = kind == Kind::kErase;
    dut_.ex_take_i = take;
    dut_.ex_exhaust_i = take && (slab.mask & ~taken) == 0;
    dut_.ex_quarter_i = static_cast<uint8_t>(quarter);
    dut_.ex_head_mask_i = take ? slab.mask : rng_();
    dut_.ex_head_flags_i = static_cast<uint8_t>(Flags(dut_.ex_head_mask_i));
    dut_.ex_word_mask_i = word_;  // as this operation read it
    dut_.ex_word_flags_i = static_cast<uint8_t>(Flags(word_));
    dut_.ex_bits_i = o.bits;
    dut_.ex_bits_flags_i = static_cast<uint8_t>(Flags(o.bits));
    dut_.ex_target_i = static_cast<uint16_t>(target);
    dut_.ex_list_i = static_cast<uint8_t>(list);
    dut_.ex_limit_i = static_cast<uint8_t>(limit);
    dut_.ex_succ_exist_i = static_cast<uint8_t>(exist);
    std::array<unsigned, kSucc> successors;
    for (unsigned i = 0; i < kSucc; ++i) {
      successors[i] = Random(1u << kIdW);
      ports::Put(dut_.ex_succ_ids_i, i * kIdW, kIdW, successors[i]);
    }

    for (unsigned i = kFlight - 1; i > 0; --i) {
      linked_[i] = linked_[i - 1];
      pushed_[i] = pushed_[i - 1];
    }
    linked_[0] = link ? target : kSlabs;
    pushed_[0] = push ? target : kSlabs;
    if (kind == Kind::kNothing) return;
    slab.owner = list;
    if (take) slab.mask &= ~taken;
    if (kind == Kind::kAdd || link) slab.mask |= o.bits;
    if (push) {
      slab.pushed = true;
      slab.successors = successors;
      slab.exist = exist;
    }
    if (link) {
      slab.linked = true;
      slab.limit = limit;
    }
    if (kind == Kind::kErase) {
      slab.mask = 0;
      slab.owner = kNoOwner;
    }
  }

  // The word of the operation in forward, with the one in execute just done.
  void Check() {
    const Operation& o = stages_[2];
    const Slab& slab = slabs_[o.read];
    bool linked = false, stale = false;
    for (unsigned i = 0; i < kFlight; ++i) {
      linked = linked || linked_[i] == o.read;
      stale = stale || pushed_[i] == o.read;
    }
    ASSERT_EQ(dut_.fw_mask_o, slab.mask);
    ASSERT_EQ(dut_.fw_flags_o, Flags(slab.mask));
    ASSERT_EQ(dut_.fw_zero_o, slab.mask == 0);
    ASSERT_EQ(dut_.fw_double_o, Flags(slab.mask & o.bits));
    ASSERT_EQ(dut_.fw_linked_o, linked);
    ASSERT_EQ(dut_.fw_stale_o, stale);
    if (!linked) {
      ASSERT_EQ(dut_.fw_owner_o, slab.owner);
      if (slab.linked) {
        ASSERT_EQ(dut_.fw_limit_o, slab.limit);
      }
    }
    if (!stale && slab.pushed) {
      ASSERT_EQ(dut_.fw_succ_exist_o, slab.exist);
      for (unsigned i = 0; i < kSucc; ++i) {
        ASSERT_EQ(ports::Get(dut_.fw_succ_ids_o, i * kIdW, kIdW), slab.successors[i]);
      }
    }
    flagged_ += stale;
  }

  void Cycle(const Operation& next) {
    for (unsigned i = 3; i > 0; --i) stages_[i] = stages_[i - 1];
    stages_[0] = next;
    dut_.ad_slab_i = static_cast<uint16_t>(stages_[0].read);
    dut_.rd_slab_i = static_cast<uint16_t>(stages_[1].read);
    dut_.fw_slab_i = static_cast<uint16_t>(stages_[2].read);
    dut_.fw_bits_i = stages_[2].bits;
    Execute();
    dut_.eval();
    if (++cycles_ > 3) Check();
    word_ = dut_.fw_mask_o;
    ports::Clock(dut_);
  }

  // `hot` slabs in use; erasing operations run alone, as in the bank.
  void Run(unsigned operations, unsigned hot, unsigned gap) {
    hot_ = hot;
    for (unsigned n = 0; n < operations && !HasFatalFailure(); ++n) {
      Operation o{Chance(40)   ? Kind::kTake
                  : Chance(70) ? Kind::kAdd
                  : Chance(80) ? Kind::kLink
                  : Chance(20) ? Kind::kErase
                               : Kind::kNothing,
                  Chance(99) ? Random(hot) : Random(kSlabs), uint64_t{1} << Random(64)};
      if (Chance(30)) o.bits |= rng_() & rng_();
      const bool serial = o.kind == Kind::kErase;
      if (serial && slabs_[o.read].owner == kNoOwner) continue;
      const Operation nothing{Kind::kNothing, Random(hot), rng_()};
      for (unsigned i = 0; serial && i < 8; ++i) Cycle(nothing);
      Cycle(o);
      for (unsigned i = 0; serial && i < 8; ++i) Cycle({Kind::kNothing, kSlabs - 1, 0});
      while (Chance(gap)) Cycle(nothing);
    }
  }

  Vslab_bank_words dut_;
  std::vector<Slab> slabs_;
  std::array<Operation, 4> stages_{};                  // address, read, forward, execute
  std::array<unsigned, kFlight> linked_{}, pushed_{};  // by the operations just ahead
  uint64_t word_ = 0, cycles_ = 0, flagged_ = 0;
  unsigned hot_ = 1;
};

TEST_F(SlabBankWords, EveryWordIsWhatWasLeft) {
  for (unsigned hot : {1u, 2u, 3u, 7u, 50u, 5000u}) {
    SCOPED_TRACE("slabs " + std::to_string(hot));
    Run(25'000, hot, 0);
    Run(15'000, hot, 40);
  }
  EXPECT_GT(flagged_, 1'000u);
}

TEST_F(SlabBankWords, ASweepTakesMasksAndOwners) {
  Run(20'000, 5000, 0);
  Reset();
  cycles_ = 0;
  for (unsigned slab = 0; slab < kSlabs && !HasFatalFailure(); ++slab) {
    Cycle({Kind::kNothing, slab, rng_()});
  }
}

}  // namespace
