// The lookaside engine against lookaside_model.hpp, operation by operation and register by
// register.
#include <deque>
#include <vector>

#include "Vlookaside_engine.h"
#include "lookaside_model.hpp"
#include "module_test.hpp"

namespace {

using namespace lookaside;

constexpr unsigned kLists = 64, kDepth = 256;

class LookasideEngine : public ports::ModuleTest<Vlookaside_engine> {
 protected:
  LookasideEngine() : model_(kLists, kDepth) { Sweep(); }

  void Sweep() {
    for (unsigned i = 0; !dut_.ready_o; ++i) {
      ASSERT_LT(i, 4 * kLists);
      ASSERT_FALSE(dut_.req_ready_o);
      Cycle();
      Settle();
    }
  }

  // One cycle: looks at the answers of the last one, and offers the request if there is one.
  // Returns whether it was taken.
  bool Step(const Request* request = nullptr) {
    dut_.req_valid_i = request != nullptr;
    if (request != nullptr) {
      dut_.req_op_i = static_cast<std::uint8_t>(request->op);
      dut_.req_list_i = static_cast<std::uint8_t>(request->list);
      dut_.req_domain_i = static_cast<std::uint8_t>(request->domain);
      dut_.req_data_i = request->data;
      dut_.req_tag_i = static_cast<std::uint8_t>(tag_ % 4);
    }
    Settle();
    const bool taken = request != nullptr && dut_.req_ready_o;
    if (taken) {
      expected_.push_back({request->op, tag_ % 4, model_.Apply(*request)});
      ++tag_;
    }
    if (dut_.rsp_valid_o) Look();
    if (dut_.read_valid_o) {
      EXPECT_TRUE(reading_);
      EXPECT_EQ(dut_.read_data_o, reading_value_);
      read_data_ = dut_.read_data_o;
      reading_ = false;
    }
    // A register shows what was taken until it was asked for, this cycle included.
    if (dut_.read_i) {
      reading_ = true;
      reading_value_ = model_.Register(dut_.read_list_i, dut_.read_addr_i);
    }
    Cycle();
    Settle();
    dut_.read_i = 0;
    return taken;
  }

  void Ask(unsigned list, unsigned offset) {
    dut_.read_i = 1;
    dut_.read_list_i = static_cast<std::uint8_t>(list);
    dut_.read_addr_i = static_cast<std::uint8_t>(offset);
  }

  void Look() {
    ASSERT_FALSE(expected_.empty());
    const auto [op, tag, answer] = expected_.front();
    expected_.pop_front();
    ++answers_;
    Answer found{static_cast<Status>(dut_.rsp_status_o), dut_.rsp_data_o, dut_.rsp_depth_o,
                 dut_.rsp_held_o, dut_.rsp_reserved_o};
    // The data of an operation that has none to give does not matter.
    const bool data =
        op == Op::kPush || ((op == Op::kPop || op == Op::kShare) && answer.status == Status::kOk);
    if (!data) found.data = answer.data;
    ASSERT_EQ(found, answer) << "op " << static_cast<unsigned>(op) << " answer " << answers_
                             << " status " << static_cast<unsigned>(found.status) << " "
                             << static_cast<unsigned>(answer.status) << " held " << found.held
                             << " " << answer.held << " depth " << found.depth << " "
                             << answer.depth << " reserved " << found.reserved << " "
                             << answer.reserved;
    ASSERT_EQ(dut_.rsp_tag_o, tag);
  }

  void Do(Request request) {
    for (unsigned i = 0; !Step(&request); ++i) ASSERT_LT(i, 100u);
  }
  void Drain() {
    for (unsigned i = 0; !expected_.empty() || reading_; ++i) {
      ASSERT_LT(i, 100u);
      Step();
    }
    Step();
    EXPECT_FALSE(dut_.busy_o);
  }
  void Open(unsigned list, unsigned domain, unsigned depth, unsigned minimum, unsigned maximum) {
    Do({Op::kOpen, list, domain, Depths(depth, minimum, maximum)});
  }

