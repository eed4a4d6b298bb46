// The line worker against line_model.hpp: completion lines, errors, counters, bank pointer and what
// the banks hold afterwards, line by line, with random delays on every side.
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <utility>

#include "Vline_worker.h"
#include "bank_lanes.hpp"
#include "line_model.hpp"
#include "line_slots.hpp"
#include "ports.hpp"

namespace {

using namespace line_model;

// What the worker tells the list monitor.
struct Told {
  bool release;
  unsigned list, count;
  bool operator==(const Told&) const = default;
};

class LineWorker : public ports::SeededTest {
 protected:
  LineWorker() : lanes_(card_.banks) {
    dut_.rst_i = 1;
    Cycle();
    Cycle();
    dut_.rst_i = 0;
  }
  ~LineWorker() override { dut_.final(); }

  // Both the banks behind the worker and those of the model.
  void Both(unsigned bank, Op op, int list, int domain, int slab, int limit = kWidth - 1,
            uint64_t mask = 0) {
    Request request{op, list, domain, slab, mask, limit};
    card_.banks[bank].Apply(request);
    model_.banks[bank].Apply(request);
  }
  void Open(int list, int domain) {
    for (unsigned b = 0; b < kBanks; ++b) Both(b, Op::kOpen, list, domain, 0);
  }
  void Close(int list) {
    for (unsigned b = 0; b < kBanks; ++b) Both(b, Op::kClose, list, 0, 0);
  }
  void Link(int list, uint32_t slab, int limit = kWidth - 1) {
    Both(slab % kBanks, Op::kLink, list, 0, static_cast<int>(slab / kBanks), limit);
    used_.push_back(slab);
  }
  void Grab(int list, int domain, uint32_t slab, uint64_t keep) {
    // Takes all of the head slab but `keep`.
    for (int q = 0; q < 4; ++q) Both(slab % kBanks, Op::kGrant, list, domain, 0);
    Both(slab % kBanks, Op::kRelease, list, domain, static_cast<int>(slab / kBanks), 0, keep);
  }

  void Cycle() {
    dut_.req_ready_i = Chance(req_ready_);
    dut_.out_ready_i = Chance(out_ready_);
    dut_.err_ready_i = Chance(err_ready_);
    dut_.tell_ready_i = Chance(tell_ready_);
    lanes_.Answer(dut_, now_, [&](unsigned b, unsigned slot, uint64_t mask) {
      const unsigned quarter =
          mask == 0 ? 0 : static_cast<unsigned>(std::countr_zero(mask)) / (kWidth / 4);
      ports::Put(dut_.rsp_slot_i, b * 4, 4, slot);
      ports::Put(dut_.rsp_quarter_i, b * 2, 2, quarter);
      ports::Put(dut_.rsp_bits_i, b * (kWidth / 4), kWidth / 4, mask >> (quarter * (kWidth / 4)));
    });
    dut_.clk_i = 0;
    dut_.eval();
    if (!dut_.rst_i) Observe();
    dut_.clk_i = 1;
    dut_.eval();
    ++now_;
  }

