// Counts and thresholds of lists, counters, errors and the interrupt of the soft card.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

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

constexpr unsigned domain = 3;
constexpr unsigned list = 70;  // bit 6 of word 2
constexpr std::uint32_t depletion =
    static_cast<std::uint32_t>(regs::interrupt_status::depletion.mask());

class SoftEvents : public ::testing::Test {
 protected:
  void SetUp() override {
    command(regs::command::open);
    command(regs::command::link, 1, 4, 35);  // 3 x 64 + 36
    card_.write(off::interrupt_status, ~0u);
  }
  status command(regs::command what, std::uint32_t slab = 0, std::uint32_t count = 0,
                 unsigned limit = 63) {
    return test::status_of(test::command(card_, what, list, domain, slab, count, limit));
  }
  // Sends a line and returns the tokens of its answers.
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
  std::vector<std::uint32_t> grant(unsigned count) {
    return send(make_line(opcode::grant, list, count));
  }
  // Returns the refused ones.
  std::vector<std::uint32_t> release(const std::vector<std::uint32_t>& tokens, unsigned of = list) {
    line l = make_line(opcode::release, of, static_cast<unsigned>(tokens.size()), true);
    std::copy(tokens.begin(), tokens.end(), l.tokens.begin());
    return send(l);
  }
  std::uint32_t window(std::uint32_t which, unsigned of = list) {
    return card_.read(list_register(of, which));
  }
  void threshold(std::uint32_t low, std::uint32_t high) {
    card_.write(list_register(list, off::depletion_low), low);
    card_.write(list_register(list, off::depletion_high), high);
  }
  bool depleted() {
    for (unsigned w = 0; w < off::depleted_count; ++w) {
      const std::uint32_t bits = card_.read(off::depleted_base + w * off::depleted_stride);
      EXPECT_EQ(bits & ~(w == list / 32 ? 1u << list % 32 : 0u), 0u);
      if (bits != 0) return true;
    }
    return false;
  }
  // Whether interrupt_status.depletion was set since the last call.
  bool told() {
    const std::uint32_t status = card_.read(off::interrupt_status);
    card_.write(off::interrupt_status, depletion);
    return (status & depletion) != 0;
  }
  std::uint32_t counted(counter c) { return card_.read(test::counter_register(c)); }

  soft::soft_card card_;
  test::raw_portal portal_{card_, 2, 6, domain};
};

TEST_F(SoftEvents, BlocksAreCountedWhereTheyGo) {
  EXPECT_EQ(window(off::list_total), 228u);
  EXPECT_EQ(window(off::list_in_use), 0u);
  auto tokens = grant(10);  // the surplus of the engine's quarter does not appear
  EXPECT_EQ(window(off::list_in_use), 10u);
  tokens = grant(100);
  EXPECT_EQ(window(off::list_in_use), 110u);
  tokens.resize(14);
  EXPECT_TRUE(release(tokens).empty());
  EXPECT_EQ(window(off::list_in_use), 96u);
  grant(1);
  EXPECT_EQ(window(off::list_high_water), 110u);
  EXPECT_EQ(window(off::list_granted), 111u);
  EXPECT_EQ(grant(112).size(), 112u);
  EXPECT_EQ(grant(112).size(), 19u);  // and is empty
  EXPECT_EQ(window(off::list_in_use), 228u);
  EXPECT_EQ(window(off::list_high_water), 228u);
  EXPECT_EQ(window(off::list_granted), 242u);
  EXPECT_EQ(window(off::list_total), 228u);
}

TEST_F(SoftEvents, RefusedTokensAreCountedApart) {
  auto tokens = grant(2);
  release(tokens);
  EXPECT_EQ(window(off::list_in_use), 0u);
  EXPECT_EQ(release({tokens[0], tokens[1], 5}).size(), 3u);  // free already, slab 0
  EXPECT_EQ(window(off::list_in_use), 0u);
  EXPECT_EQ(window(off::list_refusals), 3u);
  for (int i = 0; i < 20; ++i) release({5});  // more than the queue of errors holds
  EXPECT_EQ(window(off::list_refusals), 23u);
  EXPECT_GT(card_.read(off::error_lost), 0u);
  EXPECT_EQ(counted(counter::refusals), 23u);
}

