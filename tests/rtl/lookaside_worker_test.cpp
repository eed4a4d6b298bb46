// lookaside_worker in front of the model of the engine, with random delays on every side: the
// answers, errors and counts of every line are those of lookaside_model.hpp.
#include <deque>
#include <vector>

#include "Vlookaside_worker.h"
#include "lookaside_model.hpp"
#include "module_test.hpp"

namespace {

using namespace lookaside;

constexpr unsigned kLists = 64, kDepth = 256;

class LookasideWorker : public ports::ModuleTest<Vlookaside_worker> {
 protected:
  LookasideWorker() : engine_(kLists, kDepth), model_(kLists, kDepth) {}

  void Step() {
    dut_.req_ready_i = Chance(req_ready_);
    dut_.out_ready_i = Chance(out_ready_);
    dut_.err_ready_i = Chance(err_ready_);
    const bool answer = !answers_.empty() && answers_.front().due <= now_;
    dut_.rsp_valid_i = answer && answers_.front().waited;
    if (answer) {
      const Answer& a = answers_.front().answer;
      dut_.rsp_status_i = static_cast<std::uint8_t>(a.status);
      dut_.rsp_data_i = a.data;
      dut_.rsp_depth_i = static_cast<std::uint16_t>(a.depth);
      dut_.rsp_held_i = static_cast<std::uint16_t>(a.held);
      dut_.rsp_reserved_i = static_cast<std::uint16_t>(a.reserved);
      answers_.pop_front();
    }
    Settle();
    popped_ += dut_.cnt_popped_o;
    pushed_ += dut_.cnt_pushed_o;
    executed_ += dut_.cnt_line_o;
    if (dut_.req_valid_o) {
      EXPECT_TRUE(dut_.hold_o);
    }
    if (dut_.req_valid_o && dut_.req_ready_i) {
      const Request request{static_cast<Op>(dut_.req_op_o), dut_.req_list_o, dut_.req_domain_o,
                            dut_.req_data_o};
      const std::uint64_t due = now_ + 5 + (slow_ ? Random(10) : 0);
      answers_.push_back({due, dut_.req_tag_o != 0, engine_.Apply(request)});
    }
    if (dut_.err_valid_o && dut_.err_ready_i) {
      errors_.push_back({dut_.err_opcode_o, dut_.err_list_o, dut_.err_status_o});
    }
    if (dut_.out_valid_o && dut_.out_ready_i) {
      EXPECT_FALSE(ended_);
      Line line;
      for (unsigned i = 0; i < 16; ++i) line[i] = dut_.out_line_o[i];
      lines_.push_back(line);
      ended_ = dut_.out_last_o;
      EXPECT_EQ(dut_.out_bank_o, bank_);
    }
    Cycle();
    Settle();
  }

  // Runs a line; returns the cycles from its acceptance to its end.
  std::uint64_t Run(const Line& line, unsigned domain, bool bad_phase = false) {
    const Outcome expected = Execute(model_, line, domain, bad_phase);
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
    for (int i = 0; !dut_.job_ready_o; ++i) {
      EXPECT_LT(i, 500);
      if (HasFailure()) return 0;
      Step();
    }
    const std::uint64_t start = now_;
    Step();
    dut_.job_valid_i = 0;
    for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = static_cast<std::uint32_t>(rng_());
    for (int i = 0; !ended_; ++i) {
      EXPECT_LT(i, 5000) << "the worker hangs";
      if (HasFailure()) return 0;
      Step();
    }
    EXPECT_EQ(lines_, expected.lines);
    EXPECT_EQ(errors_, expected.errors);
    EXPECT_EQ(executed_, expected.executed);
    EXPECT_EQ(popped_, expected.popped);
    EXPECT_EQ(pushed_, expected.pushed);
    return now_ - 1 - start;
  }
  // Until what is sent behind the last completion line has arrived.
  void Rest() {
    for (int i = 0; dut_.hold_o; ++i) {
      ASSERT_LT(i, 500);
      Step();
    }
  }
  void CheckLists() {
    Rest();
    for (unsigned list = 0; list < kLists; ++list) {
      for (unsigned offset = 0; offset < 0x18; offset += 4) {
        ASSERT_EQ(engine_.Register(list, offset), model_.Register(list, offset)) << list;
      }
    }
  }
  void Both(const Request& request) {
    engine_.Apply(request);
    model_.Apply(request);
  }