  void Observe() {
    counts_.grant_lines += dut_.cnt_grant_line_o;
    counts_.release_lines += dut_.cnt_release_line_o;
    counts_.empties += dut_.cnt_empty_o;
    counts_.granted += dut_.cnt_granted_o;
    counts_.released += dut_.cnt_released_o;
    counts_.surplus += dut_.cnt_surplus_o;
    counts_.refusals += dut_.cnt_refusal_o;
    if (dut_.req_valid_o && dut_.req_ready_i) {
      const uint64_t delay = min_delay_ + (extra_delay_ != 0 ? Random(extra_delay_) : 0);
      lanes_.Send(dut_, now_, delay, dut_.req_slot_o);
    }
    if (dut_.err_valid_o && dut_.err_ready_i) {
      errors_.push_back({dut_.err_opcode_o, dut_.err_list_o, dut_.err_status_o, dut_.err_token_o});
    }
    const Told offer{dut_.tell_release_o != 0, dut_.tell_list_o, dut_.tell_count_o};
    offers_.Check(dut_.tell_valid_o, dut_.tell_ready_i, offer);
    if (dut_.tell_valid_o && dut_.tell_ready_i) told_.push_back(offer);
    if (dut_.out_valid_o && dut_.out_ready_i) {
      EXPECT_FALSE(ended_ && !followed_);
      told_early_ = told_early_ || (!dut_.out_last_o && !told_.empty());
      if (dut_.out_write_o) {
        Line line;
        for (unsigned i = 0; i < 16; ++i) line[i] = dut_.out_line_o[i];
        lines_.push_back(line);
      }
      if (dut_.out_last_o) {
        ended_ = true;
        bank_ = dut_.out_bank_o;
        banks_.push_back(bank_);
        at_end_.push_back(lines_.size());
        if (!followed_) {
          EXPECT_EQ(lanes_.under_way, 0u) << "the line ended with operations under way";
        }
      }
    }
  }

  // Runs a line; returns the cycles from its acceptance to its end.
  uint64_t Run(const Line& line, unsigned domain, bool bad_phase = false) {
    lines_.clear();
    errors_.clear();
    told_.clear();
    told_early_ = false;
    counts_ = {};
    ended_ = false;
    for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = line[i];
    dut_.job_domain_i = static_cast<uint8_t>(domain);
    dut_.job_bank_i = static_cast<uint8_t>(bank_);
    dut_.job_bad_phase_i = bad_phase;
    dut_.job_valid_i = 1;
    bool taken = false;
    for (int i = 0; i < 20 && !taken; ++i) {
      taken = dut_.job_ready_o;
      Cycle();
    }
    EXPECT_TRUE(taken);
    dut_.job_valid_i = 0;
    for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = static_cast<uint32_t>(rng_());
    const uint64_t start = now_ - 1;
    for (int i = 0; i < 20000 && !ended_; ++i) Cycle();
    EXPECT_TRUE(ended_) << "the worker hangs";
    const uint64_t cycles = now_ - 1 - start;
    for (int i = 0; i < 2000 && !dut_.job_ready_o; ++i) Cycle();  // what it still has to tell
    return cycles;
  }

  uint64_t Check(const Line& line, unsigned domain, bool bad_phase = false) {
    const Outcome expected = model_.Execute(line, domain, bank_, bad_phase);
    const uint64_t cycles = Run(line, domain, bad_phase);
    EXPECT_EQ(lines_, expected.lines);
    EXPECT_EQ(errors_, expected.errors);
    EXPECT_EQ(counts_, expected.counts);
    EXPECT_EQ(bank_, expected.bank);
    const unsigned moved = counts_.granted + counts_.released;
    std::vector<Told> told;
    if (moved != 0) told.push_back({counts_.released != 0, line[0] >> 16 & 255, moved});
    EXPECT_EQ(told_, told);
    EXPECT_FALSE(told_early_) << "told before it was over";
    for (uint32_t slab : used_) {
      const int local = static_cast<int>(slab / kBanks);
      EXPECT_EQ(card_.banks[slab % kBanks].FreeMask(local),
                model_.banks[slab % kBanks].FreeMask(local))
          << "slab " << slab;
    }
    return cycles;
  }

