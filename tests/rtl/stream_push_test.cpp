// stream_push on models of the banks: every token pushed goes back or becomes the right error,
// once; operations are as large as they can be; and how fast.
#include <map>
#include <optional>
#include <utility>

#include "Vstream_push.h"
#include "module_test.hpp"
#include "stream_banks.hpp"

namespace {

using namespace stream_banks;

using Error = std::pair<std::uint32_t, unsigned>;  // token, status

class StreamPush : public ports::ModuleTest<Vstream_push> {
 protected:
  StreamPush() {
    banks_.Open(kList, kDomain);
    banks_.Open(kList + 1, kDomain);
    dut_.accept_i = 1;
    dut_.s_axis_tdata_i = 0;
  }

  struct Operation {
    unsigned bank, slab, repeat;
    std::uint64_t mask;
    bool operator==(const Operation&) const = default;
  };
  struct Back {
    unsigned bank, slab;
    std::uint64_t mask;
  };

  void Step() {
    dut_.s_axis_tvalid_i = !queue_.empty() && (offered_ || Chance(push_));
    if (dut_.s_axis_tvalid_i) dut_.s_axis_tdata_i = queue_.front();
    offered_ = dut_.s_axis_tvalid_i;
    dut_.back_valid_i = !backs_.empty();
    if (!backs_.empty()) {
      dut_.back_bank_i = static_cast<std::uint8_t>(backs_.front().bank);
      dut_.back_slab_i = static_cast<std::uint16_t>(backs_.front().slab);
      dut_.back_mask_i = backs_.front().mask;
      dut_.back_count_i = static_cast<std::uint8_t>(std::popcount(backs_.front().mask));
    }
    dut_.req_ready_i = Chance(ready_);
    dut_.err_ready_i = Chance(err_ready_);
    dut_.released_full_i = Chance(full_);
    dut_.rsp_valid_i = dut_.rsp_repeat_i = 0;
    for (unsigned b = 0; b < kBanks; ++b) {
      const std::optional<Answer> answer = banks_.Next(b, now_);
      if (!answer) continue;
      dut_.rsp_valid_i = static_cast<std::uint8_t>(dut_.rsp_valid_i | 1u << b);
      dut_.rsp_repeat_i = static_cast<std::uint8_t>(dut_.rsp_repeat_i | answer->slot << b);
      ports::Put(dut_.rsp_status_i, b * 4, 4, static_cast<unsigned>(answer->response.status));
    }
    Settle();
    ASSERT_FALSE(dut_.s_axis_tready_o && !dut_.accept_i);
    ASSERT_EQ(dut_.pushed_o, dut_.s_axis_tvalid_i && dut_.s_axis_tready_o);
    if (dut_.pushed_o) {
      taken_.push_back(queue_.front());
      ++seen_[queue_.front()];
      queue_.pop_front();
      offered_ = false;
      ++pushed_;
    }
    if (dut_.back_valid_i && dut_.back_ready_o) {
      back_sent_.push_back(backs_.front());
      backs_.pop_front();
    }
    if (dut_.released_full_i) {
      ASSERT_EQ(dut_.released_o, 0u);
    }
    released_ += dut_.released_o;
    erred_ += dut_.erred_o;
    const Error error{dut_.err_token_o, dut_.err_status_o};
    if (error_offered_) {
      ASSERT_TRUE(dut_.err_valid_o && error == *error_offered_) << "an error withdrawn or changed";
    }
    error_offered_.reset();
    if (dut_.err_valid_o && dut_.err_ready_i) {
      ++errors_[error];
      ++error_count_;
    } else if (dut_.err_valid_o) {
      error_offered_ = error;
    }
    const Operation o{dut_.req_bank_o, dut_.req_slab_o, dut_.req_repeat_o, dut_.req_mask_o};
    if (operation_offered_) {
      ASSERT_TRUE(dut_.req_valid_o && o == *operation_offered_) << "an operation changed";
    }
    operation_offered_.reset();
    if (dut_.req_valid_o && dut_.req_ready_i) {
      Execute(o);
    } else if (dut_.req_valid_o) {
      operation_offered_ = o;
    }
    Cycle();
  }

