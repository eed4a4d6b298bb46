// Stream ports of the soft card, with small kernels behind them.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <set>

#include "../../environment.hpp"
#include "../../sim/raw_portal.hpp"
#include "card/soft_card.hpp"

namespace exalloc {
namespace {

namespace cpl = regs::completion_header;
namespace off = regs::offset;
using regs::counter;
using regs::opcode;
using regs::status;
using test::list_register;
using test::make_line;
using test::stream_register;

constexpr unsigned domain = 3;
constexpr unsigned list = 7;
constexpr unsigned port = 2;
constexpr unsigned blocks = 3 * 64 + 21;

// Takes tokens while it wants some, and pushes those it is given.
class test_kernel final : public stream_kernel {
 public:
  void clock(stream_pins& pins) override {
    if (pins.popped()) {
      taken.push_back(pins.pop_token);
      --wanted;
    }
    if (pins.pushed()) to_push.pop_front();
    pins.pop_ready = wanted != 0;
    pins.push_valid = !to_push.empty();
    if (pins.push_valid) pins.push_token = to_push.front();
    ++cycles;
  }
  bool busy() const override { return !to_push.empty(); }

  unsigned wanted = 0;
  std::deque<std::uint32_t> taken, to_push;
  std::uint64_t cycles = 0;
};

class SoftStream : public ::testing::Test {
 protected:
  void SetUp() override {
    test::command(card_, regs::command::open, list, domain);
    test::command(card_, regs::command::link, list, 0, 1, 4, 20);
    card_.attach(port, kernel_);
  }
  void configure(bool pop, bool push, unsigned of = list, unsigned in = domain) {
    card_.write(stream_register(port, off::stream_config), test::stream_config(pop, push, of, in));
  }
  std::uint32_t status_word() { return card_.read(stream_register(port, off::stream_status)); }
  unsigned held() { return static_cast<unsigned>(regs::stream_status::held.get(status_word())); }
  bool busy() { return regs::stream_status::busy.get(status_word()) != 0; }
  void settle() {
    for (int i = 0; i < 20; ++i) card_.relax();
  }
  std::uint32_t in_use() { return card_.read(list_register(list, off::list_in_use)); }
  std::uint32_t stream(std::uint32_t which) { return card_.read(stream_register(port, which)); }
  std::uint32_t counted(counter c) { return card_.read(test::counter_register(c)); }
  std::vector<std::uint32_t> send(line l) {
    std::vector<std::uint32_t> tokens;
    portal_.push(l);
    portal_.doorbell();
    for (bool last = false; !last;) {
      const line a = portal_.wait();
      tokens.insert(tokens.end(), a.tokens.begin(), a.tokens.begin() + cpl::count.get(a.header));
      last = cpl::last.get(a.header) != 0;
    }
    return tokens;
  }
  struct told {
    opcode op;
    status why;
    unsigned list, portal;
    std::uint32_t token;
    bool operator==(const told&) const = default;
  };
  std::vector<told> errors() {
    std::vector<told> out;
    namespace e = regs::error_info;
    for (;;) {
      const std::uint32_t w = card_.read(off::error_info);
      if (e::valid.get(w) == 0) return out;
      out.push_back({static_cast<opcode>(e::opcode.get(w)), static_cast<status>(e::status.get(w)),
                     static_cast<unsigned>(e::list.get(w)), static_cast<unsigned>(e::portal.get(w)),
                     card_.read(off::error_token)});
      card_.write(off::error_pop, 1);
    }
  }

