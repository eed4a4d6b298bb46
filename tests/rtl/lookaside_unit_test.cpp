// The lookaside unit against lookaside_model.hpp: lines, commands, passes of the governor and the
// register window, one after the other and all at once, with random delays on every side.
#include <optional>
#include <vector>

#include "Vlookaside_unit.h"
#include "lookaside_model.hpp"
#include "module_test.hpp"

namespace {

using namespace lookaside;

constexpr unsigned kLists = 64, kDepth = 256;
constexpr unsigned kOpen = 6, kClose = 7, kGovern = 8;

class LookasideUnit : public ports::ModuleTest<Vlookaside_unit> {
 protected:
  LookasideUnit() : model_(kLists, kDepth) {
    for (unsigned i = 0; !dut_.ready_o; ++i) {
      EXPECT_LT(i, 4 * kLists);
      EXPECT_TRUE(dut_.busy_o);
      Cycle();
      Settle();
    }
  }

  // What happens at the edge that follows: outputs are looked at, inputs that are pulses end.
  void Step() {
    dut_.out_ready_i = Chance(out_ready_);
    dut_.err_ready_i = Chance(err_ready_);
    Settle();
    popped_ += dut_.cnt_popped_o;
    pushed_ += dut_.cnt_pushed_o;
    executed_ += dut_.cnt_line_o;
    passes_ += dut_.cnt_pass_o;
    if (dut_.err_valid_o && dut_.err_ready_i) {
      errors_.push_back({dut_.err_opcode_o, dut_.err_list_o, dut_.err_status_o});
      EXPECT_EQ(dut_.err_token_o, 0u);
    }
    if (dut_.out_valid_o && dut_.out_ready_i) {
      EXPECT_FALSE(ended_);
      EXPECT_TRUE(dut_.out_write_o);
      Line line;
      for (unsigned i = 0; i < 16; ++i) line[i] = dut_.out_line_o[i];
      lines_.push_back(line);
      ended_ = dut_.out_last_o;
      if (ended_) {
        EXPECT_EQ(dut_.out_bank_o, bank_);
      }
    }
    Cycle();
    Settle();
    dut_.cmd_valid_i = dut_.tick_i = dut_.re_i = 0;
  }

  void Offer(const Line& line, unsigned domain, bool bad_phase = false) {
    lines_.clear();
    errors_.clear();
    popped_ = pushed_ = executed_ = 0;
    ended_ = false;
    bank_ = Random(4);
    for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = line[i];
    dut_.job_domain_i = static_cast<std::uint8_t>(domain);
    dut_.job_bank_i = static_cast<std::uint8_t>(bank_);
    dut_.job_bad_phase_i = bad_phase;
    dut_.job_valid_i = 1;
    Settle();
  }
  // Returns whether the line on offer was taken in this cycle.
  bool StepJob() {
    Settle();
    const bool taken = dut_.job_valid_i && dut_.job_ready_o;
    Step();
    if (taken) {
      dut_.job_valid_i = 0;
      for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = static_cast<std::uint32_t>(rng_());
    }
    return taken;
  }

  void Compare(const Outcome& expected) {
    ASSERT_EQ(lines_, expected.lines);
    ASSERT_EQ(errors_, expected.errors);
    ASSERT_EQ(executed_, expected.executed);
    ASSERT_EQ(popped_, expected.popped);
    ASSERT_EQ(pushed_, expected.pushed);
  }

  // Runs a line alone; returns the cycles from its acceptance to its end.
  std::uint64_t Run(const Line& line, unsigned domain, bool bad_phase = false) {
    const Outcome expected = Execute(model_, line, domain, bad_phase);
    Offer(line, domain, bad_phase);
    for (int i = 0; !StepJob(); ++i) {
      EXPECT_LT(i, 2000);
      if (HasFailure()) return 0;
    }
    const std::uint64_t start = now_ - 1;
    for (int i = 0; !ended_; ++i) {
      EXPECT_LT(i, 5000) << "the unit hangs";
      if (HasFailure()) return 0;
      Step();
    }
    const std::uint64_t cycles = now_ - 1 - start;
    Compare(expected);
    return cycles;
  }

