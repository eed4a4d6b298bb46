// Lookaside lists of the soft card: every rule of docs/protocol.md once, by hand, and random lines
// against a model that knows only the rules.
#include "card/soft_lookaside.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "../../environment.hpp"
#include "../../sim/raw_portal.hpp"
#include "card/soft_card.hpp"

namespace exalloc {
namespace {

namespace sub = regs::submission_header;
namespace cpl = regs::completion_header;
namespace off = regs::offset;
using regs::counter;
using regs::opcode;
using regs::status;
using test::call_deltas;
using test::make_pop;
using test::make_push;
using test::make_share;

constexpr unsigned domain = 3;

class SoftLookaside : public ::testing::Test {
 protected:
  // The answer of a line that is answered by one line.
  line one(const line& l) {
    portal_.push(l);
    portal_.doorbell();
    const line out = portal_.wait();
    EXPECT_EQ(cpl::last.get(out.header), 1u);
    return out;
  }
  status result(const line& l) { return static_cast<status>(cpl::status.get(l.header)); }
  unsigned count(const line& l) { return static_cast<unsigned>(cpl::count.get(l.header)); }
  std::uint64_t state(const line& l) { return soft::word(l, soft::second_word); }
  static std::uint64_t state(unsigned depth, unsigned held, unsigned reserved,
                             unsigned granted = 0) {
    namespace s = regs::lookaside_state;
    return s::granted.set(s::reserved.set(s::held.set(s::depth.set(0, depth), held), reserved),
                          granted);
  }
  void open(unsigned list, unsigned depth, unsigned minimum, unsigned maximum) {
    ASSERT_EQ(test::status_of(test::lookaside_open(card_, list, domain, depth, minimum, maximum)),
              status::ok);
  }
  status command(regs::command what, unsigned list = 0) {
    return test::status_of(test::command(card_, what, list));
  }
  std::uint32_t window(unsigned list, std::uint32_t which) {
    return card_.read(test::lookaside_register(list, which));
  }
  unsigned depth(unsigned list) {
    return static_cast<unsigned>(
        regs::lookaside_depths::depth.get(window(list, off::lookaside_depths)));
  }
  std::uint32_t counted(counter c) { return card_.read(test::counter_register(c)); }
  void fill(unsigned list, unsigned entries) {
    for (unsigned i = 0; i < entries; ++i) one(make_push(list, {0x1000 + i}));
  }

