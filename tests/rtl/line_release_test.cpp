// line_release on models of the banks against line_model.hpp: which tokens are refused and why,
// what the banks hold afterwards, and how tokens are gathered, with random delays on every side.
#include <utility>
#include <vector>

#include "Vline_release.h"
#include "line_slots.hpp"

namespace {

using namespace line_model;

using Refused = std::pair<uint32_t, unsigned>;  // token and cause

struct Operation {
  unsigned bank, slab, slot;
  uint64_t mask;
  bool operator==(const Operation&) const = default;
};

class LineRelease : public line_slots::LineTest<Vline_release> {
 protected:
  void Do(int list, unsigned bank, Op op, int slab = 0, int limit = kWidth - 1) {
    card_.banks[bank].Apply({op, list, kDomain, slab, 0, limit});
  }
  // A slab none of whose blocks is free.
  void AddSlab(int list, uint32_t slab, int limit = kWidth - 1) {
    Do(list, slab % kBanks, Op::kLink, static_cast<int>(slab / kBanks), limit);
    for (int q = 0; q <= limit / (kWidth / 4); ++q) Do(list, slab % kBanks, Op::kGrant);
    slabs_.push_back(slab);
  }

  void Cycle() override {
    dut_.req_ready_i = Chance(req_ready_);
    dut_.refuse_ready_i = Chance(refuse_ready_);
    dut_.pending_i = slots_.UnderWay();
    dut_.failed_i = slots_.failed;
    dut_.eval();
    dut_.read_status_i =
        static_cast<uint8_t>(slots_.Read(dut_.read_bank_o, dut_.read_slot_o).status);
    dut_.eval();

    const Operation o{dut_.req_bank_o, dut_.req_slab_o, dut_.req_slot_o, dut_.req_mask_o};
    const Refused r{dut_.refuse_token_o, dut_.refuse_status_o};
    steady_req_.Check(dut_.req_valid_o, dut_.req_ready_i, o);
    steady_refuse_.Check(dut_.refuse_valid_o, dut_.refuse_ready_i, r);
    if (dut_.req_valid_o && dut_.req_ready_i) {
      const Request request{Op::kRelease, kList, domain_, static_cast<int>(o.slab), o.mask, 0};
      slots_.Send(o.bank, request, o.slot, Random(1 + delay_));
      sent_.push_back(o);
    }
    if (dut_.refuse_valid_o && dut_.refuse_ready_i) refused_.push_back(r);
    Finish();
  }

  unsigned Run(const std::vector<uint32_t>& tokens) {
    sent_.clear();
    refused_.clear();
    dut_.count_i = static_cast<uint8_t>(tokens.size());
    for (unsigned i = 0; i < kTokens; ++i) {
      dut_.tokens_i[i] = i < tokens.size() ? tokens[i] : static_cast<uint32_t>(rng_());
    }
    auto load = [&](bool valid, uint32_t first, uint32_t second) {
      dut_.load_count_i = valid ? static_cast<uint8_t>(tokens.size()) : 0;
      dut_.load_tokens_i = second * uint64_t{1} << 32 | first;
    };
    load(true, dut_.tokens_i[0], dut_.tokens_i[1]);
    Cycle();  // comes a cycle before the start
    load(false, static_cast<uint32_t>(rng_()), static_cast<uint32_t>(rng_()));
    const unsigned cycles = Execute();
    Cycle();
    EXPECT_FALSE(slots_.failed) << "the line before is not forgotten";
    return cycles;
  }

  unsigned Check(const std::vector<uint32_t>& tokens) {
    Card model;
    model.banks = card_.banks;
    const auto count = static_cast<unsigned>(tokens.size());
    const Outcome expected = model.Execute(Submission({kRelease, count, kList, 0}, tokens),
                                           static_cast<unsigned>(domain_), 0, false);
    std::vector<Refused> refused;
    for (const Error& e : expected.errors) refused.emplace_back(e.token, e.status);
    const unsigned cycles = Run(tokens);
    EXPECT_EQ(refused_, refused);
    for (uint32_t slab : slabs_) {
      const int local = static_cast<int>(slab / kBanks);
      EXPECT_EQ(card_.banks[slab % kBanks].FreeMask(local),
                model.banks[slab % kBanks].FreeMask(local))
          << "slab " << slab;
    }
    return cycles;
  }

