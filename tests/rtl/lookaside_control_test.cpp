// lookaside_control: what it sends to the engine for each command and tick, and the window.
#include <deque>
#include <vector>

#include "Vlookaside_control.h"
#include "lookaside_model.hpp"
#include "module_test.hpp"

namespace {

using lookaside::Depths;
using lookaside::Op;
using lookaside::Request;

constexpr unsigned kLists = 64;
constexpr unsigned kOpen = 6, kClose = 7, kGovern = 8;

class LookasideControl : public ports::ModuleTest<Vlookaside_control> {
 protected:
  void Step() {
    // The owner follows what is asked for, when it likes.
    dut_.owner_i = dut_.ask_o && (dut_.owner_i || Chance(owner_));
    dut_.req_ready_i = dut_.owner_i && Chance(ready_);
    dut_.rsp_valid_i = !answers_.empty() && answers_.front().first <= now_;
    if (dut_.rsp_valid_i) {
      dut_.rsp_status_i = static_cast<std::uint8_t>(answers_.front().second);
      answers_.pop_front();
    }
    Settle();
    passes_ += dut_.cnt_pass_o;
    if (dut_.req_valid_o && dut_.req_ready_i) {
      requests_.push_back(
          {static_cast<Op>(dut_.req_op_o), dut_.req_list_o, dut_.req_domain_o, dut_.req_data_o});
      if (dut_.req_tag_o) {
        EXPECT_TRUE(answers_.empty());
        answers_.push_back({now_ + 5 + Random(10), answer_});
      }
    }
    asks_ += dut_.ask_o && !asked_;
    asked_ = dut_.ask_o;
    if (dut_.busy_o || dut_.ask_o) {
      EXPECT_TRUE(dut_.active_o);
    }
    Cycle();
    Settle();
    dut_.cmd_valid_i = dut_.tick_i = dut_.re_i = 0;
  }
  unsigned Command(unsigned command, unsigned list, unsigned domain, std::uint64_t depths) {
    dut_.cmd_valid_i = 1;
    dut_.cmd_command_i = static_cast<std::uint8_t>(command);
    dut_.cmd_list_i = static_cast<std::uint16_t>(list);
    dut_.cmd_domain_i = static_cast<std::uint8_t>(domain);
    dut_.cmd_depth_i = depths & 511;
    dut_.cmd_minimum_i = depths >> 10 & 511;
    dut_.cmd_maximum_i = depths >> 20 & 511;
    for (unsigned i = 0; i < 5000; ++i) {
      Step();
      if (dut_.cmd_valid_i == 0 && dut_.done_o) {
        EXPECT_FALSE(dut_.busy_o);
        return dut_.status_o;
      }
      EXPECT_TRUE(dut_.busy_o);
    }
    ADD_FAILURE() << "never done";
    return 0;
  }
  void Rest() {
    for (unsigned i = 0; dut_.active_o; ++i) {
      ASSERT_LT(i, 20'000u);
      Step();
    }
  }
  void ExpectPasses(unsigned passes) {
    ASSERT_EQ(requests_.size(), passes * kLists);
    for (unsigned i = 0; i < requests_.size(); ++i) {
      EXPECT_EQ(requests_[i].op, Op::kGovern);
      EXPECT_EQ(requests_[i].list, i % kLists);
    }
    EXPECT_EQ(passes_, passes);
    requests_.clear();
    passes_ = 0;
  }

  std::deque<std::pair<std::uint64_t, unsigned>> answers_;
  std::vector<Request> requests_;
  unsigned owner_ = 100, ready_ = 100, answer_ = 0, passes_ = 0, asks_ = 0;
  bool asked_ = false;
};

TEST_F(LookasideControl, GivesCommandsToTheEngine) {
  for (unsigned n = 0; n < 2000; ++n) {
    owner_ = 10 + Random(91);
    ready_ = 10 + Random(91);
    answer_ = Random(16);
    const unsigned list = Chance(80) ? Random(kLists) : Random(1024), domain = Random(64);
    const std::uint64_t depths = Depths(Random(512), Random(512), Random(512));
    const bool open = Chance(50);
    const unsigned status = Command(open ? kOpen : kClose, list, domain, depths);
    if (list >= kLists) {
      EXPECT_EQ(status, 6u);
      EXPECT_TRUE(requests_.empty());
    } else {
      EXPECT_EQ(status, answer_);
      ASSERT_EQ(requests_.size(), 1u);
      EXPECT_EQ(requests_[0].op, open ? Op::kOpen : Op::kClose);
      EXPECT_EQ(requests_[0].list, list);
      EXPECT_EQ(requests_[0].domain, domain);
      EXPECT_EQ(requests_[0].data, depths);
    }
    requests_.clear();
    EXPECT_EQ(passes_, 0u);
    ASSERT_FALSE(HasFailure()) << n;
  }
}

TEST_F(LookasideControl, GoesOverAllLists) {
  for (unsigned n = 0; n < 50; ++n) {
    owner_ = 10 + Random(91);
    ready_ = 10 + Random(91);
    answer_ = 6;  // of a closed list, which is no refusal of the command
    if (Chance(50)) {
      EXPECT_EQ(Command(kGovern, Random(1024), 0, 0), 0u);
    } else {
      dut_.tick_i = 1;
      Step();
      Rest();
      EXPECT_FALSE(dut_.done_o);
    }
    ExpectPasses(1);
    ASSERT_FALSE(HasFailure()) << n;
  }
}

TEST_F(LookasideControl, Keeps15TicksAndLetsOthersInBetween) {
  for (unsigned ticks = 17; ticks < 33; ++ticks) {
    owner_ = 0;  // the first pass is begun but waits
    for (unsigned i = 0; i < ticks; ++i) {
      dut_.tick_i = 1;
      Step();
    }
    owner_ = 50;
    asks_ = 1;
    Rest();
    ExpectPasses(16);
    EXPECT_EQ(asks_, 16u);
  }
  // A command goes before passes that are due.
  owner_ = 0;
  for (unsigned i = 0; i < 5; ++i) {
    dut_.tick_i = 1;
    Step();
  }
  owner_ = 100;
  Command(kClose, 7, 0, 0);
  EXPECT_EQ(requests_.back().op, Op::kClose);
  EXPECT_EQ(requests_.size(), kLists + 1);
  requests_.pop_back();
  Rest();
  ExpectPasses(5);
}

TEST_F(LookasideControl, CountsTicksWhilePassesBegin) {
  for (unsigned i = 0; i < 100; ++i) {
    const unsigned ticks = 1 + Random(8), gap = Random(150);
    for (unsigned t = 0; t < ticks; ++t) {
      dut_.tick_i = 1;
      Step();
      for (unsigned g = 0; g < gap; ++g) Step();
    }
    Rest();
    ExpectPasses(ticks);
    ASSERT_FALSE(HasFailure()) << i;
  }
}

TEST_F(LookasideControl, PassesReadsOn) {
  for (unsigned index = 0; index < 64; ++index) {
    const unsigned addr = 4 * Random(6);
    dut_.re_i = 1;
    dut_.index_i = static_cast<std::uint8_t>(index);
    dut_.addr_i = static_cast<std::uint8_t>(addr);
    Settle();
    EXPECT_TRUE(dut_.read_o);
    EXPECT_EQ(dut_.read_list_o, index);
    EXPECT_EQ(dut_.read_addr_o, addr);
    Step();
    EXPECT_FALSE(dut_.rvalid_o);
    dut_.read_valid_i = 1;
    dut_.read_data_i = static_cast<std::uint32_t>(rng_());
    Settle();
    EXPECT_TRUE(dut_.rvalid_o);
    EXPECT_EQ(dut_.rdata_o, dut_.read_data_i);
    dut_.read_valid_i = 0;
  }
}

}  // namespace
