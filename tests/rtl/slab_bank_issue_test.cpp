// The bank's request buffer in front of a made-up pipeline that commits, replays and is busy: every
// request is committed once and in order, and serial ones meet nobody in the pipeline.
#include <array>
#include <deque>
#include <optional>

#include "Vslab_bank_issue.h"
#include "ports.hpp"

namespace {

constexpr unsigned kRows = 16, kWidth = 109, kStages = 6;

struct Request {
  std::array<uint64_t, 2> data{};
  bool serial = false;
  unsigned replays = 0;
};

class SlabBankIssue : public ports::SeededTest {
 protected:
  struct Issued {
    std::size_t index;  // in waiting_
    unsigned ptr;
  };

  SlabBankIssue() { Reset(); }
  ~SlabBankIssue() override { dut_.final(); }

  void Reset() {
    dut_.rst_i = 1;
    dut_.enable_i = dut_.req_valid_i = dut_.commit_i = dut_.replay_i = 0;
    ports::Clock(dut_);
    EXPECT_FALSE(dut_.req_ready_o) << "takes requests in a reset";
    dut_.rst_i = 0;
    waiting_.clear();
    pipe_.fill(std::nullopt);
    next_ = 0;
    for (int i = 0; i < 5; ++i) ports::Clock(dut_);
    EXPECT_FALSE(dut_.req_ready_o) << "the sweep is not done";
    dut_.enable_i = 1;
    ports::Clock(dut_);
  }

  // One cycle. waiting_ holds what was accepted and not committed, next_ is the one due to issue.
  void Cycle(unsigned offer, unsigned serial, unsigned replay, unsigned linger = 0) {
    const std::optional<Issued> last = pipe_.back();
    const bool again = last && waiting_[last->index].replays < 2 && Chance(replay);
    dut_.commit_i = last && !again;
    dut_.replay_i = again;
    dut_.replay_ptr_i = last && again ? static_cast<uint8_t>(last->ptr) : Random(32);
    bool busy = after_ != 0;
    for (const auto& stage : pipe_) busy = busy || stage;
    dut_.pipe_busy_i = busy;
    Request request{{rng_(), rng_() & (~uint64_t{0} >> (128 - kWidth))}, Chance(serial), 0};
    dut_.req_valid_i = Chance(offer);
    dut_.req_serial_i = request.serial;
    ports::Put(dut_.req_data_i, 0, 64, request.data[0]);
    ports::Put(dut_.req_data_i, 64, kWidth - 64, request.data[1]);
    dut_.eval();

    std::optional<Issued> issued;
    if (dut_.issue_valid_o) {
      ASSERT_LT(next_, waiting_.size()) << "issues what nobody asked for";
      ASSERT_EQ(ports::Get(dut_.issue_data_o, 0, 64), waiting_[next_].data[0]);
      ASSERT_EQ(ports::Get(dut_.issue_data_o, 64, kWidth - 64), waiting_[next_].data[1]);
      ASSERT_FALSE(busy && waiting_[next_].serial) << "a serial operation is not alone";
      ASSERT_FALSE(busy && alone_) << "an operation behind a serial one";
      ASSERT_FALSE(gap_) << "room for the refetch";
      alone_ = waiting_[next_].serial;
      issued = Issued{next_, dut_.issue_ptr_o};
      ++next_;
    } else if (!gap_ && !busy && next_ < waiting_.size()) {
      ASSERT_LT(++idle_, 3u) << "an operation waits for nothing";
    }
    if (dut_.issue_valid_o) idle_ = 0;
    full_ += waiting_.size() == kRows;
    // Everything behind a replayed operation is cancelled, this cycle's too.
    if (again) {
      ++waiting_[last->index].replays;
      next_ = last->index;
      pipe_.fill(std::nullopt);
      after_ = 3;
      ++replays_;
    } else {
      for (unsigned i = kStages - 1; i > 0; --i) pipe_[i] = pipe_[i - 1];
      pipe_[0] = issued;
      if (after_ != 0) --after_;
    }
    gap_ = again;
    if (dut_.commit_i) {
      waiting_.pop_front();
      --next_;
      for (auto& stage : pipe_) {
        if (stage) --stage->index;
      }
      if (Chance(linger)) after_ = 2;  // the write back
      ++committed_;
    }
    if (dut_.req_valid_i && dut_.req_ready_o) waiting_.push_back(request);
    ASSERT_LE(waiting_.size(), kRows);
    ports::Clock(dut_);
  }

  Vslab_bank_issue dut_;
  std::deque<Request> waiting_;
  std::array<std::optional<Issued>, kStages> pipe_{};
  std::size_t next_ = 0;
  unsigned after_ = 0, idle_ = 0;
  bool gap_ = false, alone_ = false;
  uint64_t committed_ = 0, replays_ = 0, full_ = 0;
};

TEST_F(SlabBankIssue, CommitsEachRequestOnceAndInOrder) {
  for (unsigned n = 0; n < 200'000 && !HasFatalFailure(); ++n) {
    const unsigned mood = n / 700 % 4;
    Cycle(mood == 1 ? 30 : 100, mood == 2 ? 40 : 5, mood == 3 ? 50 : 10, 30);
  }
  EXPECT_GT(committed_, 30'000u);
  EXPECT_GT(replays_, 5'000u);
  EXPECT_GT(full_, 100u);
}

TEST_F(SlabBankIssue, TakesOneACycle) {
  for (int n = 0; n < 20; ++n) Cycle(100, 0, 0);
  committed_ = 0;
  for (int n = 0; n < 1000; ++n) Cycle(100, 0, 0);
  EXPECT_EQ(committed_, 1000u);
}

TEST_F(SlabBankIssue, ForgetsAtReset) {
  for (int n = 0; n < 50 && !HasFatalFailure(); ++n) {
    for (unsigned i = Random(40); i != 0; --i) Cycle(100, 20, 30);
    Reset();
    for (int i = 0; i < 20; ++i) Cycle(0, 0, 0);  // issues nothing of before
    for (int i = 0; i < 60; ++i) Cycle(80, 20, 30);
  }
}

}  // namespace
