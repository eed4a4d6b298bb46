// The protocol checks themselves: right traffic passes, each broken rule is found.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "platform/axi_checks.hpp"

namespace exalloc::sim {
namespace {

class PlatformChecks : public ::testing::Test {
 protected:
  PlatformChecks() {
    for (axi4_pins::address_channel* a :
         {&pins_.memory.write_address, &pins_.memory.read_address}) {
      a->ready = true;
      a->address = 0x1000;
      a->size = 6;
      a->burst = 1;
    }
  }
  // One edge, after which all is as it was before it.
  void edge(const std::function<void(bus_pins&)>& change = [](bus_pins&) {}) {
    bus_pins p = pins_;
    change(p);
    checks_.edge(p);
  }
  void read_burst(unsigned lines) {
    edge([&](bus_pins& p) {
      p.memory.read_address.valid = true;
      p.memory.read_address.length = lines - 1;
    });
  }
  void read_beat(bool last) {
    edge([&](bus_pins& p) {
      p.memory.read_data.valid = p.memory.read_data.ready = true;
      p.memory.read_data.last = last;
    });
  }
  void write_address(unsigned lines) {
    edge([&](bus_pins& p) {
      p.memory.write_address.valid = true;
      p.memory.write_address.length = lines - 1;
    });
  }
  void write_beat(bool last) {
    edge([&](bus_pins& p) {
      p.memory.write_data.valid = p.memory.write_data.ready = true;
      p.memory.write_data.last = last;
    });
  }
  void write_answer() {
    edge([](bus_pins& p) { p.memory.write_answer.valid = p.memory.write_answer.ready = true; });
  }
  bool found(const std::string& rule) const {
    return checks_.violation().find(rule) != std::string::npos;
  }

  bus_pins pins_;
  axi_checks checks_;
};

TEST_F(PlatformChecks, RightTrafficPasses) {
  read_burst(4);
  read_burst(1);
  for (int i = 1; i <= 4; ++i) read_beat(i == 4);
  read_beat(true);
  write_address(2);
  write_beat(false);
  write_beat(true);
  write_answer();
  write_beat(true);  // data may come before their address
  write_address(1);
  write_answer();
  for (int i = 0; i < 2; ++i) {
    edge([](bus_pins& p) {
      p.registers.write_address = {{true, true}, 8};
      p.registers.write_data = {{true, true}, 1, 15};
    });
    edge([](bus_pins& p) {
      p.registers.write_answer.valid = p.registers.write_answer.ready = true;
    });
    edge([](bus_pins& p) { p.registers.read_address = {{true, true}, 8}; });
    edge([&](bus_pins& p) { p.registers.read_data = {{true, i == 1}, 0, 5}; });
    if (i == 0) edge([](bus_pins& p) { p.registers.read_data = {{true, true}, 0, 5}; });
  }
  EXPECT_EQ(checks_.violation(), "");
}

TEST_F(PlatformChecks, AChannelThatChangesBeforeReady) {
  edge([](bus_pins& p) { p.registers.read_address = {{true, false}, 8}; });
  edge([](bus_pins& p) { p.registers.read_address = {{true, true}, 12}; });
  EXPECT_TRUE(found("AXI4-Lite") && found("A3.2.1")) << checks_.violation();
}

TEST_F(PlatformChecks, AValidThatFallsBeforeReady) {
  edge(
      [](bus_pins& p) { p.memory.read_address.valid = true, p.memory.read_address.ready = false; });
  edge();
  EXPECT_TRUE(found("AXI4,") && found("A3.2.1")) << checks_.violation();
}

TEST_F(PlatformChecks, DataThatChangeBeforeReady) {
  edge([](bus_pins& p) { p.memory.write_data.valid = true; });
  edge([](bus_pins& p) { p.memory.write_data.valid = true, p.memory.write_data.data[15] = 1; });
  EXPECT_TRUE(found("A3.2.1")) << checks_.violation();
}

TEST_F(PlatformChecks, AnswersThatNobodyAskedFor) {
  read_burst(1);
  read_beat(true);
  read_beat(true);
  EXPECT_TRUE(found("RVALID")) << checks_.violation();
}

TEST_F(PlatformChecks, AWriteAnsweredBeforeItsData) {
  write_address(1);
  write_answer();
  EXPECT_TRUE(found("BVALID")) << checks_.violation();
}

TEST_F(PlatformChecks, RegisterAnswersThatNobodyAskedFor) {
  edge([](bus_pins& p) { p.registers.write_address = {{true, true}, 8}; });
  edge([](bus_pins& p) { p.registers.write_answer.valid = true; });
  EXPECT_TRUE(found("BVALID") && found("AXI4-Lite")) << checks_.violation();
}

TEST_F(PlatformChecks, RlastTooEarly) {
  read_burst(2);
  read_beat(true);
  EXPECT_TRUE(found("RLAST")) << checks_.violation();
}

TEST_F(PlatformChecks, RlastTooLate) {
  read_burst(1);
  read_beat(false);
  EXPECT_TRUE(found("RLAST")) << checks_.violation();
}

TEST_F(PlatformChecks, WlastAtTheWrongBeat) {
  write_address(2);
  write_beat(true);
  EXPECT_TRUE(found("WLAST")) << checks_.violation();
}

TEST_F(PlatformChecks, ABurstAcrossAPage) {
  edge([](bus_pins& p) {
    p.memory.read_address.valid = true;
    p.memory.read_address.address = 0x1FC0;
    p.memory.read_address.length = 1;
  });
  EXPECT_TRUE(found("4 KiB")) << checks_.violation();
}

TEST_F(PlatformChecks, ABurstThatIsNoWholeLines) {
  edge([](bus_pins& p) {
    p.memory.write_address.valid = true;
    p.memory.write_address.address = 0x1008;
  });
  EXPECT_TRUE(found("aligned")) << checks_.violation();
}

TEST_F(PlatformChecks, AStreamThatTakesATokenBack) {
  edge([](bus_pins& p) { p.pop[2] = {{true, false}, 7}; });
  edge([](bus_pins& p) { p.pop[2] = {{true, false}, 8}; });
  EXPECT_TRUE(found("AXI-Stream, pop")) << checks_.violation();
}

TEST_F(PlatformChecks, AStreamThatWasToldToStopMayTakeItsTokenBack) {
  edge([](bus_pins& p) { p.pop[2] = {{true, false}, 7}; });
  checks_.stream_changes(2);
  edge();
  EXPECT_EQ(checks_.violation(), "");
}

TEST_F(PlatformChecks, AResetForgetsWhatIsUnderWay) {
  read_burst(2);
  edge(
      [](bus_pins& p) { p.memory.read_address.valid = true, p.memory.read_address.ready = false; });
  edge([](bus_pins& p) { p.reset = true; });
  edge();
  read_burst(1);
  read_beat(true);
  EXPECT_EQ(checks_.violation(), "");
}

}  // namespace
}  // namespace exalloc::sim