TEST_F(SoftEvents, ErrorsOfLinesAreCountedForTheListTheyName) {
  send(make_line(opcode::grant, 9, 1));             // closed
  send(make_line(opcode::sync, 10, 1));             // a count
  send(make_line(opcode::grant, 255, 1));           // no list
  send(make_line(static_cast<opcode>(12), 11, 0));  // unknown
  send(test::make_pop(12, 1));                      // a lookaside list
  portal_.raw_doorbell(0x7FFF, 0);                  // no list at all
  EXPECT_EQ(window(off::list_refusals, 9), 1u);
  EXPECT_EQ(window(off::list_refusals, 10), 1u);
  for (unsigned other : {0u, 11u, 12u, 255u}) EXPECT_EQ(window(off::list_refusals, other), 0u);
  EXPECT_EQ(counted(counter::refusals), 6u);
}

TEST_F(SoftEvents, TrimTakesASlabsBlocksAway) {
  ASSERT_EQ(command(regs::command::trim, 2), status::ok);
  EXPECT_EQ(window(off::list_total), 164u);
  ASSERT_EQ(command(regs::command::trim, 2), status::empty);
  EXPECT_EQ(window(off::list_total), 164u);
}

TEST_F(SoftEvents, OpeningForgetsAllButTheRefusals) {
  release({5});
  const auto tokens = grant(3);
  threshold(1, 2);
  command(regs::command::close);
  EXPECT_EQ(window(off::list_in_use), 3u);  // to be read until the list is opened again
  command(regs::command::unlink, 1, 4);
  EXPECT_EQ(window(off::list_total), 228u);
  command(regs::command::open);
  for (std::uint32_t which : {off::list_total, off::list_in_use, off::list_high_water,
                              off::list_granted, off::depletion_low, off::depletion_high}) {
    EXPECT_EQ(window(which), 0u);
  }
  EXPECT_EQ(window(off::list_refusals), 1u);
  EXPECT_EQ(command(regs::command::open), status::bad_list);
}

TEST_F(SoftEvents, DepletionHasHysteresis) {
  threshold(100, 150);
  EXPECT_FALSE(depleted());
  auto a = grant(100);  // 128 free
  EXPECT_FALSE(depleted());
  auto b = grant(28);  // 100 free
  EXPECT_FALSE(depleted());
  EXPECT_FALSE(told());
  auto c = grant(1);  // 99
  EXPECT_TRUE(depleted());
  EXPECT_TRUE(told());
  EXPECT_EQ(counted(counter::depletions), 1u);
  const auto give = [&](std::vector<std::uint32_t>& from, std::size_t n) {
    EXPECT_TRUE(release({from.end() - static_cast<long>(n), from.end()}).empty());
    from.resize(from.size() - n);
  };
  give(b, 14);
  give(b, 14);
  give(a, 14);
  EXPECT_TRUE(depleted());  // 141
  EXPECT_FALSE(told());
  give(a, 8);
  EXPECT_TRUE(depleted());  // 149
  give(a, 1);
  EXPECT_FALSE(depleted());  // 150
  EXPECT_TRUE(told());
  EXPECT_EQ(counted(counter::depletions), 1u);
  b = grant(50);
  EXPECT_FALSE(told());  // 100
  c = grant(1);
  EXPECT_TRUE(depleted());
  EXPECT_TRUE(told());
  EXPECT_EQ(counted(counter::depletions), 2u);
}

