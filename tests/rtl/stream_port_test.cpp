// One stream port: registers, RECALL and a change of list at any moment, and when it is busy.
#include "Vstream_port.h"
#include "stream_harness.hpp"

namespace {

using namespace stream_banks;

class StreamPort : public StreamHarness<Vstream_port, 1> {
 protected:
  // Of another list and domain, which differ in many bits.
  static constexpr int kOther = 12, kOtherDomain = 0x3a;
  static constexpr unsigned kBlocks = 40 * 64;

  StreamPort() {
    banks_.Open(kList, kDomain);
    banks_.Open(kOther, kOtherDomain);
    for (unsigned slab = 4; slab < 44; ++slab) {
      banks_.AddSlab(kList, kDomain, Far(slab), ~std::uint64_t{0});
      banks_.AddSlab(kOther, kOtherDomain, Far(slab + 100), ~std::uint64_t{0});
    }
  }
  // A kernel that gives back what it took: by its port, or on some other way.
  void Popped(unsigned p, std::uint32_t token) override {
    if (!elsewhere_) {
      ports_[p].queue.push_back(token);
      return;
    }
    const auto [list, domain] = origin_.at(token);
    ASSERT_EQ(banks_.Release(list, domain, token), Status::kOk);
  }
  void Use(bool pop, bool push, bool other) {
    Configure(0, pop, push, other ? kOther : kList, other ? kOtherDomain : kDomain);
  }
  void CloseAndCheckAll() {
    port_.push = ready_ = tell_ready_ = err_ready_ = 100;
    Use(false, true, port_.list == kOther);
    for (unsigned i = 0; !port_.queue.empty() || Read(0, kStatus) % 2 != 0; ++i) {
      ASSERT_LT(i, 20'000u) << "it hangs";
      Step();
      ASSERT_FALSE(HasFatalFailure());
    }
    CheckRest();
    EXPECT_EQ(banks_.FreeBlocks(kList), kBlocks);
    EXPECT_EQ(banks_.FreeBlocks(kOther), kBlocks);
  }

  bool elsewhere_ = false;
  Port& port_ = ports_[0];
};

TEST_F(StreamPort, RegistersSayWhatHappened) {
  using namespace exalloc::regs;
  Configure(0, true, true, kList, kDomain);
  EXPECT_EQ(Read(0, kConfig), 3u | kList << 8 | kDomain << 16);
  Steps(500);
  port_.queue.push_back(7);  // slab 0
  port_.queue.push_back(Far(104) << 6);
  port_.take = 0;
  Steps(300);
  const std::uint32_t status = Read(0, kStatus);
  EXPECT_EQ(stream_status::held.get(status), port_.held.size());
  EXPECT_EQ(stream_status::busy.get(status), 1u);
  EXPECT_FALSE(dut_.busy_o) << "the kernel does not come";
  EXPECT_EQ(Read(0, kPopped), port_.popped);
  EXPECT_EQ(Read(0, kPushed), port_.pushes);
  EXPECT_EQ(Read(0, kRefused), 2u);
  EXPECT_GT(port_.popped, 300u);
  EXPECT_EQ(port_.errors, 2u);
  Configure(0, false, true, kList, kDomain);
  Steps(100);
  EXPECT_EQ(Read(0, kStatus), 0u);
  CheckRest();
  EXPECT_EQ(port_.withdrawn, 1u);
}

TEST_F(StreamPort, BusyUntilTheTokenOfferedIsBack) {
  using namespace exalloc::regs;
  port_.push = 0;  // the kernel keeps what it takes
  banks_.Close(kList);
  Configure(0, true, false, kList, kDomain);
  Steps(60);
  EXPECT_EQ(stream_status::refused.get(Read(0, kStatus)), static_cast<unsigned>(Status::kBadList));
  Configure(0, false, false, kList, kDomain);
  Steps(60);
  banks_.Open(kList, kDomain);
  for (unsigned wait = 0; wait < 20 && !HasFatalFailure(); ++wait) {
    // One block, offered; nothing else is held.
    banks_.AddSlab(kList, kDomain, Far(60 + wait), 1);
    port_.take = 0;
    Configure(0, true, false, kList, kDomain);
    Steps(300);
    ASSERT_TRUE(port_.offered);
    ASSERT_TRUE(port_.held.empty());
    const bool change = Chance(50);
    Use(change, false, change);
    Steps(wait);
    const bool busy = stream_status::busy.get(Read(0, kStatus)) != 0;
    EXPECT_TRUE(busy || (!port_.offered && port_.held.empty())) << wait;
    if (wait == 0) EXPECT_TRUE(busy);
    Steps(100);
    Use(false, false, change);
    Steps(60);
    CheckRest();
    port_.take = 100;
    Configure(0, true, false, kList, kDomain);
    Steps(60);
    Configure(0, false, false, kList, kDomain);
    Steps(60);
  }
}

// What waits when a configuration is written goes by the new one.
TEST_F(StreamPort, NoTokenGoesByTheListBefore) {
  elsewhere_ = true;
  banks_.AddSlab(kList, kDomain, Far(50), 0);
  banks_.AddSlab(kOther, kOtherDomain, Far(51), 0);
  for (unsigned round = 0; round < 120 && !HasFatalFailure(); ++round) {
    const bool other = round % 2 != 0;
    // A block of that list, or none at all, which is refused without asking a bank.
    const bool bad = Chance(30);
    const bool pop = Chance(50);
    port_.queue.push_back(bad ? 7 : Far(50u + other) << 6 | round / 2);
    Steps(1 + Random(20));
    ASSERT_EQ(port_.queue.size(), 1u);
    port_.lists.clear();
    Use(pop, true, other);
    Steps(80);
    EXPECT_EQ(port_.lists, std::set<int>{other ? kOther : kList}) << round;
    EXPECT_TRUE(port_.queue.empty());
    Use(pop, false, other);
    Steps(Random(40));
    Use(false, false, other);
    Steps(80);
    CheckRest();
  }
  for (const auto& [refusal, count] : port_.refused) EXPECT_EQ(std::get<1>(refusal), 7u);
}

TEST_F(StreamPort, TakesTheTokenBackWhilePausing) {
  elsewhere_ = true;
  Configure(0, true, true, kList, kDomain);
  Steps(200);
  for (unsigned round = 0; round < 6 && !HasFatalFailure(); ++round) {
    port_.take = 0;
    Steps(kPause + 100);
    RecallAndWait(kList);
    Steps(Random(300));
    ASSERT_TRUE(port_.offered) << "a RECALL does not take it back";
    const bool change = round % 2 != 0;
    if (change) {
      Use(true, true, true);
    } else {
      Configure(0, false, true, kList, kDomain);
    }
    Steps(60);
    EXPECT_FALSE(port_.offered);
    EXPECT_EQ(port_.withdrawn, round + 1);
    CheckRest();
    EXPECT_EQ(banks_.FreeBlocks(kList), kBlocks);
    port_.take = 100;
    Configure(0, true, true, kList, kDomain);
    Steps(kPause + 300);
    EXPECT_GT(port_.popped, 0u);
  }
  CloseAndCheckAll();
}

// Another list takes the token offered back to its own, the same configuration leaves it, whenever
// in a RECALL they are written.
TEST_F(StreamPort, WrittenDuringARecall) {
  elsewhere_ = true;
  for (unsigned round = 0; round < 80 && !HasFatalFailure(); ++round) {
    const bool other = round % 2 != 0;
    port_.take = 100;
    Use(true, true, false);
    Steps(kPause + 200);
    port_.take = 0;
    Steps(60);
    ASSERT_TRUE(port_.offered);
    const std::uint64_t withdrawn = port_.withdrawn;
    Recall(kList);
    Steps(1 + round / 2);
    Use(true, true, other);
    Steps(80);
    EXPECT_EQ(port_.withdrawn - withdrawn, other) << round;
    EXPECT_EQ(port_.offered.has_value(), !other) << round;
    CheckRest();
  }
  CloseAndCheckAll();
}

TEST_F(StreamPort, SaysThatAListIsEmptyOrRefuses) {
  using namespace exalloc::regs;
  Configure(0, true, false, kList, kDomain + 1);
  Steps(300);
  EXPECT_EQ(stream_status::refused.get(Read(0, kStatus)), static_cast<unsigned>(Status::kDomain));
  EXPECT_EQ(stream_status::empty.get(Read(0, kStatus)), 0u);
  Configure(0, false, false, kList, kDomain);
  Steps(60);
  Configure(0, true, false, kList, kDomain);
  while (banks_.FreeBlocks(kList) != 0 && !HasFatalFailure()) Step();
  Steps(400);
  EXPECT_EQ(stream_status::empty.get(Read(0, kStatus)), 1u);
  EXPECT_EQ(stream_status::refused.get(Read(0, kStatus)), 0u);
  EXPECT_EQ(stream_status::held.get(Read(0, kStatus)), 0u);
  EXPECT_TRUE(dut_.busy_o) << "it asks again and again";
}

TEST_F(StreamPort, RecallAtAnyMoment) {
  Configure(0, true, true, kList, kDomain);
  unsigned longest = 0;
  for (unsigned round = 0; round < 60 && !HasFatalFailure(); ++round) {
    port_.take = Chance(50) ? 100 : Random(101);
    port_.push = Chance(50) ? 100 : Random(101);
    ready_ = Chance(60) ? 100 : 20 + Random(80);
    tell_ready_ = Chance(60) ? 100 : 2 + Random(80);
    delay_ = Chance(60) ? 0 : Random(40);
    Steps(Chance(70) ? kPause + Random(400) : Random(120));
    if (Chance(20)) Configure(0, Chance(70), Chance(70), kList, kDomain);
    if (Chance(20)) Steps(Random(10));
    longest = std::max(longest, RecallAndWait(kList));
    if (Chance(20)) RecallAndWait(kOther);
    if (Chance(40)) Configure(0, true, true, kList, kDomain);
  }
  EXPECT_LT(longest, 1500u);
  Configure(0, false, true, kList, kDomain);
  port_.take = port_.push = ready_ = tell_ready_ = 100;
  Steps(6000);
  CheckRest();
  EXPECT_EQ(port_.errors, 0u);
  EXPECT_EQ(banks_.FreeBlocks(kList), kBlocks);
  EXPECT_GT(port_.popped, 2000u);
}

TEST_F(StreamPort, ComesBackAfterThePause) {
  Configure(0, true, true, kList, kDomain);
  Steps(200);
  const unsigned cycles = RecallAndWait(kList);
  EXPECT_LT(cycles, 100u);
  EXPECT_TRUE(dut_.busy_o) << "it will ask without being told";
  const std::uint64_t grants = port_.grants;
  Steps(kPause - 4);
  EXPECT_EQ(port_.grants, grants);
  Steps(20);
  EXPECT_GT(port_.grants, grants);
}

// While another port still gives back, the time to wait does not begin; it is not lost either.
TEST_F(StreamPort, PausesUntilAllPortsHaveGivenBack) {
  Configure(0, true, true, kList, kDomain);
  Steps(200);
  for (unsigned round = 0; round < 12 && !HasFatalFailure(); ++round) {
    dut_.recalling_i = 1;
    RecallAndWait(kList);
    Steps(Random(300));
    const std::uint64_t grants = port_.grants;
    unsigned waited = 0;
    while (waited < kPause - 4 && !HasFatalFailure()) {
      dut_.recalling_i = 0;
      const unsigned run = std::min(1 + Random(round % 2 == 0 ? 900 : 60), kPause - 4 - waited);
      Steps(run);
      waited += run;
      dut_.recalling_i = 1;
      Steps(1 + Random(40));
    }
    ASSERT_EQ(port_.grants, grants) << "it asks too early";
    dut_.recalling_i = 0;
    Steps(24);
    ASSERT_GT(port_.grants, grants) << "it asks too late";
    Steps(200);
  }
}

// The host should wait for busy=0 before; if it does not, nothing is mixed up.
TEST_F(StreamPort, AnotherListWhileInUse) {
  elsewhere_ = true;
  std::uint64_t popped[2] = {};
  for (unsigned round = 0; round < 1000 && !HasFatalFailure(); ++round) {
    port_.take = Chance(30) ? 0 : Random(101);
    ready_ = Chance(50) ? 100 : 20 + Random(80);
    tell_ready_ = Chance(50) ? 100 : 5 + Random(80);
    delay_ = Chance(60) ? 0 : Random(40);
    const bool other = Chance(50);
    Use(Chance(85), true, other);
    if (Chance(30)) {
      Steps(Random(12));
    } else {
      Steps(400);  // the other list is gone
      const std::uint64_t since = port_.popped;
      Steps(Random(200));
      popped[other] += port_.popped - since;
      // The kernel may take the token in the very cycle in which it is taken back.
      if (Chance(50)) port_.take = Random(101);
      // A RECALL, and everything changes while it is under way.
      if (Chance(6)) {
        if (Chance(50)) Steps(kPause);
        Recall(other ? kOther : kList);
        Steps(1 + Random(60));
      }
    }
    if (Chance(10)) CloseAndCheckAll();
  }
  CloseAndCheckAll();
  EXPECT_EQ(port_.errors, 0u);
  EXPECT_GT(port_.withdrawn, 20u);
  EXPECT_GT(popped[0], 2000u);
  EXPECT_GT(popped[1], 2000u);
}

TEST_F(StreamPort, PopsAndPushesAtOnce) {
  Configure(0, true, true, kList, kDomain);
  Steps(300);
  const std::uint64_t popped = port_.popped, pushed = port_.pushes;
  Steps(4000);
  EXPECT_GT(port_.popped - popped, 3990u);
  EXPECT_GT(port_.pushes - pushed, 3990u);
}

}  // namespace
