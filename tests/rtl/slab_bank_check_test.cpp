// The bank's refusals against a table of the lists: operations stream through the stages, OPEN and
// CLOSE run alone as the bank runs them.
#include <array>
#include <bit>
#include <optional>

#include "Vslab_bank_check.h"
#include "list_state.hpp"
#include "slab_bank_model.hpp"

namespace {

using slab_bank::Op;
using slab_bank::Status;

constexpr unsigned kNoOwner = 255, kStages = 5;  // address, read, forward, execute, write

struct Operation {
  Op op;
  unsigned list, domain, owner, limit;
  uint64_t bits;
};

class SlabBankCheck : public ports::SeededTest {
 protected:
  struct List {
    bool open = false;
    unsigned domain = 0;
  };

  SlabBankCheck() { Reset(); }
  ~SlabBankCheck() override { dut_.final(); }

  void Reset() {
    dut_.rst_i = dut_.sweeping_i = 1;
    dut_.ex_clear_i = 0;
    ports::Clock(dut_);
    dut_.rst_i = 0;
    for (unsigned list = 0; list < 256; ++list) {
      dut_.wr_list_i = static_cast<uint8_t>(list);
      dut_.ex_open_i = static_cast<uint8_t>(Random(2));  // noise
      ports::Clock(dut_);
    }
    dut_.sweeping_i = 0;
    lists_ = {};
    stages_ = {};
    clears_ = false;
  }

  // First cause of refusal in the order of docs/slab-bank.md.
  Status Expected(const Operation& o) const {
    const List list = o.list < kNoOwner ? lists_[o.list] : List{};
    const bool closed = o.list < kNoOwner && !list.open;
    switch (o.op) {
      case Op::kGrant:
        return !list.open                ? Status::kBadList
               : list.domain != o.domain ? Status::kDomain
                                         : Status::kOk;
      case Op::kRelease:
        if (!list.open) return Status::kBadList;
        if (list.domain != o.domain) return Status::kDomain;
        if (o.owner != o.list) return Status::kForeign;
        return o.bits == 0 || 63u - static_cast<unsigned>(std::countl_zero(o.bits)) > o.limit
                   ? Status::kRange
                   : Status::kOk;
      case Op::kLink:
        return !list.open            ? Status::kBadList
               : o.owner != kNoOwner ? Status::kSlabInUse
                                     : Status::kOk;
      case Op::kTrim:
      case Op::kClose:
        return list.open ? Status::kOk : Status::kBadList;
      case Op::kOpen:
        return closed ? Status::kOk : Status::kBadList;
      case Op::kUnlink:
        return !closed ? Status::kBadList : o.owner != o.list ? Status::kForeign : Status::kOk;
      default:
        return Status::kBadCommand;
    }
  }

  void Cycle(const std::optional<Operation>& next) {
    for (unsigned i = kStages - 1; i > 0; --i) stages_[i] = stages_[i - 1];
    stages_[0] = next;
    // A stage without an operation carries noise.
    const auto at = [&](unsigned i) { return stages_[i].value_or(RandomOperation()); };
    const Operation address = at(0), forward = at(2), execute = at(3);
    dut_.ad_list_i = static_cast<uint8_t>(address.list);
    dut_.ad_bits_i = address.bits;
    dut_.fw_op_i = static_cast<uint8_t>(forward.op);
    dut_.fw_list_i = static_cast<uint8_t>(forward.list);
    dut_.fw_usable_i = forward.list < kNoOwner;
    dut_.fw_domain_i = static_cast<uint8_t>(forward.domain);
    dut_.fw_owner_i = static_cast<uint8_t>(forward.owner);
    dut_.fw_limit_i = static_cast<uint8_t>(forward.limit);
    dut_.ex_clear_i = stages_[3] && clears_;
    dut_.ex_open_i = execute.op == Op::kOpen;
    dut_.ex_domain_i = static_cast<uint8_t>(execute.domain);
    dut_.wr_list_i = static_cast<uint8_t>(at(4).list);
    dut_.eval();
    if (stages_[2]) {
      const Status expected = Expected(forward);
      ASSERT_EQ(dut_.fw_status_o, static_cast<unsigned>(expected))
          << "op " << static_cast<int>(forward.op) << " list " << forward.list;
      ++statuses_[dut_.fw_status_o];
      clears_ = expected == Status::kOk && (forward.op == Op::kOpen || forward.op == Op::kClose);
      if (clears_) lists_[forward.list] = {forward.op == Op::kOpen, forward.domain};
    }
    if (stages_[3]) {
      ASSERT_EQ(dut_.ex_bits_flags_o, list_state::Flags(execute.bits));
      if (execute.bits != 0) {
        ASSERT_EQ(dut_.ex_top_o, 63 - std::countl_zero(execute.bits));
      }
    }
    ports::Clock(dut_);
  }

  Operation RandomOperation() {
    const unsigned list = Chance(90) ? Random(4) : 252 + Random(4);
    uint64_t bits = Chance(10) ? 0 : uint64_t{1} << Random(64);
    if (Chance(40)) bits |= rng_() >> Random(64);
    const unsigned domain =
        Chance(80) ? lists_[list].domain : lists_[list].domain ^ (1u << Random(6));
    const unsigned owner = Chance(60)   ? list
                           : Chance(50) ? kNoOwner
                           : Chance(50) ? list ^ (1u << Random(8))
                                        : Random(256);
    // Most limits lie at the highest bit.
    const auto top = static_cast<unsigned>(63 - std::countl_zero(bits | 1));
    const unsigned limit = Chance(70) ? (top + 63 + Random(3)) % 64 : Random(64);
    return {static_cast<Op>(Random(8)), list, domain, owner, limit, bits};
  }

  void Run(unsigned operations, unsigned gap) {
    for (unsigned n = 0; n < operations && !HasFatalFailure(); ++n) {
      const Operation o = RandomOperation();
      const bool serial = o.op == Op::kOpen || o.op == Op::kClose;
      for (unsigned i = 0; serial && i < kStages; ++i) Cycle(std::nullopt);
      Cycle(o);
      for (unsigned i = 0; serial && i < kStages; ++i) Cycle(std::nullopt);
      while (Chance(gap)) Cycle(std::nullopt);
    }
  }

  Vslab_bank_check dut_;
  std::array<List, 256> lists_{};
  std::array<std::optional<Operation>, kStages> stages_{};
  bool clears_ = false;  // the operation now in execute
  std::array<uint64_t, 16> statuses_{};
};

TEST_F(SlabBankCheck, NamesTheFirstCause) {
  Run(150'000, 0);
  Run(100'000, 40);
  for (Status s : {Status::kOk, Status::kForeign, Status::kRange, Status::kDomain, Status::kBadList,
                   Status::kSlabInUse, Status::kBadCommand}) {
    EXPECT_GT(statuses_[static_cast<unsigned>(s)], 500u) << static_cast<int>(s);
  }
}

TEST_F(SlabBankCheck, ASweepClosesEveryList) {
  for (int n = 0; n < 20 && !HasFatalFailure(); ++n) {
    Run(200, 20);
    Reset();
    for (unsigned list = 0; list < 256; ++list) {
      Cycle(Operation{Op::kGrant, list, Random(64), 0, 0, 0});
    }
    for (unsigned i = 0; i < kStages; ++i) Cycle(std::nullopt);
  }
}

}  // namespace
