// The command sequencer against a walk over bank models, and its pace.
#include <gtest/gtest.h>

#include <utility>

#include "Vcommand_sequencer.h"
#include "bank_lanes.hpp"
#include "line_slots.hpp"
#include "ports.hpp"

namespace {

using slab_bank::Model;
using slab_bank::Op;
using slab_bank::Request;
using slab_bank::Response;
using slab_bank::Status;

constexpr unsigned kBanks = 4;
constexpr uint32_t kSlabs = 65536;
enum Command : unsigned { kOpen = 1, kClose, kLink, kUnlink, kTrim };

// What the sequencer tells the list monitor.
struct Told {
  unsigned op, list, blocks;
  bool operator==(const Told&) const = default;
};

struct Result {
  unsigned status = 0, slab = 0, linked = 0, taken = 0;
  std::vector<Told> told;
  bool operator==(const Result&) const = default;
};

class CommandSequencer : public ports::SeededTest {
 protected:
  CommandSequencer() : card_(kBanks, Model(16384, 64, 255)), model_(card_), lanes_(card_) {
    dut_.rst_i = 1;
    Cycle();
    Cycle();
    dut_.rst_i = 0;
  }
  ~CommandSequencer() override { dut_.final(); }

  void Cycle() {
    dut_.req_ready_i = Chance(ready_);
    dut_.mon_ready_i = Chance(ready_);
    lanes_.Answer(dut_, now_, nullptr);
    dut_.clk_i = 0;
    dut_.eval();
    if (!dut_.rst_i) {
      got_.linked += dut_.cnt_linked_o;
      got_.taken += dut_.cnt_taken_o;
      if (dut_.req_valid_o && dut_.req_ready_i) {
        lanes_.Send(dut_, now_, delay_ + (extra_ != 0 ? Random(extra_) : 0), 0);
      }
      // Where no blocks are moved their number means nothing.
      const auto op = static_cast<Op>(dut_.mon_kind_o);
      const bool moves = op == Op::kLink || op == Op::kTrim;
      const Told offer{dut_.mon_kind_o, dut_.mon_list_o, moves ? dut_.mon_blocks_o : 0};
      offers_.Check(dut_.mon_valid_o, dut_.mon_ready_i, offer);
      if (dut_.mon_valid_o && dut_.mon_ready_i) {
        EXPECT_FALSE(done_) << "told too late";
        EXPECT_EQ(lanes_.under_way, 0u) << "told too early";
        got_.told.push_back(offer);
      }
      if (dut_.done_o) {
        EXPECT_FALSE(done_) << "done twice";
        EXPECT_EQ(lanes_.under_way, 0u);
        done_ = true;
        got_.status = dut_.result_status_o;
        got_.slab = dut_.result_slab_o;
      }
    }
    dut_.clk_i = 1;
    dut_.eval();
    ++now_;
  }

  Result Expected(unsigned command, unsigned list, unsigned domain, uint32_t slab, uint32_t count,
                  unsigned limit) {
    Result r;
    const auto tell = [&](Op op, unsigned blocks) {
      r.told.push_back({static_cast<unsigned>(op), list, blocks});
    };
    const auto ask = [&](Op op, unsigned bank, uint32_t local, unsigned last) {
      Request request{op, int(list), int(domain), int(local), 0, int(last)};
      const Response response = model_[bank].Apply(request);
      if (r.status == 0) r.status = static_cast<unsigned>(response.status);
      return response;
    };
    if (command < kOpen || command > kTrim) {
      r.status = 13;
    } else if (list >= 255) {
      r.status = 6;
    } else if (command == kOpen || command == kClose) {
      for (unsigned b = 0; b < kBanks; ++b) {
        ask(command == kOpen ? Op::kOpen : Op::kClose, b, 0, 0);
      }
      if (r.status == 0) tell(command == kOpen ? Op::kOpen : Op::kClose, 0);
    } else if (command == kTrim) {
      const Response response = ask(Op::kTrim, slab % kBanks, 0, 0);
      if (response.status == Status::kOk) {
        r.slab = unsigned(response.slab) * kBanks + slab % kBanks;
        r.taken = 1;
        tell(Op::kTrim, 64);
      }
    } else if (count > kSlabs) {
      r.status = 4;
    } else {
      unsigned blocks = 0;
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t s = slab + i;
        if (s == 0 || s >= kSlabs) {
          if (r.status == 0) r.status = 4;
          continue;
        }
        const auto response = ask(command == kLink ? Op::kLink : Op::kUnlink, s % kBanks,
                                  s / kBanks, i + 1 == count ? limit : 63);
        if (response.status != Status::kOk) continue;
        blocks += i + 1 == count ? limit + 1 : 64;
        ++r.slab;
        ++(command == kLink ? r.linked : r.taken);
      }
      if (command == kLink && blocks != 0) tell(Op::kLink, blocks);
    }
    return r;
  }