  // Two lines of a portal: the second is left while the first is at work, at the latest one cycle
  // after its end, with the domain and bank pointer of somebody else on the wires.
  void CheckFollowed(const Line& first, const Line& second, unsigned domain, bool bad_phase) {
    const Outcome before = model_.Execute(first, domain, bank_, false);
    const Outcome after = model_.Execute(second, domain, before.bank, bad_phase);
    std::vector<Told> told;
    auto tell = [&](const Line& line, const Outcome& outcome) {
      const unsigned moved = outcome.counts.granted + outcome.counts.released;
      if (moved == 0) return;
      told.push_back({outcome.counts.released != 0, line[0] >> 16 & 255, moved});
    };
    tell(first, before);
    tell(second, after);
    lines_.clear(), errors_.clear(), told_.clear(), banks_.clear(), at_end_.clear();
    counts_ = {};
    ended_ = false;
    followed_ = true;
    for (int i = 0; i < 20 && !dut_.job_ready_o; ++i) Cycle();
    ASSERT_TRUE(dut_.job_ready_o);
    auto put = [&](const Line& line) {
      for (unsigned i = 0; i < 16; ++i) dut_.job_line_i[i] = line[i];
    };
    put(first);
    dut_.job_domain_i = static_cast<uint8_t>(domain);
    dut_.job_bank_i = static_cast<uint8_t>(bank_);
    dut_.job_bad_phase_i = false;
    dut_.job_valid_i = 1;
    Cycle();
    dut_.job_valid_i = 0;
    const int wait = static_cast<int>(Random(Chance(50) ? 6 : 80));
    bool left = false, could = false;
    for (int i = 0; i < 20000 && banks_.size() < 2; ++i) {
      dut_.job_domain_i = static_cast<uint8_t>(Random(8));
      dut_.job_bank_i = static_cast<uint8_t>(Random(kBanks));
      dut_.job_bad_phase_i = bad_phase;
      put(second);
      dut_.follow_valid_i = !left && could && (i >= wait || ended_);
      ASSERT_TRUE(left || !ended_ || could) << "the worker took nothing to follow";
      left = left || dut_.follow_valid_i;
      if (left && !dut_.follow_valid_i) dut_.job_line_i[0] = static_cast<uint32_t>(rng_());
      could = dut_.follow_ready_o;
      ASSERT_FALSE(could && ended_ && !left);
      Cycle();
    }
    dut_.follow_valid_i = 0;
    ASSERT_EQ(banks_.size(), 2u) << "the worker hangs";
    for (int i = 0; i < 2000 && !dut_.job_ready_o; ++i) Cycle();
    std::vector<Line> lines = before.lines;
    lines.insert(lines.end(), after.lines.begin(), after.lines.end());
    std::vector<Error> errors = before.errors;
    errors.insert(errors.end(), after.errors.begin(), after.errors.end());
    EXPECT_EQ(lines_, lines);
    EXPECT_EQ(errors_, errors);
    EXPECT_EQ(banks_, (std::vector<unsigned>{before.bank, after.bank}));
    EXPECT_EQ(at_end_, (std::vector<std::size_t>{before.lines.size(), lines.size()}));
    Counts counts = before.counts;
    counts.Add(after.counts);
    EXPECT_EQ(counts_, counts);
    EXPECT_EQ(told_, told);
    followed_ = false;
  }

  void Quick() {
    req_ready_ = out_ready_ = err_ready_ = tell_ready_ = 100, min_delay_ = 13, extra_delay_ = 0;
  }
  void Slow() {
    req_ready_ = 40, out_ready_ = err_ready_ = tell_ready_ = 30, min_delay_ = 3, extra_delay_ = 30;
  }

  std::vector<uint32_t> Granted() const {
    std::vector<uint32_t> tokens;
    for (const Line& line : lines_) {
      for (unsigned i = 0; i < (line[0] >> 8 & 255); ++i) tokens.push_back(line[2 + i]);
    }
    return tokens;
  }