  line_slots::Steady<Operation> steady_req_;
  line_slots::Steady<Refused> steady_refuse_;
  std::vector<uint32_t> slabs_;
  unsigned refuse_ready_ = 100;
  std::vector<Operation> sent_;
  std::vector<Refused> refused_;
};

TEST_F(LineRelease, GathersNeighboursOfASlab) {
  for (uint32_t slab = 5; slab < 9; ++slab) AddSlab(kList, slab);
  std::vector<uint32_t> tokens;
  for (unsigned i = 0; i < 14; ++i) tokens.push_back(Token(6, 63 - 4 * i));
  Check(tokens);
  EXPECT_EQ(sent_.size(), 1u);
  // A repeated block, another slab and a refused token each end the gathering.
  Check({Token(5, 0), Token(5, 1), Token(5, 0), Token(5, 2)});
  EXPECT_EQ(sent_.size(), 4u) << "two gathered, two again one by one";
  Check({Token(5, 8), Token(5, 9), Token(7, 0), Token(5, 10), Token(5, 11)});
  EXPECT_EQ(sent_.size(), 3u);
  // What went alone and was refused is not sent again.
  domain_ = 1;
  Check({Token(5, 12), Token(7, 1), Token(5, 13)});
  EXPECT_EQ(sent_.size(), 3u);
  domain_ = kDomain;
  unsigned block = 30;
  for (uint32_t bad : {0u, Token(0, 9), Token(kSlabs, 0), Token(0x3FFFFFF, 63)}) {
    Check({Token(8, block), bad, Token(8, block + 1)});
    block += 2;
    EXPECT_EQ(refused_.front(), Refused(bad, kRange));
    domain_ = 1;  // all refused
    Check({bad, Token(8, 1), Token(8, 2), bad});
    EXPECT_EQ(refused_.size(), 4u);
    domain_ = kDomain;
  }
}

TEST_F(LineRelease, FindsEveryBlockThatComesTwice) {
  for (uint32_t block = 0; block < 64; ++block) {
    const uint32_t slab = 100 + block;
    AddSlab(kList, slab);
    auto token = [&](uint32_t i) { return Token(slab, (block + i) % 64); };
    // Again as the first and as the second of two; then none comes twice.
    Check({token(0), token(1), token(2), token(3), token(0), token(4)});
    EXPECT_EQ(refused_.size(), 1u);
    Check({token(10), token(11), token(12), token(13), token(14), token(10)});
    EXPECT_EQ(refused_.size(), 1u);
    Check({token(20), token(21), token(22), token(23), token(24), token(25)});
    EXPECT_EQ(sent_.size(), 1u);
  }
}

TEST_F(LineRelease, NamesWhatIsRefusedUnderAnyTiming) {
  for (uint32_t slab : {1u, 2u, 5u, kSlabs - 1}) AddSlab(kList, slab);
  AddSlab(kList, 9, 20);   // short
  AddSlab(kList + 1, 6);   // foreign
  slabs_.push_back(1000);  // of no list
  for (int n = 0; n < 6000 && !HasFailure(); ++n) {
    if (n % 20 == 0) {
      const bool slow = Chance(60);
      req_ready_ = slow ? 10 + Random(80) : 100;
      refuse_ready_ = slow ? 10 + Random(80) : 100;
      delay_ = slow ? Random(30) : 10;
    }
    // Takes blocks again, so that not everything is a double free.
    for (unsigned i = Random(30); i != 0; --i) Do(kList, Random(kBanks), Op::kGrant);
    domain_ = Chance(97) ? kDomain : 1;
    const unsigned count = 1 + Random(14), blocks = Chance(50) ? 64 : 8;
    uint32_t slab = slabs_[0];
    const unsigned stay = Random(100);
    std::vector<uint32_t> tokens;
    for (unsigned i = 0; i < count; ++i) {
      if (!Chance(stay)) {
        slab = slabs_[Random(Chance(80) ? 4 : static_cast<unsigned>(slabs_.size()))];
      }
      tokens.push_back(Token(slab, Random(blocks)));
      if (Chance(3)) tokens.back() = static_cast<uint32_t>(rng_()) >> Random(32);
      if (Chance(3)) tokens.back() = Token(0, Random(64));
    }
    Check(tokens);
  }
}

TEST_F(LineRelease, IsQuick) {
  delay_ = 0;
  for (uint32_t slab = 4; slab < 20; ++slab) AddSlab(kList, slab);
  std::vector<uint32_t> tokens;
  for (uint32_t i = 0; i < 14; ++i) tokens.push_back(Token(4 + i, i));
  EXPECT_LE(Check(tokens), 19u) << "a token a cycle";
  EXPECT_EQ(sent_.size(), 14u);
  for (uint32_t i = 0; i < 14; ++i) tokens[i] = Token(4, 63 - i * 7 % 32);
  EXPECT_LE(Check(tokens), 12u) << "two of a slab a cycle";
  EXPECT_EQ(sent_.size(), 1u);
}

}  // namespace