  void Give(unsigned command, unsigned list, unsigned domain, std::uint64_t depths) {
    dut_.cmd_valid_i = 1;
    dut_.cmd_command_i = static_cast<std::uint8_t>(command);
    dut_.cmd_list_i = static_cast<std::uint16_t>(list);
    dut_.cmd_domain_i = static_cast<std::uint8_t>(domain);
    dut_.cmd_depth_i = depths & 511;
    dut_.cmd_minimum_i = depths >> 10 & 511;
    dut_.cmd_maximum_i = depths >> 20 & 511;
  }
  Status Model(unsigned command, unsigned list, unsigned domain, std::uint64_t depths) {
    if (command == kGovern) {
      for (unsigned i = 0; i < kLists; ++i) model_.Apply({Op::kGovern, i, 0, 0});
      return Status::kOk;
    }
    if (list >= kLists) return Status::kBadList;
    return model_.Apply({command == kOpen ? Op::kOpen : Op::kClose, list, domain, depths}).status;
  }
  void Command(unsigned command, unsigned list = 0, unsigned domain = 0, std::uint64_t depths = 0) {
    Give(command, list, domain, depths);
    do {
      Step();
      ASSERT_LT(now_, 100'000'000u);
    } while (!dut_.cmd_done_o);
    EXPECT_FALSE(dut_.cmd_busy_o);
    ASSERT_EQ(static_cast<Status>(dut_.cmd_status_o), Model(command, list, domain, depths));
  }