  Vline_worker dut_;
  Card card_;   // whose banks the worker talks to
  Card model_;  // whose banks the model talks to
  bank_lanes::Lanes lanes_;
  std::vector<uint32_t> used_;
  unsigned bank_ = 0;
  uint64_t now_ = 0;
  unsigned req_ready_ = 100, out_ready_ = 100, err_ready_ = 100, tell_ready_ = 100;
  uint64_t min_delay_ = 13;
  unsigned extra_delay_ = 0;
  std::vector<Line> lines_;
  std::vector<Error> errors_;
  std::vector<Told> told_;
  line_slots::Steady<Told> offers_;
  bool told_early_ = false;
  Counts counts_;
  bool ended_ = false;
  bool followed_ = false;        // a second line may begin before the first one's end is taken
  std::vector<unsigned> banks_;  // of each end: the bank pointer, the lines until then
  std::vector<std::size_t> at_end_;
};

TEST_F(LineWorker, RefusesMalformedLinesInOrderOfTheChecks) {
  Open(3, 1);
  Link(3, 4);
  const uint64_t reserved[] = {1ull << 6,  1ull << 7,  1ull << 26,
                               1ull << 31, 1ull << 48, 1ull << 63};
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    for (unsigned count : {0u, 1u, 14u, 15u, 112u, 113u, 255u}) {
      for (unsigned list : {3u, 254u, 255u, 256u, 1023u}) {
        Check(Submission({opcode, count, list, 0xBEEF, false, 1}), 1);
        Check(Submission({opcode, count, list, 0xBEEF, true, reserved[Random(6)]}), 1);
        Check(Submission({opcode, count, list, 0xBEEF}), 1, true);
      }
    }
  }
}

TEST_F(LineWorker, GrantsEveryCountFromADenseList) {
  Open(7, 2);
  for (uint32_t slab = 1; slab < 400; ++slab) Link(7, slab);
  for (unsigned count = 1; count <= 112; ++count) {
    if (count % 2 == 0)
      Slow();
    else
      Quick();
    Check(Submission({kGrant, count, 7, count}), 2);
    EXPECT_EQ(Granted().size(), count);
  }
}

TEST_F(LineWorker, TakesTheNextLineWhileItWorks) {
  Open(7, 2);
  for (uint32_t slab = 1; slab < 200; ++slab) Link(7, slab);
  for (unsigned round = 0; round < 400 && !HasFailure(); ++round) {
    if (round % 2 == 0)
      Slow();
    else
      Quick();
    auto next = [&] {
      const unsigned count = Chance(20) ? 0 : 1 + Random(14);
      if (Chance(30)) return Submission({kGrant, 1 + Random(112), 7, round});
      if (Chance(10)) return Submission({kSync, 0, 7, round});
      std::vector<uint32_t> tokens;
      for (unsigned i = 0; i < count; ++i) tokens.push_back(64 + Random(120 * 64));
      return Submission({kRelease, count, 7, round, Chance(50)}, tokens);
    };
    const Line first = next(), second = next();
    CheckFollowed(first, second, 2, Chance(10));
  }
}

TEST_F(LineWorker, GivesSurplusBack) {
  Open(7, 2);
  Link(7, 5);
  Check(Submission({kGrant, 3, 7, 1}), 2);
  EXPECT_EQ(counts_.surplus, 13u);
  EXPECT_EQ(card_.banks[1].FreeMask(1), ~uint64_t{7});
  Check(Submission({kGrant, 61, 7, 1}), 2);
  Check(Submission({kGrant, 1, 7, 1}), 2);
  EXPECT_EQ(counts_.empties, 1u);
}

TEST_F(LineWorker, GivesBackWholeAnswersBeyondTheCount) {
  // One block first, so the next round asks for many and each brings a whole quarter.
  Open(9, 0);
  for (uint32_t slab = 4; slab < 44; ++slab) Link(9, slab);
  Link(9, 44);
  Grab(9, 0, 44, 1);
  Check(Submission({kGrant, 8, 9, 0}), 0);
  EXPECT_GT(counts_.surplus, 80u);
  Slow();
  Grab(9, 0, 44, 1);
  Check(Submission({kGrant, 112, 9, 0}), 0);
}

