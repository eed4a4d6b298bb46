// line_grant on models of the banks against line_model.hpp: tokens, status, bank pointer, and every
// block beyond the count given back, with random delays on every side.
#include <vector>

#include "Vline_grant.h"
#include "line_slots.hpp"

namespace {

using namespace line_model;

struct Operation {
  unsigned release, bank, slab, slot;
  uint64_t mask;
  bool operator==(const Operation&) const = default;
};

class LineGrant : public line_slots::LineTest<Vline_grant> {
 protected:
  void Do(unsigned bank, Op op, int slab, uint64_t mask = 0) {
    card_.banks[bank].Apply({op, kList, kDomain, slab, mask, kWidth - 1});
  }
  // A slab with these blocks free. Its number is scattered over all there are, in the same bank.
  void AddSlab(uint32_t slab, uint64_t free) {
    slab = slab * 0x9E35 % kSlabs;
    const unsigned bank = slab % kBanks;
    const int local = static_cast<int>(slab / kBanks);
    Do(bank, Op::kLink, local);
    for (int q = 0; q < 4; ++q) Do(bank, Op::kGrant, 0);
    Do(bank, Op::kRelease, local, free);
  }

  void Cycle() override {
    dut_.req_ready_i = Chance(req_ready_);
    dut_.token_ready_i = Chance(token_ready_);
    dut_.token_room_i = static_cast<uint8_t>(Chance(token_room_) | Chance(four_room_) << 1);
    dut_.pending_i = slots_.UnderWay();
    dut_.came_i = static_cast<uint16_t>(slots_.came & 0x7fff);
    dut_.refused_i = slots_.refused;
    dut_.eval();
    const Response& r = slots_.Read(dut_.read_bank_o, dut_.read_slot_o);
    const int quarter = r.mask == 0 ? 0 : std::countr_zero(r.mask) / 16;
    dut_.read_status_i = static_cast<uint8_t>(r.status);
    dut_.read_slab_i = static_cast<uint16_t>(r.slab);
    dut_.read_quarter_i = static_cast<uint8_t>(quarter);
    dut_.read_bits_i = static_cast<uint16_t>(r.mask >> quarter * 16);
    dut_.eval();

    Operation o{dut_.req_release_o, dut_.req_bank_o, dut_.req_slab_o, dut_.req_slot_o,
                dut_.req_mask_o};
    if (o.release == 0) o.slab = 0, o.mask = 0;  // mean nothing
    steady_req_.Check(dut_.req_valid_o, dut_.req_ready_i, o);
    steady_token_.Check(dut_.token_valid_o, dut_.token_ready_i, dut_.token_o);
    if (dut_.req_valid_o && dut_.req_ready_i) {
      const Request request{o.release != 0 ? Op::kRelease : Op::kGrant,
                            kList,
                            domain_,
                            static_cast<int>(o.slab),
                            o.mask,
                            0};
      const Response answer = slots_.Send(o.bank, request, o.slot, Random(1 + delay_));
      if (o.release != 0) {
        released_.push_back(o);
        EXPECT_EQ(answer.status, Status::kOk) << "gives back what it does not have";
      } else if (answer.status == Status::kOk) {
        granted_.push_back({1, o.bank, static_cast<unsigned>(answer.slab), 15, answer.mask});
      }
    }
    if (dut_.token_valid_o && dut_.token_ready_i) {
      tokens_.push_back(dut_.token_o);
      EXPECT_FALSE(dut_.token_two_o && dut_.token_four_o);
      if (dut_.token_two_o) {
        EXPECT_TRUE(dut_.token_room_i & 1);
        tokens_.push_back(dut_.token_o | 1);
      }
      if (dut_.token_four_o) {
        EXPECT_TRUE(dut_.token_room_i & 2);
        for (unsigned i = 1; i < 4; ++i) tokens_.push_back(dut_.token_o | i);
      }
    }
    surplus_ += dut_.surplus_o;
    if (dut_.done_o) {
      status_ = dut_.status_o;
      bank_ = dut_.bank_o;
    }
    Finish();
  }

  // Runs a line; returns its cycles.
  unsigned Run(unsigned count) {
    tokens_.clear();
    granted_.clear();
    released_.clear();
    surplus_ = 0;
    dut_.count_i = static_cast<uint8_t>(count);  // comes a cycle before the start
    Cycle();
    dut_.count_i = static_cast<uint8_t>(Random(128));
    dut_.bank_i = static_cast<uint8_t>(bank_);
    return Execute();
  }

