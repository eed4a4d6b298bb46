// The fixture of the tests of exalloc_card: the card behind random memory, with processors that
// keep their portals busy.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "Vexalloc_card.h"
#include "card_processor.hpp"
#include "ports.hpp"

namespace exalloc::test {

using Harness = CardHarness<Vexalloc_card>;
using Portal = HostPortal<Vexalloc_card>;
using Processor = CardProcessor<Vexalloc_card>;
using regs::opcode;
using regs::status;

class ExallocCard : public ports::SeededTest {
 protected:
  ExallocCard() : card(seed_ + 1) {}

  void AddProcessors(unsigned first, unsigned count, unsigned ring_log2,
                     const Processor::Options& options) {
    for (unsigned i = first; i < first + count; ++i) {
      processors_.push_back(
          std::make_unique<Processor>(card, hands_, i, ring_log2, options, seed_ + 100 + i));
    }
  }
  void Run(unsigned rounds) {
    for (unsigned r = 0; r < rounds; ++r) {
      for (auto& p : processors_) {
        p->Step(true);
        card.Cycles(static_cast<unsigned>(rng_() % 4));
      }
      card.Cycles(static_cast<unsigned>(rng_() % 40));
    }
  }
  void Drain() {
    for (auto& p : processors_) {
      while (p->outstanding() >= p->portal.size()) {
        p->Step(false);
        card.Cycles(50);
      }
      p->Sync();
    }
    for (unsigned wait = 0; !AllDone(); ++wait) {
      ASSERT_LT(wait, 5000u) << "lines are not answered";
      for (auto& p : processors_) p->Step(false);
      card.Cycles(50);
    }
  }
  // Everybody gives everything back; then all blocks of the lists are there, each once.
  void CheckConservation(const std::vector<unsigned>& lists, std::size_t blocks_of_each) {
    for (bool some = true; some;) {
      some = false;
      for (auto& p : processors_) {
        p->ReleaseSome();
        some = some || !p->HoldsNothing();
      }
      Drain();
    }
    EXPECT_TRUE(hands_.empty());
    Processor& p = *processors_.front();
    for (const unsigned list : lists) {
      const std::uint64_t before = p.granted;
      while (true) {
        const std::uint64_t now = p.granted;
        for (int i = 0; i < 6; ++i) p.SubmitGrant(list, 112);
        p.portal.Ring();
        Drain();
        if (p.granted - now < 6 * 112) break;
      }
      EXPECT_EQ(p.granted - before, blocks_of_each) << "list " << list;
    }
  }
  bool AllDone() {
    return std::all_of(processors_.begin(), processors_.end(),
                       [](const auto& p) { return p->Done(); });
  }
  std::uint64_t Sum(std::uint64_t Processor::*what) {
    std::uint64_t sum = 0;
    for (auto& p : processors_) sum += (*p).*what;
    return sum;
  }
  void WaitIdle() {
    // idle_o leaves out what is under way on the bus, and is behind what comes there.
    for (unsigned wait = 0, rest = 0; rest < 8; ++wait) {
      ASSERT_LT(wait, 5000u) << "never idle";
      rest = card.model->idle_o && card.memory.Quiet() ? rest + 1 : 0;
      card.Cycle();
    }
  }

  Harness card;
  Hands hands_;
  std::vector<std::unique_ptr<Processor>> processors_;
};

}  // namespace exalloc::test