  struct Due {
    std::uint64_t due;
    bool waited;
    Answer answer;
  };
  Engine engine_;  // which the worker talks to
  Engine model_;   // which the model talks to
  std::deque<Due> answers_;
  unsigned req_ready_ = 100, out_ready_ = 100, err_ready_ = 100, bank_ = 0;
  bool slow_ = false;
  std::vector<Line> lines_;
  std::vector<Error> errors_;
  unsigned popped_ = 0, pushed_ = 0, executed_ = 0;
  bool ended_ = false;
};

TEST_F(LookasideWorker, RefusesMalformedLines) {
  Both({Op::kOpen, 3, 1, Depths(9, 0, 9)});
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    for (unsigned count : {0u, 1u, 6u, 7u, 48u, 49u, 255u}) {
      for (unsigned list : {3u, 63u, 64u, 1023u}) {
        for (bool call : {false, true}) {
          Run(Submission({opcode, count, list, 0xBEEF, call}, Counts(1, 1, 1, 1)), 1);
          Run(Submission({opcode, count, list, 0xBEEF, call, true, 1ull << (48 + Random(16))}), 1);
          Run(Submission({opcode, count, list, 0xBEEF, call}), 1, true);
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
  CheckLists();
}

TEST_F(LookasideWorker, CountsMissesOfTheCall) {
  Both({Op::kOpen, 1, 0, Depths(2, 0, 2)});
  for (bool call : {false, true}) {
    Run(Submission({kPop, 3, 1, 0, call}, Counts(65535, 65535, 65535, 65535)), 0);
    Run(Submission({kPush, 6, 1, 0, call}, Counts(1, 1, 1, 1), {1, 2, 3, 4, 5, 6}), 0);
    Run(Submission({kPush, 6, 1, 0, call}, Counts(1, 1, 1, 65535), {7, 8, 9, 10, 11, 12}), 0);
    Run(Submission({kPush, 0, 1, 0, call}, Counts(2, 2, 2, 2)), 0);
    Run(Submission({kPop, 3, 1, 0, call}, Counts(1, 2, 3, 4)), 0);
    CheckLists();
  }
  EXPECT_EQ(model_.Register(1, 0x0C), 2 * (65535 + 1 + 1 + 2 + 2) + 1u);
}

TEST_F(LookasideWorker, GivesSharesBackBeforeItPushes) {
  Both({Op::kOpen, 1, 0, Depths(8, 0, 8)});
  Both({Op::kShare, 1, 0, Share(8, 0)});
  const std::uint64_t counts = Counts(1, 2, 3, 4);
  const auto push = [&](unsigned count, unsigned give) {
    Run(Submission({kPush, count, 1, 7, true, false, 0, give}, counts, {1, 2, 3, 4, 5, 6}), 0);
  };
  push(3, 2);  // too few for its entries
  push(0, 4);
  push(1, 2);
  EXPECT_EQ(model_.held(1), 3u);
  EXPECT_EQ(model_.reserved(1), 0u);
  Both({Op::kShare, 1, 0, Share(4, 0)});
  push(6, 4);
  Both({Op::kPop, 1, 0, 0});
  Both({Op::kShare, 1, 0, Share(1, 0)});
  push(1, 0);  // full: a miss of the call
  push(1, 1);
  CheckLists();
  EXPECT_EQ(model_.held(1), 8u);
}

TEST_F(LookasideWorker, AddsNoCountsOfARefusedLine) {
  Both({Op::kOpen, 1, 0, Depths(20, 0, 20)});
  const std::uint64_t counts = Counts(1, 2, 3, 4);
  Run(Submission({kShare, 0, 1}, counts, {Share(5, 1)}), 0);
  for (unsigned opcode : {kPop, kPush, kShare}) {
    const unsigned count = opcode == kShare ? 0 : 3;
    Run(Submission({opcode, count, 1}, counts), 1);
    Run(Submission({opcode, count, 2}, counts), 0);
  }
  Both({Op::kShare, 1, 0, Share(2, 0)});
  for (unsigned give : {3u, 512u, 513u, 65535u}) {
    for (unsigned entries : {0u, 1u, 6u}) {
      Run(Submission({kPush, entries, 1, 7, true, false, 0, give}, counts), 0);
    }
  }
  Run(Submission({kPush, 1, 1, 7, true, false, 0, 1}, counts), 1);
  Run(Submission({kPush, 1, 2, 7, true, false, 0, 1}, counts), 0);
  CheckLists();
  EXPECT_EQ(model_.Register(1, 8), 0u);
  Run(Submission({kShare, 0, 1}, counts, {Share(5, 0)}), 0);
  CheckLists();
  EXPECT_EQ(model_.Register(1, 8), 1u);
}

TEST_F(LookasideWorker, TakesEightCyclesBesideOneAnEntry) {
  Both({Op::kOpen, 0, 3, Depths(256, 0, 256)});
  for (unsigned n = 0; n < 40; ++n) {
    const unsigned count = 1 + n % 6;
    EXPECT_LE(Run(Submission({kPush, count, 0}, 0, {1, 2, 3, 4, 5, 6}), 3), count + 8);
  }
  EXPECT_LE(Run(Submission({kPush, 0, 0}), 3), 9u);
  for (unsigned count : {1u, 6u, 7u, 12u, 13u, 48u}) {
    EXPECT_LE(Run(Submission({kPop, count, 0}), 3), count + 8) << count;
  }
}

TEST_F(LookasideWorker, MatchesTheModelOnLongRandomRuns) {
  for (unsigned list = 0; list < 4; ++list) {
    Both({Op::kOpen, list, 3, Depths(10 + 60 * list, 0, 256)});
  }
  for (unsigned n = 0; n < 20'000; ++n) {
    if (n % 100 == 0) {
      req_ready_ = Chance(50) ? 100 : 30;
      out_ready_ = Chance(50) ? 100 : 20;
      err_ready_ = Chance(50) ? 100 : 20;
      slow_ = Chance(50);
    }
    if (Chance(2)) {
      Rest();
      Both({Op::kGovern, Random(4), 0, 0});
    }
    Header h{kPop + Random(3), 0, Random(5), Random(65536), false, Chance(50)};
    h.call = h.opcode != kShare && Chance(50);
    if (h.opcode == kPop) h.count = 1 + Random(Chance(30) ? 48 : 8);
    if (h.opcode == kPush) {
      h.count = Random(7);
      if (Chance(50)) h.give = Chance(90) ? Random(12) : Random(65536);
    }
    h.garbage = Random(2);
    std::vector<std::uint64_t> more;
    for (unsigned i = 0; i < 6; ++i) more.push_back(rng_());
    if (h.opcode == kShare) more[0] = Share(Random(20), Random(12)) | rng_() << 32;
    Run(Submission(h, rng_(), more), Chance(97) ? 3 : Random(64), Chance(1));
    if (n % 50 == 0) CheckLists();
    ASSERT_FALSE(HasFailure()) << n;
  }
}

}  // namespace