  soft::soft_card card_;
  test::raw_portal portal_{card_, 0, 6, domain};
  std::shared_ptr<test_kernel> kernel_ = std::make_shared<test_kernel>();
};

TEST_F(SoftStream, AKernelGetsEveryBlockOnce) {
  kernel_->wanted = 1000;
  configure(true, false);
  settle();
  EXPECT_EQ(kernel_->taken.size(), blocks);
  EXPECT_EQ(std::set(kernel_->taken.begin(), kernel_->taken.end()).size(), blocks);
  for (const std::uint32_t t : kernel_->taken) {
    const auto slab = regs::token::slab.get(t);
    EXPECT_TRUE(slab >= 1 && slab <= 4) << t;
    EXPECT_TRUE(slab != 4 || regs::token::block.get(t) <= 20) << t;
  }
  EXPECT_EQ(in_use(), blocks);
  EXPECT_EQ(stream(off::stream_popped), blocks);
  EXPECT_EQ(counted(counter::stream_popped), blocks);
  EXPECT_EQ(counted(counter::blocks_granted), 0u);  // that is of portals
  EXPECT_EQ(regs::stream_status::empty.get(status_word()), 1u);
  EXPECT_FALSE(busy());

  // The port asks again: blocks that a portal gives back reach the kernel.
  line l = make_line(opcode::release, list, 1, true);
  l.tokens[0] = kernel_->taken.front();
  EXPECT_TRUE(send(l).empty());
  settle();
  ASSERT_EQ(kernel_->taken.size(), blocks + 1);
  EXPECT_EQ(kernel_->taken.back(), kernel_->taken.front());
  EXPECT_TRUE(errors().empty());
}

TEST_F(SoftStream, AKernelThatIsReadyGetsATokenACycle) {
  kernel_->wanted = 100;
  configure(true, false);
  settle();
  ASSERT_EQ(kernel_->taken.size(), 100u);
  EXPECT_LE(kernel_->cycles, 2000u);  // it goes on being clocked: the bound is for a port in step
}

TEST_F(SoftStream, ThePortHoldsLittleAndGivesItBackWhenPopIsCleared) {
  configure(true, false);  // the kernel wants none
  settle();
  const unsigned ready = held();
  EXPECT_GE(ready, 1u);
  EXPECT_LE(ready, 32u);
  EXPECT_TRUE(busy());
  EXPECT_EQ(in_use(), ready + 1);  // one is offered, and the kernel's
  configure(false, false);
  EXPECT_FALSE(busy());
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(in_use(), 0u);
  // The token that was offered has been taken back too.
  kernel_->wanted = 5;
  settle();
  EXPECT_TRUE(kernel_->taken.empty());
  EXPECT_EQ(stream(off::stream_popped), 0u);
  EXPECT_TRUE(errors().empty());
}

TEST_F(SoftStream, RecallBringsBackWhatPortsHoldAndLeavesItToTheHost) {
  configure(true, false);
  settle();
  EXPECT_GE(held(), 1u);
  send(make_line(opcode::recall, list + 1, 0));  // another list
  EXPECT_GE(held(), 1u);
  send(make_line(opcode::recall, list, 0));
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(in_use(), 1u);  // the one that is offered is the kernel's
  for (unsigned left = blocks - 1; left > 0;) {
    left -=
        static_cast<unsigned>(send(make_line(opcode::grant, list, std::min(left, 112u))).size());
  }
  EXPECT_EQ(in_use(), blocks);
}

TEST_F(SoftStream, ThePortRestsAfterARecall) {
  kernel_->wanted = 1000;
  configure(false, false);
  settle();
  configure(true, false);
  send(make_line(opcode::recall, list, 0));
  const std::size_t taken = kernel_->taken.size();
  const std::uint64_t cycle = kernel_->cycles;
  while (kernel_->taken.size() <= taken + 1 && kernel_->cycles < cycle + 10'000) {
    card_.read(off::id);
  }
  EXPECT_GE(kernel_->cycles - cycle, 4096u);
  EXPECT_LE(kernel_->cycles - cycle, 4096u + 200u);
}

TEST_F(SoftStream, RecallExecutesWhatWasPushed) {
  soft::event_counters counters;
  soft::slab_engine slabs(2, 16, counters);
  slabs.command(regs::command::open, list, domain, 0, 0, 0);
  slabs.command(regs::command::link, list, domain, 2, 1, 63);
  const std::uint64_t mask = slabs.grant(0, list, domain).mask;
  ASSERT_EQ(mask, 0xFFFFu);
  soft::stream_port alone(0, slabs, counters);
  stream_pins pins;
  alone.configure(test::stream_config(false, true, list, domain), pins);
  alone.clock(pins);
  for (unsigned block = 0; block < 16; ++block) {
    EXPECT_TRUE(pins.push_ready);
    pins.push_valid = true;
    pins.push_token = 2 << 6 | block;
    alone.clock(pins);
  }
  pins.push_valid = false;
  // They are gathered: no operation yet.
  EXPECT_EQ(slabs.release(list, domain, 2, 1), status::ok);
  slabs.grant(0, list, domain);  // takes it back
  alone.recall(list + 1);
  EXPECT_EQ(counters.value(counter::stream_pushed), 0u);
  alone.recall(list);
  EXPECT_EQ(counters.value(counter::stream_pushed), 16u);
  EXPECT_TRUE(alone.take_errors().empty());
}

TEST_F(SoftStream, WhatIsGatheredGoesOutAfterFifteenCycles) {
  soft::event_counters counters;
  soft::slab_engine slabs(2, 16, counters);
  soft::stream_port alone(0, slabs, counters);
  stream_pins pins;
  alone.configure(test::stream_config(false, true, list, domain), pins);
  alone.clock(pins);
  pins.push_valid = true;
  pins.push_token = 2 << 6;
  alone.clock(pins);
  pins.push_valid = false;
  for (int i = 0; i < 14; ++i) alone.clock(pins);
  EXPECT_TRUE(alone.take_errors().empty());
  EXPECT_FALSE(alone.quiet());
  alone.clock(pins);
  EXPECT_EQ(alone.take_errors().size(), 1u);
  EXPECT_TRUE(alone.quiet());
}

TEST_F(SoftStream, PushedTokensGoBackAndBadOnesAreNamed) {
  test::command(card_, regs::command::open, list + 1, domain);
  test::command(card_, regs::command::link, list + 1, 0, 10, 1);
  const auto tokens = send(make_line(opcode::grant, list, 20));
  const auto foreign = send(make_line(opcode::grant, list + 1, 2));
  const std::uint32_t no_slab = 5, far = 65536u << 6, beyond = 4 << 6 | 21;
  // Neighbours of one slab, a bad one among them; a repeated one; all kinds of bad ones.
  std::deque<std::uint32_t> pushed(tokens.begin(), tokens.begin() + 10);
  for (std::uint32_t t :
       {tokens[3], no_slab, tokens[10], tokens[10], far, foreign[0], beyond, tokens[11]}) {
    pushed.push_back(t);
  }
  kernel_->to_push = pushed;
  configure(false, true);
  settle();
  EXPECT_EQ(in_use(), 8u);
  EXPECT_EQ(stream(off::stream_pushed), 18u);
  EXPECT_EQ(stream(off::stream_refused), 6u);
  EXPECT_EQ(counted(counter::stream_pushed), 12u);
  EXPECT_EQ(counted(counter::blocks_released), 0u);
  EXPECT_EQ(counted(counter::refusals), 6u);
  EXPECT_EQ(card_.read(list_register(list, off::list_refusals)), 6u);
  const std::vector<told> expected = {
      {opcode::stream, status::double_free, list, port, tokens[3]},
      {opcode::stream, status::range, list, port, no_slab},
      {opcode::stream, status::double_free, list, port, tokens[10]},
      {opcode::stream, status::range, list, port, far},
      {opcode::stream, status::foreign, list, port, foreign[0]},
      {opcode::stream, status::range, list, port, beyond},
  };
  EXPECT_EQ(errors(), expected);
  EXPECT_FALSE(busy());
}

TEST_F(SoftStream, AnotherDomainGetsNothing) {
  const auto tokens = send(make_line(opcode::grant, list, 2));
  kernel_->wanted = 10;
  kernel_->to_push.assign(tokens.begin(), tokens.end());
  configure(true, true, list, domain + 1);
  settle();
  EXPECT_TRUE(kernel_->taken.empty());
  EXPECT_EQ(in_use(), 2u);
  EXPECT_EQ(regs::stream_status::refused.get(status_word()), static_cast<unsigned>(status::domain));
  EXPECT_EQ(regs::stream_status::empty.get(status_word()), 0u);
  const auto e = errors();
  ASSERT_EQ(e.size(), 2u);
  EXPECT_EQ(e[0], (told{opcode::stream, status::domain, list, port, tokens[0]}));
  configure(true, false, 255);  // no list at all
  settle();
  EXPECT_EQ(regs::stream_status::refused.get(status_word()),
            static_cast<unsigned>(status::bad_list));
  configure(true, false);  // and now the right one
  settle();
  EXPECT_EQ(kernel_->taken.size(), 10u);
}

TEST_F(SoftStream, AHeldOffKernelWaits) {
  kernel_->to_push.assign({9, 9});
  configure(false, false);
  settle();
  EXPECT_EQ(kernel_->to_push.size(), 2u);
  EXPECT_EQ(stream(off::stream_pushed), 0u);
}

TEST_F(SoftStream, ThresholdsSeeThePorts) {
  card_.write(list_register(list, off::depletion_low), blocks);
  configure(true, false);
  settle();
  EXPECT_EQ(card_.read(off::depleted_base), 1u << list);
  EXPECT_EQ(counted(counter::depletions), 1u);
}

// Pushes a bad token when it has been clocked for a while, and never says that it is busy.
class slow_kernel final : public stream_kernel {
 public:
  void clock(stream_pins& pins) override {
    if (pins.pushed()) done_ = true;
    pins.push_valid = ++clocks_ > 50 && !done_;
    pins.push_token = 5;
  }
  bool busy() const override { return false; }