TEST_F(SoftEvents, AThresholdIsLookedAtWhenItIsWritten) {
  card_.write(list_register(list, off::depletion_low), 229);
  EXPECT_TRUE(depleted());
  EXPECT_TRUE(told());
  card_.write(list_register(list, off::depletion_low), 228);  // high is below low: taken as low
  EXPECT_FALSE(depleted());
  EXPECT_TRUE(told());
  threshold(229, 300);
  EXPECT_TRUE(depleted());
  card_.write(list_register(list, off::depletion_low), 0);  // high is 300 still
  EXPECT_TRUE(depleted());
  told();
  card_.write(list_register(list, off::depletion_high), 228);
  EXPECT_FALSE(depleted());
  EXPECT_TRUE(told());
  EXPECT_EQ(window(off::depletion_high), 228u);
}

TEST_F(SoftEvents, LinkingAndTrimmingAreLookedAt) {
  threshold(200, 240);
  ASSERT_EQ(command(regs::command::trim, 1), status::ok);  // 164
  EXPECT_TRUE(depleted());
  EXPECT_TRUE(told());
  ASSERT_EQ(command(regs::command::link, 100, 2), status::ok);  // 292
  EXPECT_FALSE(depleted());
  EXPECT_TRUE(told());
}

TEST_F(SoftEvents, ClosingIsNoRecovery) {
  threshold(1000, 1000);
  EXPECT_TRUE(depleted());
  told();
  command(regs::command::close);
  EXPECT_FALSE(depleted());
  EXPECT_FALSE(told());
}

TEST_F(SoftEvents, WindowsHaveTheRegistersOfTheMapOnly) {
  EXPECT_THROW(window(0x1C), std::runtime_error);
  EXPECT_THROW(card_.write(list_register(list, off::list_total), 1), std::runtime_error);
  EXPECT_THROW(card_.read(off::depleted_base + 4), std::runtime_error);
  EXPECT_THROW(card_.write(off::depleted_base, 1), std::runtime_error);
  EXPECT_THROW(card_.read(0x640), std::runtime_error);
  card_.write(list_register(255, off::depletion_low), 9);  // there is no list 255
  EXPECT_EQ(window(off::depletion_low, 255), 0u);
}

// The interrupt line

TEST_F(SoftEvents, AnInterruptThatIsUpIsNotWaitedFor) {
  EXPECT_FALSE(card_.wait_interrupt(0));
  card_.write(off::interrupt_enable, depletion);
  threshold(1000, 1000);
  EXPECT_TRUE(card_.wait_interrupt(~std::uint64_t{0}));
  card_.write(off::interrupt_status, depletion);
  EXPECT_FALSE(card_.wait_interrupt(1'000'000));
  release({5});  // an error, which is not enabled
  EXPECT_FALSE(card_.wait_interrupt(1'000'000));
  card_.write(off::interrupt_enable, ~0u);
  EXPECT_EQ(card_.read(off::interrupt_enable), 7u);
  EXPECT_TRUE(card_.wait_interrupt(0));
}

TEST_F(SoftEvents, EveryCauseWakesAWaiter) {
  namespace cause = regs::interrupt_status;
  struct {
    regs::field bit;
    std::function<void()> raise;
  } const causes[] = {
      {cause::error, [&] { release({5}); }},
      {cause::command_done, [&] { command(regs::command::govern); }},
      {cause::depletion, [&] { threshold(1000, 1000); }},
  };
  for (const auto& c : causes) {
    card_.write(off::interrupt_status, ~0u);
    card_.write(off::interrupt_enable, static_cast<std::uint32_t>(c.bit.mask()));
    std::atomic<int> woken = 0;
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 2; ++i) {
      waiters.emplace_back([&] { woken += card_.wait_interrupt(60'000'000'000); });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // mostly they wait by now
    EXPECT_EQ(woken, 0);
    c.raise();
    waiters.clear();  // joins; a lost wake-up would take a minute
    EXPECT_EQ(woken, 2);
  }
}

}  // namespace
}  // namespace exalloc