TEST_F(LineWorker, GrantsFromFragmentedAndDryLists) {
  Open(1, 5);
  for (unsigned round = 0; round < 40; ++round) {
    if (round % 2 == 0)
      Slow();
    else
      Quick();
    const unsigned slabs = 1 + Random(60);
    const uint32_t base = 100 + round * 70;
    for (unsigned i = 0; i < slabs; ++i) {
      const uint32_t slab = base + (round % 4 == 3 ? i * 4 % 70 : i);  // or all in a bank
      Link(1, slab);
      Grab(1, 5, slab, Chance(50) ? uint64_t{1} << Random(kWidth) : rng_() & rng_() & rng_());
    }
    for (int i = 0; i < 6; ++i) Check(Submission({kGrant, 1 + Random(112), 1, 0}), 5);
  }
  for (int i = 0; i < 40; ++i) Check(Submission({kGrant, 112, 1, 0}), 5);
  Check(Submission({kGrant, 112, 1, 0}), 5);
  EXPECT_TRUE(Granted().empty());
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LineWorker, AnswersRefusedGrantsOnce) {
  Open(1, 5);
  Link(1, 4);
  Check(Submission({kGrant, 100, 1, 0}), 6);  // domain
  Check(Submission({kGrant, 100, 2, 0}), 5);  // closed
  Close(1);
  Check(Submission({kGrant, 1, 1, 0}), 5);
}

TEST_F(LineWorker, GivesBackTheRestOfARoundThatWasRefused) {
  for (unsigned nth = 0; nth < 7; ++nth) {
    const int list = static_cast<int>(20 + nth);
    Open(list, 1);
    for (uint32_t i = 0; i < 16; ++i) Link(list, 100 + nth * 16 + i);
    std::optional<slab_bank::Response> lost;
    const auto first = static_cast<unsigned>(lanes_.sent);
    lanes_.tamper = [&](unsigned n, slab_bank::Response& r) {
      if (n == first + nth) lost = std::exchange(r, {Status::kDomain, 0, 0});
    };
    Run(Submission({kGrant, 112, static_cast<unsigned>(list), 77}), 1);
    lanes_.tamper = nullptr;
    // What came before it was given out; of that, what filled no line is lost with the list.
    const unsigned written = 14 * static_cast<unsigned>(lines_.size() - 1);
    ASSERT_LE(written, 16 * nth);
    EXPECT_EQ(
        lines_.back(),
        (Line{kGrant << 1 | 1u << 5 | static_cast<unsigned>(list) << 16 | 5u << 26, 77u << 16}));
    EXPECT_EQ(errors_, (std::vector<Error>{{kGrant, static_cast<unsigned>(list), 5, 0}}));
    uint64_t free = 0;
    for (Model& bank : card_.banks) free += bank.FreeBlocks(list);
    EXPECT_LE(free, 16u * 64 - 16 - written) << "all but the answer that was lost";
    EXPECT_GE(free, 16u * 64 - 16 - 16 * nth) << "what came after it was given back";
    EXPECT_GE(free + 14, 16u * 64 - 16 - written) << "no more than a line of blocks is lost";
    std::vector<Told> told;
    if (written != 0) told.push_back({false, static_cast<unsigned>(list), written});
    EXPECT_EQ(told_, told);
  }
}

TEST_F(LineWorker, TellsOnlyWhatWasHandedOutWhenALaterRoundIsRefused) {
  // One block a slab: many rounds, of which the first ones' tokens go out before the last is
  // refused.
  for (unsigned nth : {0u, 5u, 14u, 15u, 29u, 100u}) {
    const int list = static_cast<int>(40 + nth);
    Open(list, 1);
    for (uint32_t i = 0; i < 112; ++i) {
      const uint32_t slab = 1000 + 112 * nth + i;
      Link(list, slab);
      Grab(list, 1, slab, 1);
    }
    const auto first = static_cast<unsigned>(lanes_.sent);
    lanes_.tamper = [&](unsigned n, slab_bank::Response& r) {
      if (n == first + nth) r = {Status::kDomain, 0, 0};
    };
    Run(Submission({kGrant, 112, static_cast<unsigned>(list), 77}), 1);
    lanes_.tamper = nullptr;
    ASSERT_FALSE(lines_.empty());
    EXPECT_EQ(lines_.back()[0] >> 8 & 255, 0u);
    const unsigned written = 14 * static_cast<unsigned>(lines_.size() - 1);
    EXPECT_EQ(counts_.granted, written);
    std::vector<Told> told;
    if (written != 0) told.push_back({false, static_cast<unsigned>(list), written});
    EXPECT_EQ(told_, told);
  }
}