  uint64_t Check(unsigned command, unsigned list, unsigned domain = 0, uint32_t slab = 0,
                 uint32_t count = 0, unsigned limit = 63) {
    const Result expected = Expected(command, list, domain, slab, count, limit);
    const uint64_t cycles = Run(command, list, domain, slab, count, limit);
    EXPECT_EQ(got_.status, expected.status)
        << command << " list " << list << " slab " << slab << " count " << count;
    EXPECT_EQ(got_.slab, expected.slab);
    EXPECT_EQ(got_.linked, expected.linked);
    EXPECT_EQ(got_.taken, expected.taken);
    EXPECT_EQ(got_.told, expected.told) << "command " << command;
    return cycles;
  }

  uint64_t Run(unsigned command, unsigned list, unsigned domain, uint32_t slab, uint32_t count,
               unsigned limit) {
    const uint64_t start = now_;
    got_ = {};
    done_ = false;
    dut_.cmd_valid_i = 1;
    dut_.cmd_command_i = static_cast<uint8_t>(command);
    dut_.cmd_list_i = static_cast<uint16_t>(list);
    dut_.cmd_domain_i = static_cast<uint8_t>(domain);
    dut_.cmd_slab_i = slab;
    dut_.cmd_count_i = count;
    dut_.cmd_limit_i = static_cast<uint8_t>(limit);
    Cycle();
    // A second command while busy is ignored, and the inputs are free to change.
    dut_.cmd_command_i = 1 + Random(5);
    dut_.cmd_slab_i = static_cast<uint32_t>(rng_());
    dut_.cmd_valid_i = dut_.busy_o && Chance(50);
    Cycle();
    dut_.cmd_valid_i = 0;
    for (int i = 0; i < 500000 && !done_; ++i) Cycle();
    EXPECT_TRUE(done_);
    const uint64_t cycles = now_ - start;
    EXPECT_FALSE(dut_.busy_o);
    for (int i = 0; i < 3; ++i) Cycle();
    return cycles;
  }

  void Compare() {
    for (unsigned b = 0; b < kBanks; ++b) {
      for (int s = 0; s < 16384; ++s) {
        ASSERT_EQ(card_[b].FreeMask(s), model_[b].FreeMask(s));
        ASSERT_EQ(card_[b].Owner(s), model_[b].Owner(s));
      }
    }
  }

  Vcommand_sequencer dut_;
  std::vector<Model> card_;
  std::vector<Model> model_;
  bank_lanes::Lanes lanes_;
  unsigned ready_ = 100;
  uint64_t delay_ = 13;
  unsigned extra_ = 0;
  uint64_t now_ = 0;
  Result got_;
  line_slots::Steady<Told> offers_;
  bool done_ = false;
};

TEST_F(CommandSequencer, RefusesWhatIsWrong) {
  for (unsigned command = 0; command < 16; ++command) {
    for (unsigned list : {254u, 255u, 256u, 1023u}) Check(command, list, 1, 5, 3);
  }
  Check(kOpen, 1, 7);
  Check(kOpen, 1, 7);
  Check(kLink, 1, 0, 8, kSlabs + 1);
  Check(kLink, 1, 0, 8, 0xFFFFFFFF);
  Check(kLink, 1, 0, 8, 0);
  Check(kUnlink, 1, 0, 8, 4);
  Check(kLink, 2, 0, 8, 4);
  Check(kClose, 2);
  Compare();
}

TEST_F(CommandSequencer, LinksAroundTheEdges) {
  Check(kOpen, 1, 7);
  Check(kLink, 1, 0, 0, 1);
  Check(kLink, 1, 0, 0, 6, 5);
  Check(kLink, 1, 0, 3, 6, 6);           // some in use
  Check(kLink, 1, 0, kSlabs - 3, 9, 7);  // beyond the last
  Check(kLink, 1, 0, kSlabs - 1, 9, 7);  // the same, first one in use
  Check(kLink, 1, 0, kSlabs, 4, 7);
  Check(kLink, 1, 0, 0xFFFFFFFE, 20, 7);  // wraps to slab 0, then good and used ones
  Check(kLink, 1, 0, 0x80000000, 20, 7);
  Check(kLink, 1, 0, 0x7FFFFFFF, 20, 7);
  Check(kLink, 1, 0, 0x0001FFFF, 20, 7);
  Check(kTrim, 1, 0, 2);
  Check(kTrim, 1, 0, 0xFFFFFFFF);
  Check(kTrim, 2, 0, 1);
  Check(kClose, 1);
  Check(kUnlink, 1, 0, 0, kSlabs);
  Compare();
}

