// The card under Vitis's port names, with register slices and a pipelined reset: it is the card.
#include <set>

#include "card_kernel.hpp"
#include "kernel_ports.hpp"
#include "ports.hpp"

namespace exalloc::test {
namespace {

using regs::opcode;
using regs::status;
using Portal = HostPortal<KernelPorts>;

class Exalloc : public ports::SeededTest {
 protected:
  Exalloc() : card(seed_ + 1) {}

  // Grants `count` blocks, gives them back, and expects every line answered.
  void RoundTrip(Portal& portal, unsigned list, unsigned count) {
    portal.Submit(opcode::grant, list, count, 0x1234);
    portal.Ring();
    std::vector<std::uint32_t> tokens;
    for (bool last = false; !last;) {
      const Completion c = portal.Next();
      ASSERT_EQ(c.opcode, opcode::grant);
      ASSERT_EQ(c.status, status::ok);
      tokens.insert(tokens.end(), c.tokens.begin(), c.tokens.end());
      last = c.last;
    }
    EXPECT_EQ(std::set<std::uint32_t>(tokens.begin(), tokens.end()).size(), count);
    for (std::size_t i = 0; i < tokens.size(); i += 14) {
      const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(i);
      const auto end = tokens.size() - i > 14 ? first + 14 : tokens.end();
      portal.Submit(opcode::release, list, static_cast<unsigned>(end - first), 0x5678, {first, end},
                    true);
      portal.Ring();
      const Completion c = portal.Next();
      EXPECT_EQ(c.status, status::ok);
      EXPECT_TRUE(c.tokens.empty());
    }
  }

  CardHarness<KernelPorts> card;
};

TEST_F(Exalloc, LinesGoThroughUnderAnyTiming) {
  EXPECT_EQ(card.Read(regs::offset::id), 0x4C415845u);
  card.OpenAndLink(3, 1, 1, 8);
  Portal portal(card, 2, 4, 1);
  portal.Enable();
  for (const unsigned percent : {100u, 60u, 20u}) {
    card.memory.timing.ready_percent = percent;
    for (const unsigned count : {112u, 1u, 15u}) RoundTrip(portal, 3, count);
  }
  EXPECT_FALSE(card.PopError());
}

TEST_F(Exalloc, AnErrorRaisesTheInterrupt) {
  card.OpenAndLink(3, 1, 1, 1);
  card.Write(regs::offset::interrupt_status, 7);
  card.Write(regs::offset::interrupt_enable, 1);
  Portal portal(card, 0, 4, 1);
  portal.Enable();
  EXPECT_FALSE(card.model->interrupt_o);
  portal.Submit(opcode::release, 3, 1, 1, {Token(1, 0)});  // it is free
  portal.Ring();
  const Completion c = portal.Next();
  EXPECT_EQ(c.status, status::double_free);
  card.Cycles(20);
  EXPECT_TRUE(card.model->interrupt_o);
}

TEST_F(Exalloc, EveryStreamPortHasItsName) {
  Hands hands;
  card.OpenAndLink(3, 1, 1, 4);
  for (unsigned port = 0; port < 4; ++port) {
    CardKernel<KernelPorts> kernel(
        card, hands, {.pop_port = port, .push_port = 3 - port, .list = 3}, seed_ + port);
    card.Cycles(2000);
    kernel.Finish();
    EXPECT_GT(kernel.popped(), 50u) << "port " << port;
    EXPECT_EQ(kernel.popped(), kernel.pushed()) << "port " << port;
    const std::uint32_t window = regs::offset::streams_base + regs::offset::streams_stride * port;
    EXPECT_GE(card.Read(window + regs::offset::stream_popped), kernel.popped());
  }
  EXPECT_FALSE(card.PopError());
}

TEST_F(Exalloc, AResetUnderLoadLeavesItReady) {
  for (int round = 0; round < 3; ++round) {
    card.OpenAndLink(3, 1, 1, 8);
    Portal portal(card, 2, 4, 1);
    portal.Enable();
    RoundTrip(portal, 3, 112);
    for (unsigned i = 0; i < 8; ++i) portal.Submit(opcode::grant, 3, 14, 9);
    portal.Ring();
    card.Cycles(Random(300));
    card.Write(regs::offset::control, 1);
    card.WaitReady();
    EXPECT_EQ(card.Read(regs::offset::geometry) & 0xff00, 64u << 8);
    EXPECT_EQ(card.Counter(regs::counter::grant_lines), 0u);
  }
}

}  // namespace
}  // namespace exalloc::test