  std::uint32_t Read(unsigned index, unsigned offset) {
    dut_.re_i = 1;
    dut_.index_i = static_cast<std::uint8_t>(index);
    dut_.addr_i = static_cast<std::uint8_t>(offset);
    for (unsigned i = 0; i < 40; ++i) {
      Step();
      if (dut_.rvalid_o) return dut_.rdata_o;
    }
    ADD_FAILURE() << "no answer";
    return 0;
  }
  void CheckWindow(unsigned list) {
    for (unsigned offset = 0; offset < 0x18; offset += 4) {
      ASSERT_EQ(Read(list, offset), model_.Register(list, offset))
          << "list " << list << " offset " << offset;
    }
  }
  void Rest() {
    for (unsigned i = 0; dut_.busy_o; ++i) {
      ASSERT_LT(i, 20'000u);
      Step();
    }
  }

  Line RandomLine(unsigned lists) {
    Header h{kPop + Random(3), 0, Random(lists), Random(65536), Chance(50), Chance(50)};
    if (h.opcode == kPop) h.count = 1 + Random(Chance(30) ? 48 : 8);
    const unsigned reserved = h.list < kLists ? model_.reserved(h.list) : 0;
    if (h.opcode == kPush) {
      h.count = Random(7);
      if (Chance(50)) h.give = Chance(95) ? Random(reserved + 1) : Random(65536);
    }
    if (h.opcode == kShare) h.call = false;
    h.garbage = Random(2);  // the phase is judged outside
    if (Chance(2)) h.garbage |= std::uint64_t{1} << Random(64);
    if (Chance(2)) h.list = Random(1024);
    if (Chance(2)) h.count = Random(256);
    std::vector<std::uint64_t> more;
    for (unsigned i = 0; i < 6; ++i) more.push_back(rng_());
    if (h.opcode == kShare) {
      more[0] = Share(Chance(90) ? Random(20) : Random(65536),
                      Chance(90) ? Random(reserved + 1) : Random(65536)) |
                rng_() << 32;
    }
    return Submission(h, Counts(Random(30), Random(3), Random(30), Random(3)), more);
  }

  Engine model_;
  unsigned out_ready_ = 100, err_ready_ = 100, bank_ = 0;
  std::vector<Line> lines_;
  std::vector<Error> errors_;
  unsigned popped_ = 0, pushed_ = 0, executed_ = 0, passes_ = 0;
  bool ended_ = false;
};

TEST_F(LookasideUnit, ExecutesLinesCommandsAndPassesInTurn) {
  for (unsigned n = 0; n < 6000; ++n) {
    if (n % 100 == 0) {
      out_ready_ = Chance(50) ? 100 : 30;
      err_ready_ = Chance(50) ? 100 : 20;
    }
    const unsigned kind = Random(100), list = Random(4) + (Chance(5) ? Random(1020) : 0);
    if (kind < 90) {
      Run(RandomLine(5), Chance(95) ? 3 : Random(64), Chance(1));
    } else if (kind < 94) {
      unsigned d[3] = {Random(20), Random(20), Random(20)};
      if (Chance(30)) d[0] = Random(257), d[1] = Random(257), d[2] = Random(257);
      if (Chance(90)) std::sort(d, d + 3);
      Command(kOpen, list, 3, Depths(d[1], d[0], d[2]));
    } else if (kind < 95) {
      Command(kClose, list);
    } else if (kind < 97) {
      Command(kGovern, Random(1024));
    } else {
      CheckWindow(Random(5));
    }
    ASSERT_FALSE(HasFailure()) << "step " << n;
    if (Chance(5)) Rest();
  }
}

// With lines, commands, ticks and reads all at once, what comes first is read off the unit: a line
// when it is taken, a pass when it is counted, a command when it is done. None of them overlap.
TEST_F(LookasideUnit, OverlapsNothing) {
  for (unsigned list = 0; list < 8; ++list) Command(kOpen, list, 3, Depths(8, 2, 64));
  std::optional<Outcome> expected;
  Line line{};
  unsigned command = 0, command_list = 0, ticks = 0, lines = 0, commands = 0, waits = 0;
  std::uint64_t depths = 0;
  passes_ = 0;
  for (unsigned n = 0; n < 200'000; ++n) {
    if (n % 1000 == 0) out_ready_ = Chance(50) ? 100 : 30;
    if (!expected && !dut_.job_valid_i && Chance(60)) {
      line = RandomLine(10);
      Offer(line, 3);
      waits = 0;
    }
    if (command == 0 && !dut_.cmd_busy_o && Chance(1) && Chance(20)) {
      command = kOpen + Random(3);
      command_list = Random(10);
      const unsigned low = Random(10), mid = low + Random(10);
      depths = Depths(mid, low, mid + Random(10));
      Give(command, command_list, 3, depths);
    }
    if (passes_ == ticks && Chance(1) && Chance(10) && command == 0) {
      dut_.tick_i = 1;
      ++ticks;
    }
    const unsigned passes = passes_;
    const bool taken = StepJob();
    if (dut_.job_valid_i) {
      ASSERT_LT(++waits, 2000u) << "the line starves";
    }
    if (dut_.cmd_done_o) {
      ASSERT_NE(command, 0u);
      ASSERT_EQ(static_cast<Status>(dut_.cmd_status_o), Model(command, command_list, 3, depths));
      if (command == kGovern) {
        ASSERT_EQ(passes_, passes + 1);
        ++ticks;
      }
      command = 0;
      ++commands;
    } else if (passes_ != passes) {
      Model(kGovern, 0, 0, 0);
    }
    if (taken) expected = Execute(model_, line, 3, false);
    if (ended_ && expected) {
      Compare(*expected);
      expected.reset();
      ++lines;
    }
    ASSERT_FALSE(HasFailure()) << "cycle " << n;
  }
  while (expected || dut_.job_valid_i) {
    if (StepJob()) expected = Execute(model_, line, 3, false);
    if (ended_ && expected) expected.reset();
    if (dut_.cmd_done_o) Model(command, command_list, 3, depths);
  }
  EXPECT_GT(lines, 3000u);
  EXPECT_GT(commands, 20u);
  EXPECT_GT(passes_, 20u);
}

TEST_F(LookasideUnit, MakesUpTo15PassesThatAreDue) {
  passes_ = 0;
  for (unsigned i = 0; i < 40; ++i) {
    dut_.tick_i = 1;
    Step();
  }
  Rest();
  EXPECT_EQ(passes_, 16u);  // one was begun at once
  dut_.tick_i = 1;
  Step();
  Rest();
  EXPECT_EQ(passes_, 17u);
}

TEST_F(LookasideUnit, LetsLinesThroughWhilePassesAreAlwaysDue) {
  Command(kOpen, 0, 3, Depths(100, 0, 100));
  passes_ = 0;
  for (unsigned n = 0; n < 20; ++n) {
    Offer(Submission({kPush, 1, 0}, 0, {n}), 3);
    bool taken = false;
    const unsigned before = passes_;
    for (unsigned i = 0; !ended_; ++i) {
      ASSERT_LT(i, 1000u);
      dut_.tick_i = 1;
      taken = StepJob() || taken;
    }
    EXPECT_LE(passes_, before + 1);
  }
  EXPECT_GE(passes_, 15u);
  EXPECT_LE(passes_, 25u);
}

TEST_F(LookasideUnit, IsQuick) {
  Command(kOpen, 0, 3, Depths(256, 0, 256));
  std::uint64_t push6 = 0;
  for (unsigned i = 0; i < 16; ++i) {
    push6 = Run(Submission({kPush, 6, 0}, 0, {1, 2, 3, 4, 5, 6}), 3);
  }
  const std::uint64_t pop1 = Run(Submission({kPop, 1, 0}), 3);
  const std::uint64_t pop6 = Run(Submission({kPop, 6, 0}), 3);
  const std::uint64_t pop48 = Run(Submission({kPop, 48, 0}), 3);
  const std::uint64_t share = Run(Submission({kShare, 0, 0}, 0, {Share(3, 0)}), 3);
  const std::uint64_t give = Run(Submission({kPush, 2, 0, 0, false, false, 0, 3}, 0, {1, 2}), 3);
  RecordProperty("give", static_cast<int>(give));
  RecordProperty("push6", static_cast<int>(push6));
  RecordProperty("pop1", static_cast<int>(pop1));
  RecordProperty("pop6", static_cast<int>(pop6));
  RecordProperty("pop48", static_cast<int>(pop48));
  RecordProperty("share", static_cast<int>(share));
  EXPECT_LE(push6, 6 + 8u);
  EXPECT_LE(pop1, 1 + 8u);
  EXPECT_LE(pop6, 6 + 8u);
  EXPECT_LE(pop48, 48 + 8u);
  EXPECT_LE(share, 12u);
  EXPECT_LE(give, 2 + 8 + 9u);
}

TEST_F(LookasideUnit, ShowsNothingOfListsItHasNot) {
  // The window has room for 64 lists; the card here has them all.
  for (unsigned index = 0; index < kLists; ++index) CheckWindow(index);
  EXPECT_EQ(Read(5, 0), 0u);
}

TEST_F(LookasideUnit, ForgetsAllAtResetInMidLine) {
  for (unsigned n = 0; n < 200; ++n) {
    Command(kOpen, 1, 3, Depths(100, 0, 200));
    for (unsigned i = 0; i < 3; ++i) Run(Submission({kPush, 6, 1}, Counts(1, 2, 3, 4), {1, 2}), 3);
    Offer(RandomLine(2), 3);
    if (Chance(50)) dut_.tick_i = 1;
    if (Chance(50)) Give(kGovern, 0, 0, 0);
    const unsigned cycles = Random(40);
    for (unsigned i = 0; i < cycles; ++i) StepJob();
    dut_.job_valid_i = 0;
    Reset();
    model_ = Engine(kLists, kDepth);
    for (unsigned i = 0; !dut_.ready_o; ++i) {
      ASSERT_LT(i, 4 * kLists);
      Step();
    }
    Rest();
    CheckWindow(1);
    ASSERT_FALSE(HasFailure()) << n;
  }
}

}  // namespace