TEST_F(CommandSequencer, TellsOfAPartWhenTheLastSlabWasAccepted) {
  Check(kOpen, 1, 7);
  Check(kLink, 1, 0, 100, 1, 0);
  Check(kLink, 1, 0, 101, 1, 62);
  Check(kLink, 1, 0, 102, 5, 9);
  Check(kLink, 1, 0, 97, 4, 9);          // the last is in use
  Check(kLink, 1, 0, 96, 1, 9);          // nothing but a part
  Check(kLink, 1, 0, 96, 1, 9);          // nothing
  Check(kLink, 1, 0, kSlabs - 2, 4, 9);  // the last does not exist
  Check(kLink, 1, 0, 0xFFFFFFFF, 2, 9);  // nor does this
  for (unsigned bank = 0; bank < 4; ++bank) Check(kTrim, 1, 0, bank);
  Check(kClose, 1);
  for (unsigned n = 0; n < kSlabs; n += kSlabs / 2) Check(kUnlink, 1, 0, n, kSlabs / 2);
  Check(kOpen, 1, 7);
  Check(kLink, 1, 0, 0, kSlabs, 9);
}

TEST_F(CommandSequencer, NamesTheFirstRefusalOfAll) {
  // A bank that answers late must not let a later refusal of another bank come first.
  Check(kOpen, 1, 7);
  Check(kOpen, 2, 7);
  extra_ = 60;
  for (int i = 0; i < 300; ++i) {
    const uint32_t base = 100 + 40 * static_cast<uint32_t>(i);
    const uint32_t a = Random(30), b = Random(30);
    Check(kLink, 1, 0, base + a, 1);
    Check(kLink, 2, 0, base + b, 1);
    Check(kLink, 2, 0, base, 30);
  }
  Check(kClose, 1);
  for (int i = 0; i < 300; ++i) Check(kUnlink, 1 + Random(2), 0, 100 + Random(3000), Random(60));
  Compare();
}

TEST_F(CommandSequencer, NamesTheEarlierOfTwoCausesAnyDistanceApart) {
  extra_ = 30;
  for (unsigned i = 0; i < 14 * 8 && !HasFailure(); ++i) {
    const uint32_t step = 4u << i / 8, count = 2 * step - Random(4);
    // The counts of answers before them differ in this bit, and at random in those below.
    const uint32_t early = Random(count), late = early ^ step ^ Random(step);
    const uint64_t before = lanes_.sent;
    lanes_.tamper = [&](unsigned nth, Response& response) {
      response.status = nth - before == early  ? Status::kSlabInUse
                        : nth - before == late ? Status::kBadList
                                               : Status::kOk;
    };
    Run(kLink, 1, 0, 4, count, 63);
    const Status cause = early < late || late >= count ? Status::kSlabInUse : Status::kBadList;
    EXPECT_EQ(got_.status, static_cast<unsigned>(cause)) << early << " and " << late;
  }
}

TEST_F(CommandSequencer, WaitsForEveryAnswerAndTellsOfAnyNumber) {
  Check(kOpen, 1, 7);
  uint32_t slab = 1;
  for (uint32_t count = 1; count <= 8192; slab += count, count *= 2) {
    extra_ = count < 1024 ? 200 : 0;
    Check(kLink, 1, 0, slab, count);
  }
  extra_ = 200;
  for (int i = 0; i < 40 && !HasFailure(); ++i) {
    ready_ = 50 + Random(51);
    Check(kLink, 1, 0, 20'000 + 300 * static_cast<uint32_t>(i), 200 + Random(100));
  }
}

TEST_F(CommandSequencer, MatchesTheModelOnRandomCommands) {
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    if (i % 50 == 0) ready_ = 20 + Random(81), extra_ = Random(2) * Random(40);
    uint32_t slab = Random(Chance(90) ? 300 : kSlabs + 100);
    if (Chance(5)) slab = static_cast<uint32_t>(rng_());
    const unsigned list = Chance(98) ? Random(4) : Random(1024);
    Check(Chance(98) ? 1 + Random(5) : Random(16), list, Random(64), slab, Random(40), Random(64));
  }
  Compare();
}

TEST_F(CommandSequencer, LinksAMillionBlocksInTime) {
  Check(kOpen, 9, 1);
  const uint64_t cycles = Check(kLink, 9, 0, 1, 16384);
  RecordProperty("cycles", static_cast<int>(cycles));
  EXPECT_LE(cycles, 16384u + 40u);
}

}  // namespace