  void Execute(const Operation& o) {
    ++operations_;
    const Response r =
        banks_.Send(now_, 13 + Random(1 + delay_), o.bank, 0, o.repeat,
                    {Op::kRelease, kList, kDomain, static_cast<int>(o.slab), o.mask, 0});
    const auto tokens = Tokens(o.bank, o.slab, o.mask);
    accepted_ += r.status == Status::kOk ? tokens.size() : 0;
    if (o.repeat != 0) {
      // Refused operations are repeated in the order of their banks' answers; within one in order.
      ASSERT_EQ(tokens.size(), 1u);
      auto found = std::find_if(again_.begin(), again_.end(),
                                [&](const auto& left) { return left.front() == tokens[0]; });
      ASSERT_NE(found, again_.end()) << "repeats what was not refused";
      found->erase(found->begin());
      if (found->empty()) again_.erase(found);
      if (r.status != Status::kOk) ++expected_[{tokens[0], static_cast<unsigned>(r.status)}];
      return;
    }
    if (!back_sent_.empty() && back_sent_.front().bank == o.bank &&
        back_sent_.front().slab == o.slab && back_sent_.front().mask == o.mask) {
      back_sent_.pop_front();
      return;
    }
    // The tokens pushed, in order, without those out of range.
    std::vector<std::uint32_t> gathered;
    while (gathered.size() < tokens.size()) {
      ASSERT_FALSE(taken_.empty()) << "an operation nobody pushed";
      const std::uint32_t token = taken_.front();
      taken_.pop_front();
      if (OutOfRange(token)) {
        ASSERT_TRUE(gathered.empty()) << "gathered over a refused token";
        ++expected_[{token, static_cast<unsigned>(Status::kRange)}];
        continue;
      }
      gathered.push_back(token);
    }
    std::vector<std::uint32_t> sorted = gathered;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, tokens) << "not the blocks that came next";
    if (r.status != Status::kOk && tokens.size() == 1) {
      ++expected_[{tokens[0], static_cast<unsigned>(r.status)}];
    } else if (r.status != Status::kOk) {
      again_.push_back(tokens);
    }
  }
  static bool OutOfRange(std::uint32_t token) {
    return token >> 6 == 0 || token >> 6 >= kSlabs || (token & 63) >= kWidth;
  }
  void Steps(unsigned n) {
    while (n-- > 0 && !HasFatalFailure()) Step();
  }
  // Until nothing is left to do, and compares.
  void Finish() {
    push_ = ready_ = err_ready_ = 100;
    full_ = 0;
    unsigned clear = 0;
    for (unsigned i = 0; clear < 5 && !HasFatalFailure(); ++i) {
      ASSERT_LT(i, 200'000u) << "it hangs";
      Step();
      clear = queue_.empty() && dut_.clear_o ? clear + 1 : 0;
    }
    ASSERT_FALSE(banks_.UnderWay()) << "clear too early";
    for (; !taken_.empty(); taken_.pop_front()) {
      ASSERT_TRUE(OutOfRange(taken_.front())) << "a token lost";
      ++expected_[{taken_.front(), static_cast<unsigned>(Status::kRange)}];
    }
    ASSERT_TRUE(again_.empty()) << "not repeated";
    ASSERT_EQ(errors_, expected_);
    ASSERT_EQ(released_, accepted_);
    ASSERT_EQ(erred_, error_count_);
  }
  void AddUsed(std::uint32_t slab, std::uint64_t used, int list = kList) {
    banks_.AddSlab(list, kDomain, slab, ~used);
  }
  double Rate(unsigned cycles) {
    const std::uint64_t before = pushed_;
    Steps(cycles);
    return static_cast<double>(pushed_ - before) / cycles;
  }

  Banks banks_;
  unsigned push_ = 100, ready_ = 100, err_ready_ = 100, full_ = 0, delay_ = 0;
  bool offered_ = false;
  std::deque<std::uint32_t> queue_, taken_;
  std::deque<Back> backs_, back_sent_;
  std::vector<std::vector<std::uint32_t>> again_;
  std::map<Error, unsigned> errors_, expected_;
  std::map<std::uint32_t, unsigned> seen_;
  std::optional<Error> error_offered_;
  std::optional<Operation> operation_offered_;
  std::uint64_t pushed_ = 0, operations_ = 0, released_ = 0, accepted_ = 0, erred_ = 0;
  std::uint64_t error_count_ = 0;
};

// Used blocks go back exactly once, whatever else is pushed; everything else is refused for what it
// is. Nobody else frees or allocates, so the errors do not depend on the order of operations.
TEST_F(StreamPush, BadTokensBecomeTheRightErrors) {
  std::map<std::uint32_t, std::uint64_t> used;
  for (std::uint32_t n = 4; n < 260; ++n) {
    const std::uint32_t slab = Far(n);
    used[slab] = rng_();
    AddUsed(slab, used[slab]);
  }
  AddUsed(Far(300), ~std::uint64_t{0}, kList + 1);
  for (unsigned phase = 0; phase < 60 && !HasFatalFailure(); ++phase) {
    push_ = Chance(40) ? 100 : 2 + Random(90);
    ready_ = Chance(40) ? 100 : 10 + Random(80);
    err_ready_ = Chance(40) ? 100 : 5 + Random(90);
    full_ = Chance(60) ? 0 : Random(95);
    delay_ = Chance(50) ? 0 : Random(60);
    const unsigned bad = Chance(40) ? 0 : Random(60), wander = Random(101);
    std::uint32_t slab = Far(4 + Random(256));
    for (unsigned i = 0; i < 300; ++i) {
      if (Chance(wander)) slab = Far(4 + Random(256));
      unsigned block = Random(64);
      for (unsigned n = 0; n < 64 && !Chance(bad) && (used[slab] >> block & 1) == 0; ++n) {
        block = (block + 1) % 64;
      }
      std::uint32_t token = slab << 6 | block;
      if (Chance(bad) && Chance(20)) {
        const std::uint32_t odd[] = {block, kSlabs << 6 | block, std::uint32_t(rng_()),
                                     Far(300) << 6 | block, Far(400) << 6 | block};
        token = odd[Random(5)];
      }
      queue_.push_back(token);
      if (token >> 6 == slab) used[slab] &= ~(std::uint64_t{1} << block);
      if (Chance(bad) && Chance(20)) queue_.push_back(queue_.back());
    }
    for (unsigned i = 0; i < 2000 && !queue_.empty() && !HasFatalFailure(); ++i) {
      dut_.accept_i = Chance(2) ? !dut_.accept_i : dut_.accept_i;
      Step();
    }
    dut_.accept_i = 1;
    if (Chance(50)) Finish();
  }
  Finish();
  EXPECT_GT(released_, 4000u);
  EXPECT_GT(error_count_, 1000u);
  // What was accepted, and how often each token was refused, whatever the gathering.
  std::map<std::uint32_t, std::uint64_t> refused;
  for (const auto& [error, times] : errors_) refused[error.first] += times;
  std::uint64_t good = 0;
  for (const auto& [token, times] : seen_) {
    ASSERT_LE(refused[token], times);
    ASSERT_GE(refused[token] + 1, times) << "accepted twice";
    if (refused[token] < times) {
      ++good;
      ASSERT_TRUE(banks_.IsFree(token)) << "neither refused nor given back";
    }
  }
  EXPECT_EQ(good, released_);
}

TEST_F(StreamPush, GathersASlabWhole) {
  AddUsed(9, ~std::uint64_t{0});
  AddUsed(10, ~std::uint64_t{0});
  for (unsigned block = 0; block < 64; ++block) queue_.push_back(9 << 6 | (block * 5 % 64));
  for (unsigned block = 0; block < 64; ++block) queue_.push_back(10 << 6 | block);
  Finish();
  EXPECT_EQ(operations_, 2u);
  EXPECT_EQ(released_, 128u);
}

TEST_F(StreamPush, WaitsFifteenCyclesForTheNext) {
  for (const unsigned idle : {14u, 15u}) {
    const std::uint32_t slab = 20 + idle;
    AddUsed(slab, ~std::uint64_t{0});
    operations_ = 0;
    queue_.push_back(slab << 6 | 1);
    while (!queue_.empty()) Step();
    Steps(idle);
    queue_.push_back(slab << 6 | 2);
    Finish();
    EXPECT_EQ(operations_, idle == 15 ? 2u : 1u) << idle;
  }
}

TEST_F(StreamPush, ARepeatedBlockAndARefusedTokenEndTheGathering) {
  AddUsed(9, 7);
  for (const unsigned block : {0u, 1u, 1u, 2u}) queue_.push_back(9 << 6 | block);
  Finish();
  EXPECT_EQ(operations_, 4u) << "two of two, and the second block by block";
  EXPECT_EQ(released_, 3u);
  EXPECT_EQ(error_count_, 1u);
  AddUsed(10, 7);
  operations_ = 0;
  queue_ = {10 << 6, 5, 10 << 6 | 1, 10 << 6 | 2};
  Finish();
  EXPECT_EQ(operations_, 2u);
  EXPECT_EQ((errors_[{5, static_cast<unsigned>(Status::kRange)}]), 1u);
}

// What a port held goes back too; if its list was closed meanwhile, nobody is to blame.
TEST_F(StreamPush, GivesBackWhatAPortHeld) {
  AddUsed(8, 0xff);
  AddUsed(13, 0xff00);
  backs_ = {{0, 2, 0xff}, {1, 3, 0xff00}};
  Finish();
  EXPECT_EQ(released_, 16u);
  banks_.Close(kList);
  backs_ = {{0, 2, 0x7}, {1, 3, 0x700}};
  Finish();
  EXPECT_EQ(released_, 16u);
  EXPECT_EQ(error_count_, 0u);
  EXPECT_EQ(operations_, 4u);
}

// One block of each bank, and two of each, which are asked for one by one.
TEST_F(StreamPush, NamesTheCauseInEveryBank) {
  for (unsigned slab = 4; slab < 8; ++slab) AddUsed(Far(slab), 0xff);
  const auto refused = [&](Status status) {
    std::map<Error, unsigned> expected;
    for (unsigned slab = 4; slab < 8; ++slab) {
      for (const unsigned block : {1u, 2u, 3u}) {
        queue_.push_back(Far(slab) << 6 | block);
        ++expected[{queue_.back(), static_cast<unsigned>(status)}];
        if (block == 1) queue_.push_back(7);  // no block at all: ends the gathering
      }
    }
    expected[{7, static_cast<unsigned>(Status::kRange)}] = 4;
    errors_.clear();
    expected_.clear();
    Finish();
    EXPECT_EQ(errors_, expected) << static_cast<unsigned>(status);
  };
  banks_.Close(kList);
  refused(Status::kBadList);
  banks_.Open(kList, kDomain + 1);
  refused(Status::kDomain);
  EXPECT_EQ(released_, 0u);
}

TEST_F(StreamPush, OneTokenACycle) {
  for (std::uint32_t slab = 4; slab < 1004; ++slab) AddUsed(slab, ~std::uint64_t{0});
  for (std::uint32_t slab = 4; slab < 68; ++slab) {
    for (unsigned block = 0; block < 64; ++block) queue_.push_back(slab << 6 | block);
  }
  const double same = Rate(4000);
  Finish();
  std::set<std::uint32_t> random;
  while (random.size() < 5000) random.insert((68 + Random(900)) << 6 | Random(64));
  queue_.assign(random.begin(), random.end());
  std::shuffle(queue_.begin(), queue_.end(), rng_);
  const double scattered = Rate(4000);
  EXPECT_GT(same, 0.999);
  EXPECT_GT(scattered, 0.99);
  RecordProperty("same", std::to_string(same));
  RecordProperty("scattered", std::to_string(scattered));
  Finish();
  EXPECT_EQ(error_count_, 0u);
}

}  // namespace