TEST_F(LineWorker, ReleasesWithEveryKindOfBadToken) {
  Open(1, 5);
  Open(2, 5);
  Open(3, 6);
  for (uint32_t s = 4; s < 8; ++s) Link(1, s);
  Link(2, 8);
  Link(3, 9);
  Link(1, 10, 20);
  Check(Submission({kGrant, 112, 1, 0}), 5);
  const auto t = Granted();
  // All good, all of one slab, with and without an answer.
  Check(Submission({kRelease, 14, 1, 0, true}, {t.begin(), t.begin() + 14}), 5);
  Check(Submission({kRelease, 14, 1, 0, false}, {t.begin() + 14, t.begin() + 28}), 5);
  EXPECT_TRUE(lines_.empty());
  // Double free: in the bank, in the line side by side, in the line apart.
  Check(Submission({kRelease, 3, 1, 9}, {t[30], t[0], t[31]}), 5);
  Check(Submission({kRelease, 4, 1, 9}, {t[32], t[32], t[33], t[32]}), 5);
  EXPECT_EQ(errors_.size(), 2u);
  Check(Submission({kRelease, 5, 1, 9}, {t[40], Token(8, 1), t[40], Token(0, 3), t[41]}), 5);
  // Foreign, out of range, beyond the last block, wrong domain, closed list, nothing at all.
  Check(Submission({kRelease, 6, 1, 9}, {Token(8, 1), Token(4000, 2), Token(65536, 0),
                                         Token(0x3FFFFFF, 63), Token(10, 21), 0}),
        5);
  EXPECT_EQ(errors_.size(), 6u);
  Check(Submission({kRelease, 3, 1, 9}, {t[50], t[51], t[52]}), 6);
  Check(Submission({kRelease, 3, 77, 9}, {t[50], t[51], t[52]}), 5);
  // A refused token between two good ones of a slab ends the gathering.
  const uint64_t sent = lanes_.sent;
  Check(Submission({kRelease, 3, 1, 9}, {t[56], 0, t[57]}), 5);
  EXPECT_EQ(lanes_.sent, sent + 2);
  // Any bits in any place: all are named as they came, however long they wait.
  Slow();
  for (int n = 0; n < 20; ++n) {
    std::vector<uint32_t> any(14);
    for (uint32_t& token : any) token = static_cast<uint32_t>(rng_());
    Check(Submission({kRelease, 14, 1, 9}, any), 5);
  }
}