  std::uint32_t Read(unsigned list, unsigned offset) {
    Ask(list, offset);
    Step();
    for (unsigned i = 0; reading_; ++i) {
      EXPECT_LT(i, 40u);
      if (HasFailure()) return 0;
      Step();
    }
    return read_data_;
  }
  void CheckWindow(unsigned list) {
    for (unsigned offset = 0; offset < 0x18; offset += 4) Read(list, offset);
  }

  struct Expected {
    Op op;
    unsigned tag;
    Answer answer;
  };
  Engine model_;
  std::deque<Expected> expected_;
  unsigned tag_ = 0, answers_ = 0;
  bool reading_ = false;
  std::uint32_t reading_value_ = 0, read_data_ = 0;
};

TEST_F(LookasideEngine, StartsWithEveryListClosed) {
  for (unsigned list = 0; list < kLists; ++list) {
    CheckWindow(list);
    for (unsigned op = 0; op < 7; ++op) {
      if (static_cast<Op>(op) == Op::kOpen) continue;
      Do({static_cast<Op>(op), list, 0, rng_()});
    }
  }
  Drain();
}

TEST_F(LookasideEngine, FillsAndEmptiesAStackOfEveryDepth) {
  for (unsigned depth : {0u, 1u, 2u, 3u, 255u, 256u}) {
    const unsigned list = depth % kLists;
    Open(list, 3, depth, 0, 256);
    for (unsigned round = 0; round < 3; ++round) {
      for (unsigned i = 0; i < depth + 2; ++i) Do({Op::kPush, list, 3, rng_()});
      for (unsigned i = 0; i < depth + 2; ++i) Do({Op::kPop, list, 3, 0});
    }
    Drain();
    CheckWindow(list);
    Do({Op::kClose, list, 0, 0});
  }
  Drain();
}

TEST_F(LookasideEngine, RefusesWhatIsNotTheirs) {
  Open(5, 9, 10, 0, 20);
  Do({Op::kPush, 5, 9, 77});
  for (Op op : {Op::kPop, Op::kPush, Op::kAccount, Op::kShare}) Do({op, 5, 8, Share(1, 0)});
  Open(5, 8, 10, 0, 20);
  Open(6, 8, 10, 11, 20);
  Open(6, 8, 10, 0, 9);
  Open(6, 8, 10, 0, 257);
  Open(5, 8, 10, 0, 257);  // the range is judged first
  Drain();
  CheckWindow(5);
  CheckWindow(6);
  Do({Op::kClose, 6, 0, 0});
  Do({Op::kClose, 5, 0, 0});
  Do({Op::kClose, 5, 0, 0});
  Drain();
  CheckWindow(5);
}

TEST_F(LookasideEngine, GivesAndTakesShares) {
  Open(1, 0, 20, 0, 40);
  for (unsigned i = 0; i < 5; ++i) Do({Op::kPush, 1, 0, i});
  Do({Op::kShare, 1, 0, Share(10, 0)});
  Do({Op::kShare, 1, 0, Share(10, 11)});     // more than there are
  Do({Op::kShare, 1, 0, Share(0xFFFF, 0)});  // more than Depth has
  Do({Op::kShare, 1, 0, Share(1, 0xFFFF)});
  Do({Op::kShare, 1, 0, Share(1, 0x8000)});
  Do({Op::kPush, 1, 0, 6});
  Do({Op::kShare, 1, 0, Share(0, 1)});
  Do({Op::kPush, 1, 0, 7});
  Do({Op::kPush, 1, 0, 8});
  Do({Op::kShare, 1, 0, Share(512, 14)});  // all back and again
  Do({Op::kShare, 1, 0, Share(511, 14)});
  Do({Op::kShare, 1, 0, Share(13, 14)});
  Do({Op::kShare, 1, 0, Share(0x100, 13)});
  Drain();
  CheckWindow(1);
}

TEST_F(LookasideEngine, GovernsByTheRule) {
  // Allocations and misses around every border, from every kind of depth.
  const std::pair<unsigned, unsigned> cases[] = {
      {0, 0},        {15, 15},      {16, 0},      {16, 1},     {31, 0},    {31, 1},
      {32, 1},       {33, 1},       {33, 2},      {64, 2},     {64, 3},    {65535, 2047},
      {65535, 2048}, {65535, 2049}, {17, 65535},  {15, 65535}, {2048, 64}, {2049, 64},
      {2047, 64},    {32768, 1024}, {32767, 1024}};
  for (unsigned depth : {0u, 1u, 5u, 127u, 128u, 129u, 255u, 256u}) {
    for (unsigned minimum : {0u, 1u, 4u, 127u}) {
      for (unsigned maximum : {0u, 1u, 9u, 200u, 256u}) {
        if (minimum > depth || depth > maximum) continue;
        Open(2, 0, depth, minimum, maximum);
        for (const auto& [a, m] : cases) {
          Do({Op::kAccount, 2, 0, Counts(a, m, 1, 2)});
          Do({Op::kGovern, 2, 0, 0});
          if (Chance(20)) Do({Op::kPush, 2, 0, rng_()});
          if (Chance(20)) Do({Op::kShare, 2, 0, Share(Random(9), 0)});
          if (HasFailure()) return;
        }
        Do({Op::kGovern, 2, 1, 0});
        Do({Op::kClose, 2, 0, 0});
      }
    }
  }
  Drain();
}

TEST_F(LookasideEngine, LowersDepthBelowWhatIsHeld) {
  Open(7, 1, 16, 2, 16);
  for (unsigned i = 0; i < 10; ++i) Do({Op::kPush, 7, 1, 100 + i});
  Do({Op::kShare, 7, 1, Share(4, 0)});
  for (unsigned i = 0; i < 4; ++i) Do({Op::kGovern, 7, 0, 0});
  EXPECT_EQ(model_.depth(7), 2u);
  Do({Op::kPush, 7, 1, 1});
  Do({Op::kShare, 7, 1, Share(1, 1)});
  for (unsigned i = 0; i < 12; ++i) {
    Do({Op::kPop, 7, 1, 0});
    Do({Op::kPush, 7, 1, i});
  }
  Do({Op::kShare, 7, 1, Share(0, 3)});
  for (unsigned i = 0; i < 4; ++i) Do({Op::kPush, 7, 1, i});
  Drain();
  CheckWindow(7);
}

TEST_F(LookasideEngine, CountsModulo2To32) {
  // 65,535 65,538 times and once more: 2^32 - 1 and on.
  Open(3, 2, 4, 0, 4);
  for (unsigned i = 0; i < 65'537; ++i)
    Do({Op::kAccount, 3, 2, Counts(65535, 65535, 65535, 65535)});
  Drain();
  EXPECT_EQ(Read(3, 8), 0xFFFFFFFFu);
  CheckWindow(3);
  Do({Op::kAccount, 3, 2, Counts(1, 2, 3, 0)});
  Drain();
  CheckWindow(3);
  Do({Op::kGovern, 3, 0, 0});  // 0 allocations and 1 miss, modulo 2^32
  Do({Op::kAccount, 3, 2, Counts(65535, 2048, 0, 0)});
  Do({Op::kGovern, 3, 0, 0});
  Drain();
  CheckWindow(3);
}

TEST_F(LookasideEngine, TakesAnOperationACycle) {
  for (unsigned list = 0; list < 8; ++list) Open(list, 0, 100, 0, 256);
  Drain();
  for (unsigned lists : {1u, 8u}) {
    constexpr unsigned kOps = 20'000;
    const std::uint64_t start = now_;
    for (unsigned i = 0; i < kOps; ++i) {
      const unsigned bias = i / 500 % 2 ? 30 : 70;
      const Op op = Chance(5) ? Op::kAccount : Chance(bias) ? Op::kPush : Op::kPop;
      Request request{op, Random(lists), 0, rng_()};
      ASSERT_TRUE(Step(&request)) << "operation " << i;
      if (HasFailure()) return;
    }
    EXPECT_EQ(now_ - start, kOps);
  }
  Drain();
}

TEST_F(LookasideEngine, AnswersInTime) {
  Open(0, 0, 8, 0, 8);
  Drain();
  const std::pair<Op, unsigned> latency[] = {{Op::kPush, 5},  {Op::kPop, 5},     {Op::kAccount, 5},
                                             {Op::kShare, 8}, {Op::kGovern, 12}, {Op::kClose, 6},
                                             {Op::kOpen, 7}};
  for (const auto& [op, cycles] : latency) {
    const std::uint64_t start = now_;
    Do({op, 0, 0, op == Op::kOpen ? Depths(8, 0, 8) : 0});
    while (!dut_.rsp_valid_o) Step();
    EXPECT_EQ(now_ - start, cycles) << "op " << static_cast<unsigned>(op);
    Drain();
  }
}

TEST_F(LookasideEngine, ForgetsAllAtReset) {
  Open(0, 0, 8, 0, 8);
  Open(63, 5, 8, 0, 8);
  for (unsigned i = 0; i < 6; ++i) Do({Op::kPush, 63, 5, i});
  Do({Op::kAccount, 63, 5, Counts(1, 2, 3, 4)});
  Do({Op::kShare, 63, 5, Share(1, 0)});
  Request last{Op::kGovern, 63, 0, 0};
  Step(&last);
  Reset();
  expected_.clear();
  model_ = Engine(kLists, kDepth);
  Sweep();
  for (unsigned list = 0; list < kLists; ++list) CheckWindow(list);
  Open(63, 5, 8, 0, 8);
  Do({Op::kPop, 63, 5, 0});
  Drain();
  CheckWindow(63);
}

TEST_F(LookasideEngine, MatchesTheModelOnLongRandomRuns) {
  unsigned statuses = 0, reads = 0;
  for (unsigned phase = 0; phase < 60; ++phase) {
    const unsigned lists = 1u << Random(7);
    const unsigned busy = phase % 3 == 0 ? 100 : 20 + Random(80);
    const unsigned bias = 20 + Random(60);
    const bool rare = Chance(50);
    Request request;
    bool pending = false;
    for (unsigned i = 0; i < 4000; ++i) {
      if (!pending && Chance(busy)) {
        pending = true;
        const unsigned list = Random(lists);
        request = {Chance(bias) ? Op::kPush : Op::kPop, list, list % 5, rng_()};
        if (Chance(2)) request.domain = Random(64);
        if (Chance(rare ? 3 : 30)) {
          const unsigned kind = Random(100);
          if (kind < 40) {
            request.op = Op::kAccount;
            if (Chance(70)) request.data = Counts(Random(40), Random(4), Random(9), Random(9));
          } else if (kind < 70) {
            request.op = Op::kShare;
            const unsigned reserved = model_.reserved(list);
            request.data = Share(Chance(90) ? Random(20) : Random(65536),
                                 Chance(90) ? Random(reserved + 1) : Random(65536));
            if (Chance(10)) request.data |= rng_() << 32;
          } else if (kind < 90) {
            request.op = Op::kGovern;
          } else if (kind < 94) {
            request.op = Op::kClose;
          } else {
            request.op = Op::kOpen;
          }
        }
        if (!model_.open(list) && Chance(50)) request.op = Op::kOpen;
        if (request.op == Op::kOpen) {
          unsigned d[3] = {Random(kDepth + 1), Random(kDepth + 1), Random(kDepth + 1)};
          if (Chance(40)) d[0] %= 8, d[1] %= 8, d[2] %= 8;
          if (Chance(95)) std::sort(d, d + 3);
          if (Chance(3)) d[2] += 255;
          request.data = Depths(d[1], d[0], d[2]);
        }
      }
      if (!reading_ && Chance(10)) {
        Ask(Random(lists), 4 * Random(6));
        ++reads;
      }
      if (dut_.rsp_valid_o) statuses |= 1u << dut_.rsp_status_o;
      if (Step(pending ? &request : nullptr)) pending = false;
      if (HasFailure()) return;
    }
    Drain();
    for (unsigned i = 0; i < 4; ++i) CheckWindow(Random(lists));
    if (HasFailure()) return;
  }
  EXPECT_EQ(statuses, 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 15);
  EXPECT_GT(reads, 100u);
}

}  // namespace