  soft::soft_card card_;
  test::raw_portal portal_{card_, 2, 6, domain};
};

TEST_F(SoftLookaside, TheSizesAreInTheEnginesRegister) {
  const std::uint32_t w = card_.read(off::engines);
  EXPECT_EQ(regs::engines::lookaside_lists.get(w), 64u);
  EXPECT_EQ(regs::engines::lookaside_depth.get(w), 256u);
  EXPECT_EQ(regs::engines::stream_ports.get(w), 4u);
}

TEST_F(SoftLookaside, TheEntryPushedLastIsPoppedFirst) {
  open(5, 10, 4, 256);
  const std::uint64_t big = 0xFEDC'BA98'7654'3210;
  line a = one(make_push(5, {1, 2, big}));
  EXPECT_EQ(result(a), status::ok);
  EXPECT_EQ(count(a), 0u);
  EXPECT_EQ(state(a), state(10, 3, 0));
  a = one(make_pop(5, 2));
  EXPECT_EQ(result(a), status::ok);
  ASSERT_EQ(count(a), 2u);
  EXPECT_EQ(soft::word(a, 2), big);
  EXPECT_EQ(soft::word(a, 3), 2u);
  EXPECT_EQ(soft::word(a, 4), 0u);
  EXPECT_EQ(state(a), state(10, 1, 0));
  a = one(make_pop(5, 2));
  EXPECT_EQ(result(a), status::empty);
  ASSERT_EQ(count(a), 1u);
  EXPECT_EQ(soft::word(a, 2), 1u);
  EXPECT_EQ(counted(counter::entries_pushed), 3u);
  EXPECT_EQ(counted(counter::entries_popped), 3u);
  EXPECT_EQ(counted(counter::lookaside_lines), 3u);
  EXPECT_EQ(counted(counter::refusals), 0u);
}

TEST_F(SoftLookaside, ManyEntriesComeInLinesOfSix) {
  open(0, 256, 4, 256);
  for (std::uint64_t i = 0; i < 13; ++i) one(make_push(0, {i}));
  portal_.push(make_pop(0, 48));
  portal_.doorbell();
  std::uint64_t next = 13;
  for (unsigned expected : {6u, 6u, 1u}) {
    const line l = portal_.wait();
    const bool last = expected == 1;
    EXPECT_EQ(cpl::last.get(l.header), last);
    EXPECT_EQ(result(l), last ? status::empty : status::ok);
    EXPECT_EQ(state(l), last ? state(256, 0, 0) : 0u);
    ASSERT_EQ(count(l), expected);
    for (unsigned i = 0; i < expected; ++i) EXPECT_EQ(soft::word(l, 2 + i), --next);
  }
}

TEST_F(SoftLookaside, AFullListGivesBackWhatItHasNoRoomFor) {
  open(1, 4, 4, 256);
  line a = one(make_push(1, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(result(a), status::full);
  ASSERT_EQ(count(a), 2u);
  EXPECT_EQ(soft::word(a, 2), 5u);
  EXPECT_EQ(soft::word(a, 3), 6u);
  EXPECT_EQ(state(a), state(4, 4, 0));
  EXPECT_EQ(counted(counter::entries_pushed), 4u);
  a = one(make_push(1, {}));
  EXPECT_EQ(result(a), status::ok);
  EXPECT_EQ(counted(counter::refusals), 0u);
  one(make_pop(1, 3));
  one(make_push(1, {7}));
  namespace h = regs::lookaside_held;
  const std::uint32_t held = window(1, off::lookaside_held);
  EXPECT_EQ(h::high_water.get(held), 4u);
  EXPECT_EQ(h::held.get(held), 2u);
}

TEST_F(SoftLookaside, OneMissIsCountedForACallThatGotNothing) {
  open(1, 1, 1, 256);
  one(make_pop(1, 3, true));
  one(make_pop(1, 3, false));
  EXPECT_EQ(window(1, off::lookaside_allocate_misses), 1u);
  one(make_push(1, {7}, true));
  EXPECT_EQ(window(1, off::lookaside_free_misses), 0u);
  one(make_push(1, {8, 9}, true));
  one(make_push(1, {8, 9}, false));
  one(make_push(1, {}, true));
  EXPECT_EQ(window(1, off::lookaside_free_misses), 1u);
  one(make_pop(1, 3, true));  // got one of three
  EXPECT_EQ(window(1, off::lookaside_allocate_misses), 1u);
}

TEST_F(SoftLookaside, TheHostsCountsAreAdded) {
  open(63, 4, 4, 256);
  one(make_pop(63, 1, true, {0xFFFF, 2, 3, 4}));
  one(make_push(63, {}, false, {1, 20, 30, 40}));
  one(make_share(63, 0, 0, {1, 200, 300, 400}));
  EXPECT_EQ(window(63, off::lookaside_allocates), 0x10001u);
  EXPECT_EQ(window(63, off::lookaside_allocate_misses), 223u);  // one of the call
  EXPECT_EQ(window(63, off::lookaside_frees), 333u);
  EXPECT_EQ(window(63, off::lookaside_free_misses), 444u);
}

TEST_F(SoftLookaside, SharesTakeRoomFromTheStack) {
  open(2, 8, 4, 256);
  fill(2, 3);
  line a = one(make_share(2, 100, 0));
  EXPECT_EQ(result(a), status::ok);
  EXPECT_EQ(count(a), 0u);
  EXPECT_EQ(state(a), state(8, 3, 5, 5));
  EXPECT_EQ(result(one(make_push(2, {1}))), status::full);
  a = one(make_share(2, 1, 3));  // gives back first
  EXPECT_EQ(state(a), state(8, 3, 3, 1));
  EXPECT_EQ(result(one(make_push(2, {1, 2}))), status::ok);
  EXPECT_EQ(result(one(make_push(2, {1}))), status::full);
  EXPECT_EQ(state(one(make_share(2, 5, 0))), state(8, 5, 3, 0));
}

TEST_F(SoftLookaside, APushGivesSharesBackBeforeItsEntries) {
  open(2, 8, 4, 256);
  fill(2, 3);
  one(make_share(2, 5, 0));
  EXPECT_EQ(result(one(make_push(2, {1}))), status::full);
  line a = one(make_push(2, {1, 2}, false, {1, 2, 3, 4}, 2));
  EXPECT_EQ(result(a), status::ok);
  EXPECT_EQ(count(a), 0u);
  EXPECT_EQ(state(a), state(8, 5, 3));
  a = one(make_push(2, {3, 4}, true, {}, 1));
  EXPECT_EQ(result(a), status::full);
  ASSERT_EQ(count(a), 1u);
  EXPECT_EQ(soft::word(a, soft::first_entry), 4u);
  EXPECT_EQ(state(a), state(8, 6, 2));
  EXPECT_EQ(state(one(make_push(2, {}, false, {}, 2))), state(8, 6, 0));  // no entries at all
  EXPECT_EQ(state(one(make_push(2, {5, 6}))), state(8, 8, 0));
  EXPECT_EQ(window(2, off::lookaside_frees), 3u);
  EXPECT_EQ(window(2, off::lookaside_free_misses), 4u);
  EXPECT_EQ(counted(counter::entries_pushed), 8u);
  EXPECT_EQ(counted(counter::refusals), 0u);
}

TEST_F(SoftLookaside, ARefusedLineChangesNothing) {
  open(2, 8, 4, 256);
  fill(2, 1);
  one(make_share(2, 2, 0));
  const std::uint32_t lines = counted(counter::lookaside_lines);

  test::raw_portal stranger(card_, 9, 4, domain + 1);
  const auto refused = [&](test::raw_portal& p, line l, status why) {
    const auto errors = counted(counter::refusals);
    l.header = sub::cookie.set(l.header, 0x77);
    p.push(l);
    p.doorbell();
    const line a = p.wait();
    EXPECT_EQ(result(a), why);
    EXPECT_EQ(count(a), 0u);
    EXPECT_EQ(state(a), 0u);
    EXPECT_EQ(cpl::last.get(a.header), 1u);
    EXPECT_EQ(cpl::cookie.get(a.header), 0x77u);
    EXPECT_EQ(counted(counter::refusals), errors + 1);
    const std::uint32_t info = card_.read(off::error_info);
    EXPECT_EQ(regs::error_info::opcode.get(info), sub::opcode.get(l.header));
    EXPECT_EQ(regs::error_info::list.get(info), sub::list.get(l.header));
    EXPECT_EQ(regs::error_info::status.get(info), static_cast<unsigned>(why));
    EXPECT_EQ(card_.read(off::error_token), 0u);
    card_.write(off::error_pop, 1);
  };
  const call_deltas d{5, 5, 5, 5};
  for (const line& l : {make_pop(2, 1, true, d), make_push(2, {1}, true, d),
                        make_push(2, {}, false, d), make_share(2, 1, 1, d)}) {
    refused(stranger, l, status::domain);
  }
  refused(portal_, make_share(2, 1, 3, d), status::range);
  refused(portal_, make_push(2, {1, 2}, true, d, 3), status::range);
  refused(portal_, make_push(2, {}, false, d, 0xFFFF), status::range);
  refused(stranger, make_push(2, {1}, true, d, 3), status::domain);  // that comes first
  refused(portal_, make_push(3, {1}, true, d, 3), status::bad_list);
  refused(portal_, make_pop(3, 1, true, d), status::bad_list);   // closed
  refused(portal_, make_pop(64, 1, true, d), status::bad_list);  // not there
  refused(portal_, make_pop(2, 0, true, d), status::bad_count);
  refused(portal_, make_pop(2, 49, true, d), status::bad_count);
  line l = make_push(2, {1, 2, 3, 4, 5, 6}, true, d);
  l.header = sub::count.set(l.header, 7);
  refused(portal_, l, status::bad_count);
  l = make_share(2, 1, 0, d);
  l.header = sub::count.set(l.header, 1);
  refused(portal_, l, status::bad_count);
  l = make_share(2, 1, 0, d);
  l.header = sub::call.set(l.header, 1);
  refused(portal_, l, status::bad_opcode);
  for (const line& other :
       {make_pop(2, 1, true, d), make_share(2, 0, 0, d), test::make_line(opcode::sync, 0, 0)}) {
    l = other;
    l.header = sub::give.set(l.header, 1);
    refused(portal_, l, status::bad_opcode);
  }
  l = test::make_line(opcode::stream, 7, 0);  // of error records only
  refused(portal_, l, status::bad_opcode);

  EXPECT_EQ(window(2, off::lookaside_allocates), 0u);
  EXPECT_EQ(window(2, off::lookaside_allocate_misses), 0u);
  EXPECT_EQ(window(2, off::lookaside_frees), 0u);
  EXPECT_EQ(window(2, off::lookaside_free_misses), 0u);
  EXPECT_EQ(counted(counter::lookaside_lines), lines);
  EXPECT_EQ(state(one(make_push(2, {}))), state(8, 1, 2));
  // These are lookaside lists: nothing is on the account of the slab engine's lists.
  for (unsigned list : {2u, 3u, 64u}) {
    EXPECT_EQ(card_.read(test::list_register(list, off::list_refusals)), 0u);
  }
}

TEST_F(SoftLookaside, TheAckBitIsIgnored) {
  open(2, 8, 4, 256);
  for (line l : {make_pop(2, 1), make_push(2, {1}), make_share(2, 1, 0)}) {
    l.header = sub::ack.set(l.header, 1);
    EXPECT_NE(result(one(l)), status::bad_opcode);
  }
}

TEST_F(SoftLookaside, OpenChecksListThenDepthsThenState) {
  const auto open_it = [&](unsigned list, unsigned d, unsigned low, unsigned high) {
    return test::status_of(test::lookaside_open(card_, list, domain, d, low, high));
  };
  EXPECT_EQ(open_it(64, 9, 8, 7), status::bad_list);
  EXPECT_EQ(open_it(4, 3, 4, 256), status::range);
  EXPECT_EQ(open_it(4, 8, 4, 7), status::range);
  EXPECT_EQ(open_it(4, 8, 4, 257), status::range);
  EXPECT_EQ(window(4, off::lookaside_depths), 0u);
  EXPECT_EQ(command(regs::command::lookaside_close, 4), status::bad_list);
  EXPECT_EQ(open_it(4, 4, 4, 256), status::ok);
  EXPECT_EQ(window(4, off::lookaside_depths), 1u << 31 | 256u << 20 | 4u << 10 | 4u);
  EXPECT_EQ(open_it(4, 8, 4, 257), status::range);
  EXPECT_EQ(open_it(4, 8, 8, 8), status::bad_list);
  EXPECT_EQ(depth(4), 4u);
  EXPECT_EQ(counted(counter::refusals), 0u);
  EXPECT_EQ(open_it(5, 0, 0, 0), status::ok);
}

TEST_F(SoftLookaside, AClosedListForgetsEverything) {
  open(4, 8, 4, 256);
  one(make_push(4, {1, 2}, false, {1, 1, 1, 1}));
  one(make_share(4, 3, 0));
  EXPECT_EQ(command(regs::command::lookaside_close, 4), status::ok);
  for (std::uint32_t at = 0; at <= off::lookaside_free_misses; at += 4)
    EXPECT_EQ(window(4, at), 0u);
  open(4, 8, 4, 256);
  EXPECT_EQ(state(one(make_pop(4, 1))), state(8, 0, 0));
  EXPECT_EQ(window(4, off::lookaside_allocates), 0u);
}

// The governor

TEST_F(SoftLookaside, AnIdleListShrinksTowardsItsMinimum) {
  open(0, 256, 4, 256);
  unsigned passes = 0;
  for (unsigned expected : {130u, 67u, 35u, 19u, 11u, 7u, 5u, 4u, 4u}) {
    one(make_push(0, {}, false, {15, 15, 0, 0}));
    EXPECT_EQ(command(regs::command::govern, 1023), status::ok);
    EXPECT_EQ(depth(0), expected);
    ++passes;
  }
  EXPECT_EQ(counted(counter::governor_passes), passes);
}

TEST_F(SoftLookaside, ABusyListThatMissesGrowsTowardsItsMaximum) {
  open(0, 0, 0, 200);
  for (unsigned expected : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 200u, 200u}) {
    one(make_push(0, {}, false, {320, 11, 0, 0}));
    command(regs::command::govern);
    EXPECT_EQ(depth(0), expected);
  }
}

TEST_F(SoftLookaside, ABusyListThatRarelyMissesStays) {
  open(0, 10, 4, 200);
  one(make_push(0, {}, false, {320, 10, 0, 0}));  // 32 x 10 is not above 320
  command(regs::command::govern);
  EXPECT_EQ(depth(0), 10u);
  one(make_push(0, {}, false, {16, 0, 0, 0}));
  command(regs::command::govern);
  EXPECT_EQ(depth(0), 10u);
  one(make_push(0, {}, false, {16, 1, 0, 0}));
  command(regs::command::govern);
  EXPECT_EQ(depth(0), 20u);
  one(make_pop(0, 1, true, {16, 0, 0, 0}));  // the miss the card counts
  command(regs::command::govern);
  EXPECT_EQ(depth(0), 40u);
}

TEST_F(SoftLookaside, EntriesAndSharesStayWhenTheDepthShrinks) {
  open(0, 16, 4, 256);
  fill(0, 8);
  one(make_share(0, 6, 0));
  command(regs::command::govern);
  EXPECT_EQ(depth(0), 10u);
  EXPECT_EQ(state(one(make_push(0, {1}))), state(10, 8, 6));
  EXPECT_EQ(state(one(make_share(0, 3, 2))), state(10, 8, 4, 0));
  one(make_pop(0, 3));
  EXPECT_EQ(state(one(make_push(0, {1, 2}))), state(10, 6, 4));
}

TEST_F(SoftLookaside, PassesComeWithSimulatedTime) {
  open(0, 256, 0, 256);
  card_.advance_to(1000);
  card_.write(off::governor_period, 300);  // 1,000 ns
  EXPECT_EQ(card_.read(off::governor_period), 300u);
  card_.advance_to(1999);
  EXPECT_EQ(depth(0), 256u);
  card_.advance_to(2000);
  EXPECT_EQ(depth(0), 128u);
  EXPECT_EQ(depth(0), 128u);
  card_.advance_to(4100);  // two more, and a rest of 100 ns
  EXPECT_EQ(depth(0), 32u);
  card_.advance_to(4999);
  EXPECT_EQ(depth(0), 32u);
  card_.advance_to(5000);
  EXPECT_EQ(state(one(make_pop(0, 1))), state(16, 0, 0));
  EXPECT_EQ(counted(counter::governor_passes), 4u);
  card_.advance_to(1'000'000);  // no more than 15 are made up for
  EXPECT_EQ(counted(counter::governor_passes), 19u);
  card_.advance_to(1'000'999);
  card_.write(off::governor_period, 300);  // a new period, though the old one was nearly over
  card_.advance_to(1'001'990);
  EXPECT_EQ(counted(counter::governor_passes), 19u);
  card_.write(off::governor_period, 0);
  card_.advance_to(2'000'000);
  EXPECT_EQ(counted(counter::governor_passes), 19u);
}

TEST_F(SoftLookaside, PassesComeWithRealTimeUntilSomebodyAdvancesIt) {
  card_.write(off::governor_period, 300'000);  // 1 ms
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const std::uint32_t passes = counted(counter::governor_passes);
  EXPECT_GE(passes, 1u);
  EXPECT_LE(passes, 15u);
  card_.advance_to(0);  // from now on time stands still, and the period begins at 0
  card_.advance_to(999'000);
  const std::uint32_t then = counted(counter::governor_passes);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(counted(counter::governor_passes), then);
  card_.advance_to(1'000'000);
  EXPECT_EQ(counted(counter::governor_passes), then + 1);
}

TEST_F(SoftLookaside, ResetForgetsListsCountersAndPeriod) {
  open(0, 256, 0, 256);
  card_.write(off::governor_period, 300);
  card_.write(off::control, 1);
  EXPECT_EQ(card_.read(off::governor_period), 0u);
  EXPECT_EQ(card_.read(off::command_depth), 0u);
  EXPECT_EQ(window(0, off::lookaside_depths), 0u);
}

TEST_F(SoftLookaside, WindowsHaveTheRegistersOfTheMapOnly) {
  EXPECT_THROW(window(0, 0x18), std::runtime_error);
  EXPECT_THROW(card_.write(test::lookaside_register(0, 0), 1), std::runtime_error);
  EXPECT_THROW(card_.read(0x4800), std::runtime_error);
}

// Random lines on a few lists, with the rules written down a second time: entries as a plain
// vector, the invariant after every line.
TEST(SoftLookasideEngine, RandomLinesFollowTheRules) {
  const auto seed = static_cast<unsigned>(test::seed(20261123));
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  soft::event_counters counters;
  soft::lookaside_engine engine(4, 32, counters);
  std::vector<std::vector<std::uint64_t>> stacks(4);
  for (unsigned i = 0; i < 4; ++i) {
    ASSERT_EQ(engine.open(i, domain, {8, 2, 32}), status::ok);
  }
  std::uint64_t next = 1;
  for (int round = 0; round < 100'000; ++round) {
    const unsigned list = below(4);
    const auto& l = engine.of(list);
    auto& stack = stacks[list];
    const unsigned depth = l.depths.depth, reserved = l.reserved;
    const unsigned used = static_cast<unsigned>(stack.size()) + reserved;
    soft::line_result out;
    switch (below(8)) {
      case 0: {
        const unsigned take = below(10), give = below(6);
        engine.execute(make_share(list, take, give), domain, out);
        if (give > reserved) {
          ASSERT_EQ(out.errors.size(), 1u);
          ASSERT_EQ(l.reserved, reserved);
        } else {
          const int room = static_cast<int>(depth) - static_cast<int>(used - give);
          const int granted = std::min<int>(static_cast<int>(take), std::max(0, room));
          ASSERT_EQ(l.reserved, reserved - give + static_cast<unsigned>(granted));
        }
        break;
      }
      case 1:
      case 2:
      case 3: {
        const unsigned n = 1 + below(12);
        engine.execute(make_pop(list, n, false, {below(10), below(2), 0, 0}), domain, out);
        unsigned got = 0;
        for (const line& a : out.lines) {
          for (unsigned i = 0; i < cpl::count.get(a.header); ++i, ++got) {
            ASSERT_FALSE(stack.empty());
            ASSERT_EQ(soft::word(a, 2 + i), stack.back());
            stack.pop_back();
          }
        }
        ASSERT_TRUE(got == n || stack.empty());
        break;
      }
      case 4:
        if (below(20) == 0) engine.govern();
        break;
      default: {
        std::vector<std::uint64_t> entries(below(7));
        for (auto& e : entries) e = next++;
        const unsigned give = below(2) * below(4);
        engine.execute(make_push(list, entries, false, {}, give), domain, out);
        const auto refused = static_cast<std::size_t>(cpl::count.get(out.lines[0].header));
        if (give > reserved) {
          ASSERT_EQ(out.errors.size(), 1u);
          ASSERT_EQ(refused, 0u);
          ASSERT_EQ(l.reserved, reserved);
          break;
        }
        ASSERT_EQ(l.reserved, reserved - give);
        const std::size_t room = used - give < depth ? depth - (used - give) : 0;
        ASSERT_EQ(refused, entries.size() - std::min(entries.size(), room));
        stack.insert(stack.end(), entries.begin(), entries.end() - static_cast<long>(refused));
      }
    }
    ASSERT_EQ(l.held(), stack.size());
    ASSERT_LE(l.held() + l.reserved, std::max(used, l.depths.depth));
  }
}

}  // namespace
}  // namespace exalloc