TEST_F(LineWorker, MatchesTheModelOnLongRandomRuns) {
  constexpr int kOpen = 5;
  for (int list = 0; list < kOpen; ++list) {
    Open(list, list % 2);
    for (uint32_t i = 1; i <= 12; ++i) {
      Link(list, static_cast<uint32_t>(list) * 12 + i + (i > 6 ? kSlabs - 100 : 0),
           Chance(80) ? kWidth - 1 : static_cast<int>(Random(kWidth)));
    }
  }
  std::vector<std::deque<uint32_t>> held(kOpen);
  for (int n = 0; n < 12000 && !HasFailure(); ++n) {
    if (n % 100 == 0) {
      if (Chance(50))
        Slow();
      else
        Quick();
    }
    const unsigned list = Random(kOpen);
    const unsigned domain = Chance(97) ? list % 2 : Random(4);
    Header h{kGrant, 1 + Random(112), list, Random(65536), Chance(30)};
    if (Chance(2)) h.garbage = rng_() & rng_() & rng_();
    if (Chance(2)) h.list = Random(1024);
    if (Chance(2)) h.count = Random(256);
    if (Chance(3)) h.opcode = Random(16);
    if (Chance(50)) {
      Check(Submission(h), domain, Chance(1));
      if (h.opcode == kGrant && h.list < kOpen) {
        for (uint32_t token : Granted()) held[h.list].push_back(token);
      }
      continue;
    }
    h.opcode = Chance(98) ? static_cast<unsigned>(kRelease) : Random(16);
    if (Chance(98)) h.count = 1 + Random(14);
    std::vector<uint32_t> tokens;
    const bool shuffled = Chance(40);
    for (unsigned i = 0; i < 14; ++i) {
      auto& mine = held[Chance(98) ? list : Random(kOpen)];
      if (Chance(6) && !tokens.empty()) {
        tokens.push_back(tokens[Random(static_cast<unsigned>(tokens.size()))]);
      } else if (Chance(2)) {
        tokens.push_back(static_cast<uint32_t>(rng_()) >> Random(32));
      } else if (Chance(3)) {
        tokens.push_back(Token(1 + Random(60), Random(64)));
      } else if (!mine.empty() && i < h.count) {
        const auto at = shuffled ? Random(static_cast<unsigned>(mine.size())) : 0;
        tokens.push_back(mine[at]);
        mine.erase(mine.begin() + at);
      } else {
        tokens.push_back(0);
      }
    }
    Check(Submission(h, tokens), domain, Chance(1));
  }
}

TEST_F(LineWorker, IsQuick) {
  Quick();  // 13 cycles from a request to its answer: crossbar 4, bank 8, back 1
  Open(1, 0);
  Open(2, 0);
  Open(3, 0);
  for (uint32_t slab = 4; slab < 164; ++slab) Link(slab < 84 ? 1 : 3, slab);
  for (uint32_t slab = 200; slab < 400; ++slab) {
    Link(2, slab);
    Grab(2, 0, slab, 1);
  }
  const uint64_t sync = Check(Submission({kSync, 0, 1, 0}), 0);
  const uint64_t grant14 = Check(Submission({kGrant, 14, 1, 0}), 0);
  const uint64_t grant16 = Check(Submission({kGrant, 16, 1, 0}), 0);
  const uint64_t grant112 = Check(Submission({kGrant, 112, 3, 0}), 0);
  const auto tokens = Granted();
  const uint64_t release14 =
      Check(Submission({kRelease, 14, 3, 0}, {tokens.begin(), tokens.begin() + 14}), 0);
  std::vector<uint32_t> spread;
  for (unsigned i = 0; i < 14; ++i) spread.push_back(tokens[14 + i * 37 % 98]);
  const uint64_t release_spread = Check(Submission({kRelease, 14, 3, 0}, spread), 0);
  const uint64_t fragmented = Check(Submission({kGrant, 112, 2, 0}), 0);
  RecordProperty("sync", static_cast<int>(sync));
  RecordProperty("grant14", static_cast<int>(grant14));
  RecordProperty("grant16", static_cast<int>(grant16));
  RecordProperty("grant112", static_cast<int>(grant112));
  RecordProperty("release14", static_cast<int>(release14));
  RecordProperty("release_spread", static_cast<int>(release_spread));
  RecordProperty("fragmented112", static_cast<int>(fragmented));
  EXPECT_LE(sync, 4u);
  EXPECT_LE(grant14, 37u);
  EXPECT_LE(grant16, 27u);
  EXPECT_LE(grant112, 54u);
  EXPECT_LE(release14, 24u);
  EXPECT_LE(release_spread, 30u);
  EXPECT_LE(fragmented, 267u);
}

}  // namespace