  unsigned Check(unsigned count) {
    Card model;
    model.banks = card_.banks;
    const Outcome expected = model.Execute(Submission({kGrant, count, kList, 0}),
                                           static_cast<unsigned>(domain_), bank_, false);
    std::vector<uint32_t> tokens;
    for (const Line& line : expected.lines) {
      tokens.insert(tokens.end(), line.begin() + 2, line.begin() + 2 + (line[0] >> 8 & 255));
    }
    const unsigned cycles = Run(count);
    EXPECT_EQ(tokens_, tokens);
    EXPECT_EQ(status_, expected.lines.back()[0] >> 26 & 15);
    EXPECT_EQ(bank_, expected.bank);
    EXPECT_EQ(surplus_, expected.counts.surplus);
    // One release for each answer with blocks beyond the count, in the order of the answers.
    std::vector<Operation> back;
    std::size_t given = 0;
    for (Operation answer : granted_) {
      for (; answer.mask != 0 && given < count; ++given) answer.mask &= answer.mask - 1;
      if (answer.mask != 0) back.push_back(answer);
    }
    EXPECT_EQ(released_, back);
    for (unsigned b = 0; b < kBanks; ++b) {
      EXPECT_EQ(card_.banks[b].FreeBlocks(kList), model.banks[b].FreeBlocks(kList));
    }
    return cycles;
  }

  void Mood() {
    const bool slow = Chance(50);
    req_ready_ = slow ? 10 + Random(60) : 100;
    token_ready_ = slow ? 10 + Random(80) : 100;
    token_room_ = Chance(50) ? 100 : Random(101);
    four_room_ = Chance(50) ? 100 : Random(101);
    delay_ = slow ? Random(30) : 10;
  }

  line_slots::Steady<Operation> steady_req_;
  line_slots::Steady<uint32_t> steady_token_;
  unsigned token_ready_ = 100, token_room_ = 100, four_room_ = 100;
  unsigned bank_ = 0;
  std::vector<uint32_t> tokens_;
  std::vector<Operation> granted_, released_;
  unsigned surplus_ = 0, status_ = 0;
};

TEST_F(LineGrant, EveryCountFromWholeSlabs) {
  for (uint32_t slab = 4; slab < 200; ++slab) AddSlab(slab, ~uint64_t{0});
  for (unsigned count = 1; count <= 112 && !HasFailure(); ++count) {
    Mood();
    Check(count);
    EXPECT_EQ(tokens_.size(), count);
  }
}

TEST_F(LineGrant, FragmentedAndDryListsUnderAnyTiming) {
  uint32_t slab = 4;
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    const unsigned stride = Chance(25) ? kBanks : 1;  // all in a bank: the others are dry
    for (unsigned i = Random(30); i != 0; --i, slab += stride) {
      uint64_t free = uint64_t{1} << Random(64);
      if (Chance(60)) free |= rng_() & rng_() & rng_();
      if (Chance(15)) free = rng_() | rng_();
      AddSlab(slab, free);
    }
    for (int i = 0; i < 6; ++i) {
      Mood();
      Check(1 + (Chance(60) ? Random(24) : Random(112)));
    }
  }
  while (status_ == 0 && !HasFailure()) Check(112);
  Check(112);
  EXPECT_TRUE(tokens_.empty());
  EXPECT_EQ(status_, static_cast<unsigned>(Status::kEmpty));
}

TEST_F(LineGrant, ARefusalGivesTheRestOfTheRoundBack) {
  for (uint32_t slab = 4; slab < 60; ++slab) AddSlab(slab, rng_() | 1);
  domain_ = 1;
  Check(50);
  EXPECT_EQ(status_, static_cast<unsigned>(Status::kDomain));
  domain_ = kDomain;
  for (unsigned nth = 0; nth < 7 && !HasFailure(); ++nth) {
    Mood();
    uint64_t before = 0, after = 0, lost = 0;
    for (const Model& bank : card_.banks) before += bank.FreeBlocks(kList);
    unsigned n = 0;
    slots_.tamper = [&](Response& r) {
      if (n++ != nth) return;
      lost = static_cast<uint64_t>(std::popcount(r.mask));
      r = {Status::kBadList, 0, 0};
    };
    Run(112);
    slots_.tamper = nullptr;
    EXPECT_EQ(status_, static_cast<unsigned>(Status::kBadList));
    if (nth == 0) {
      EXPECT_TRUE(tokens_.empty());
    }
    for (const Model& bank : card_.banks) after += bank.FreeBlocks(kList);
    EXPECT_EQ(after + lost + tokens_.size(), before) << "what came before may have gone out";
  }
}

TEST_F(LineGrant, IsQuick) {
  delay_ = 0;
  for (uint32_t slab = 4; slab < 44; ++slab) AddSlab(slab, ~uint64_t{0});
  EXPECT_LE(Check(14), 18u);
  EXPECT_LE(Check(112), 54u) << "four tokens a cycle";
  four_room_ = 0;
  EXPECT_LE(Check(112), 81u) << "two tokens a cycle";
  token_room_ = 0;
  EXPECT_LE(Check(112), 137u) << "a token a cycle";
}

}  // namespace
