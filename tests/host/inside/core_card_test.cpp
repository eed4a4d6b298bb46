// The soft card on a core of its own: what its helper thread must do, and when it must not run.
#include "card/core_card.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "../../sim/raw_portal.hpp"

namespace exalloc {
namespace {

namespace cpl = regs::completion_header;
using namespace std::chrono_literals;
using regs::opcode;
using test::make_line;

constexpr unsigned domain = 1, list = 5, slabs = 16, blocks = slabs * 64;

// In real time, without a call to the card.
bool within_seconds(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(50us);
  }
  return true;
}

class core_card : public ::testing::Test {
 protected:
  void SetUp() override {
    test::wait_ready(card_);
    test::command(card_, regs::command::open, list, domain);
    test::command(card_, regs::command::link, list, domain, 1, slabs);
  }
  std::uint32_t in_use() {
    return card_.read(test::list_register(list, regs::offset::list_in_use));
  }
  soft::core_card card_;
};

TEST_F(core_card, the_helper_answers_a_sender_that_does_nothing) {
  test::raw_portal p(card_, 3, 4, domain);
  const std::uint64_t before = card_.helped();
  for (int i = 0; i < 20; ++i) {
    p.push(make_line(opcode::grant, list, 8));
    p.doorbell();
    line answer;
    ASSERT_TRUE(within_seconds([&] { return p.poll(answer); }));
    EXPECT_EQ(cpl::count.get(answer.header), 8u);
  }
  EXPECT_EQ(in_use(), 160u);
  EXPECT_EQ(card_.helped(), before + 20);
}

TEST_F(core_card, an_idle_helper_sleeps_and_wakes) {
  test::raw_portal p(card_, 0, 4, domain);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(within_seconds([&] { return card_.asleep(); }));
    p.push(make_line(opcode::grant, list, 1));
    p.doorbell();
    line answer;
    ASSERT_TRUE(within_seconds([&] { return p.poll(answer); }));
  }
}

TEST_F(core_card, an_idle_helper_uses_no_processor_time) {
  ASSERT_TRUE(within_seconds([&] { return card_.asleep(); }));
  const auto used = [] {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
  };
  const auto before = used();
  std::this_thread::sleep_for(200ms);
  EXPECT_LT(used() - before, 50'000'000);
}

TEST_F(core_card, a_register_read_sees_what_was_rung_for_before) {
  test::raw_portal p(card_, 1, 4, domain);
  for (unsigned i = 1; i <= 200; ++i) {
    p.push(make_line(opcode::grant, list, 1));
    p.doorbell();
    ASSERT_EQ(in_use(), i);
    line answer;
    ASSERT_TRUE(p.poll(answer)) << i;
  }
}

TEST_F(core_card, every_line_of_every_portal_is_executed_once) {
  constexpr unsigned threads = 4, rounds = 400;
  std::vector<std::thread> senders;
  for (unsigned t = 0; t < threads; ++t) {
    senders.emplace_back([this, t] {
      test::raw_portal p(card_, 10 + t, 6, domain);
      for (unsigned i = 0; i < rounds; ++i) {
        // A doorbell each, so that some overtake others in the mailbox.
        for (unsigned n = 1; n <= 3; ++n) {
          p.push(make_line(opcode::grant, list, n));
          p.doorbell();
        }
        std::vector<std::uint32_t> tokens;
        for (unsigned answers = 0; answers < 3; ++answers) {
          const line answer = p.wait();
          tokens.insert(tokens.end(), answer.tokens.begin(),
                        answer.tokens.begin() + cpl::count.get(answer.header));
        }
        ASSERT_EQ(tokens.size(), 6u);
        line back = make_line(opcode::release, list, 6, true);
        std::copy(tokens.begin(), tokens.end(), back.tokens.begin());
        p.push(back);
        p.doorbell();
        ASSERT_EQ(cpl::status.get(p.wait().header), 0u);
      }
    });
  }
  for (std::thread& t : senders) t.join();
  EXPECT_EQ(in_use(), 0u);
  EXPECT_EQ(card_.read(test::counter_register(regs::counter::blocks_granted)),
            threads * rounds * 6);
  EXPECT_EQ(card_.read(test::counter_register(regs::counter::refusals)), 0u);
}

TEST(core_card_life, can_be_made_and_destroyed_awake_or_asleep) {
  for (int i = 0; i < 20; ++i) {
    soft::core_card card;
    if (i % 2 != 0) {
      ASSERT_TRUE(within_seconds([&] { return card.asleep(); }));
    }
  }
}

}  // namespace
}  // namespace exalloc
