// One stream port: registers, RECALL and a change of list at any moment, and when it is busy.
#include "Vstream_port.h"
#include "stream_harness.hpp"

namespace {

using namespace stream_banks;

class StreamPort : public StreamHarness<Vstream_port, 1> {
 protected:
  static constexpr int kOther = kList + 1;

  StreamPort() {
    banks_.Open(kList, kDomain);
    banks_.Open(kOther, kDomain + 1);
    for (unsigned slab = 4; slab < 44; ++slab) {
      banks_.AddSlab(kList, kDomain, slab, ~std::uint64_t{0});
      banks_.AddSlab(kOther, kDomain + 1, slab + 100, ~std::uint64_t{0});
    }
  }
  // A kernel that gives back what it took.
  void Popped(unsigned p, std::uint32_t token) override { ports_[p].queue.push_back(token); }

  Port& port_ = ports_[0];
};

TEST_F(StreamPort, RegistersSayWhatHappened) {
  using namespace exalloc::regs;
  Configure(0, true, true, kList, kDomain);
  EXPECT_EQ(Read(0, kConfig), 3u | kList << 8 | kDomain << 16);
  Steps(500);
  port_.queue.push_back(7);  // slab 0
  port_.queue.push_back(104 << 6);
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
  EXPECT_TRUE(port_.held.empty());
  EXPECT_TRUE(port_.offered) << "it stays";
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
  EXPECT_EQ(banks_.FreeBlocks(kList), 40u * 64);
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

// The host should wait for busy=0 before; if it does not, nothing is mixed up.
TEST_F(StreamPort, AnotherListWhileInUse) {
  std::uint64_t popped[2] = {};
  port_.push = 0;  // what a kernel has of a list must go back to that list
  for (unsigned round = 0; round < 20 && !HasFatalFailure(); ++round) {
    const bool other = round % 2 != 0;
    const std::uint64_t before = port_.popped;
    Configure(0, true, true, other ? kOther : kList, other ? kDomain + 1 : kDomain);
    port_.list = -1;  // whichever: told and checked when at rest
    Steps(5);
    port_.list = other ? kOther : kList;
    while (Read(0, kStatus) % 2 != 0 && port_.given == port_.released) Step();
    Steps(60 + Random(100));
    popped[other] += port_.popped - before;
    Configure(0, false, true, other ? kOther : kList, other ? kDomain + 1 : kDomain);
    port_.push = 100;
    for (unsigned i = 0; i < 2000 && Read(0, kStatus) % 2 != 0; ++i) Step();
    Steps(400);
    ASSERT_TRUE(port_.queue.empty());
    port_.push = 0;
  }
  CheckRest();
  EXPECT_EQ(port_.errors, 0u);
  EXPECT_GT(popped[0], 500u);
  EXPECT_GT(popped[1], 500u);
  EXPECT_EQ(banks_.FreeBlocks(kList), 40u * 64);
  EXPECT_EQ(banks_.FreeBlocks(kOther), 40u * 64);
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