 private:
  unsigned clocks_ = 0;
  bool done_ = false;
};

TEST_F(SoftStream, AWaiterLetsKernelsRun) {
  card_.write(off::interrupt_enable, 1);
  configure(false, true);
  card_.attach(port, std::make_shared<slow_kernel>());
  EXPECT_TRUE(card_.wait_interrupt(10'000'000'000));  // nobody else touches the card
  EXPECT_EQ(errors().at(0).why, status::range);
}

TEST_F(SoftStream, OnlyPortsThereAreHaveASocket) {
  EXPECT_THROW(card_.attach(4, kernel_), std::out_of_range);
  card_.attach(port, nullptr);
  EXPECT_EQ(kernel_.use_count(), 1);
  card_.write(stream_register(9, off::stream_config), ~0u);
  EXPECT_EQ(card_.read(stream_register(9, off::stream_config)), 0u);
  card_.write(stream_register(3, off::stream_config), ~0u);
  EXPECT_EQ(card_.read(stream_register(3, off::stream_config)), 0x3FFF03u);
  EXPECT_THROW(card_.write(stream_register(0, off::stream_status), 0), std::runtime_error);
  EXPECT_THROW(card_.read(stream_register(0, 0x14)), std::runtime_error);
}

TEST_F(SoftStream, MemoryOfTheProcessIsUnderItsOwnAddress) {
  int anything = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(&anything);
  EXPECT_EQ(card_.memory_at(address, sizeof anything), reinterpret_cast<std::byte*>(&anything));
  const auto memory = card_.allocate(100);
  EXPECT_EQ(card_.memory_at(memory->device_address(), 100), memory->data());
}

TEST_F(SoftStream, ResetForgetsThePorts) {
  configure(true, true);
  settle();
  card_.write(off::control, 1);
  EXPECT_EQ(stream(off::stream_config), 0u);
  EXPECT_EQ(status_word(), 0u);
  kernel_->wanted = 1;
  settle();
  EXPECT_TRUE(kernel_->taken.empty());
}

// A kernel that passes on what it pops, a portal that allocates and frees as well: no block is ever
// in two hands, and in the end all are back.
TEST_F(SoftStream, KernelAndHostShareAList) {
  const auto seed = static_cast<unsigned>(test::seed(20261123));
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  std::set<std::uint32_t> ours;
  configure(true, true);
  for (int round = 0; round < 3000; ++round) {
    for (; !kernel_->taken.empty() && random() % 3; kernel_->taken.pop_front()) {
      ASSERT_FALSE(ours.count(kernel_->taken.front()));
      kernel_->to_push.push_back(kernel_->taken.front());
    }
    kernel_->wanted = random() % 8;
    if (random() % 2) {
      for (const std::uint32_t t : send(make_line(opcode::grant, list, 1 + random() % 40))) {
        ASSERT_TRUE(ours.insert(t).second);
        ASSERT_EQ(std::count(kernel_->taken.begin(), kernel_->taken.end(), t), 0);
      }
    } else {
      line l = make_line(opcode::release, list, 0, true);
      unsigned n = 0;
      for (; n < 14 && !ours.empty(); ++n) {
        l.tokens[n] = *ours.begin();
        ours.erase(ours.begin());
      }
      if (n == 0) continue;
      l.header = regs::submission_header::count.set(l.header, n);
      ASSERT_TRUE(send(l).empty());
    }
  }
  kernel_->wanted = 1;  // the token that is offered
  settle();
  configure(false, true);
  kernel_->wanted = 5;
  settle();
  kernel_->to_push.insert(kernel_->to_push.end(), kernel_->taken.begin(), kernel_->taken.end());
  settle();
  EXPECT_EQ(in_use(), ours.size());
  EXPECT_TRUE(errors().empty());
}

}  // namespace
}  // namespace exalloc
