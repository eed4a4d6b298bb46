// The Verilated card against the soft card, its specification: the same lines, the same answers,
// bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "../environment.hpp"
#include "card/soft_card.hpp"
#include "raw_portal.hpp"
#include "sim_card.hpp"

namespace exalloc {
namespace {

namespace sub = regs::submission_header;
namespace cpl = regs::completion_header;
using regs::counter;
using regs::opcode;
using test::make_line;
using test::raw_portal;

constexpr unsigned ring_log2 = 6;

unsigned test_seed() { return static_cast<unsigned>(test::seed(20261123)); }

std::string text(const line& l) {
  const auto n = cpl::count.get(l.header);
  return fmt::format("opcode {} status {} last {} list {} head {} count {} tokens {:x}",
                     cpl::opcode.get(l.header),
                     regs::to_string(static_cast<regs::status>(cpl::status.get(l.header))),
                     cpl::last.get(l.header), cpl::list.get(l.header), cpl::head.get(l.header), n,
                     fmt::join(l.tokens, " "));
}

// Both cards with one portal each, given the same stimulus.
class CardCompare : public ::testing::Test {
 protected:
  CardCompare() {
    test::wait_ready(rtl_card_);
    soft_ = std::make_unique<raw_portal>(soft_card_, portal_, ring_log2, domain_);
    rtl_ = std::make_unique<raw_portal>(rtl_card_, portal_, ring_log2, domain_);
  }

  void command(regs::command what, unsigned list, unsigned domain = 0, std::uint32_t slab = 0,
               std::uint32_t count = 0, unsigned limit = 63) {
    const auto expected = test::command(soft_card_, what, list, domain, slab, count, limit);
    const auto found = test::command(rtl_card_, what, list, domain, slab, count, limit);
    ASSERT_EQ(expected, found) << "command " << regs::to_string(what) << " list " << list
                               << " slab " << slab << " count " << count;
  }

  void command_lookaside_open(unsigned list, unsigned domain, unsigned depth, unsigned minimum,
                              unsigned maximum) {
    ASSERT_EQ(test::lookaside_open(soft_card_, list, domain, depth, minimum, maximum),
              test::lookaside_open(rtl_card_, list, domain, depth, minimum, maximum))
        << "lookaside list " << list << " depth " << depth << " from " << minimum << " to "
        << maximum;
  }

  void compare(std::uint32_t at, const std::string& what) {
    ASSERT_EQ(soft_card_.read(at), rtl_card_.read(at)) << what;
  }
  void write_both(std::uint32_t at, std::uint32_t value) {
    soft_card_.write(at, value);
    rtl_card_.write(at, value);
  }

  // What the card says of its lists while nothing is under way.
  void compare_lists(unsigned from, unsigned to) {
    for (unsigned list = from; list < to && !HasFailure(); ++list) {
      for (std::uint32_t which = 0; which <= regs::offset::depletion_high; which += 4) {
        compare(test::list_register(list, which), fmt::format("list {} at {:#x}", list, which));
      }
    }
    for (unsigned w = 0; w < regs::offset::depleted_count && !HasFailure(); ++w) {
      compare(regs::offset::depleted_base + w * regs::offset::depleted_stride,
              fmt::format("depleted word {}", w));
    }
    compare(regs::offset::interrupt_status, "interrupt_status");
    EXPECT_EQ(soft_card_.wait_interrupt(0), rtl_card_.wait_interrupt(0));
  }
  void compare_lookasides(unsigned from, unsigned to) {
    for (unsigned list = from; list < to && !HasFailure(); ++list) {
      for (std::uint32_t which = 0; which <= regs::offset::lookaside_free_misses; which += 4) {
        compare(test::lookaside_register(list, which),
                fmt::format("lookaside list {} at {:#x}", list, which));
      }
    }
  }

  // Sends the lines to both cards, then a SYNC; returns the answers, which must be equal.
  std::vector<line> exchange(const std::vector<line>& lines, const std::vector<bool>& flips = {}) {
    std::vector<line> out;
    for (raw_portal* p : {soft_.get(), rtl_.get()}) {
      for (std::size_t i = 0; i < lines.size(); ++i) p->push(lines[i], !flips.empty() && flips[i]);
      p->push(make_line(opcode::sync, 0, 0, false, 0xABCD));
      p->doorbell();
    }
    for (;;) {
      const line expected = soft_->wait();
      const line found = rtl_->wait();
      EXPECT_EQ(expected.header, found.header) << text(expected) << "\nRTL: " << text(found);
      EXPECT_EQ(expected.tokens, found.tokens) << text(expected) << "\nRTL: " << text(found);
      if (HasFailure()) return out;
      if (cpl::cookie.get(expected.header) == 0xABCD) return out;
      out.push_back(expected);
    }
  }

  void compare_errors() {
    for (int i = 0; i < 20; ++i) {
      const auto expected = soft_card_.read(regs::offset::error_info);
      const auto found = rtl_card_.read(regs::offset::error_info);
      ASSERT_EQ(expected, found) << "error " << i;
      ASSERT_EQ(soft_card_.read(regs::offset::error_lost),
                rtl_card_.read(regs::offset::error_lost));
      if (!regs::error_info::valid.get(expected)) return;
      ASSERT_EQ(soft_card_.read(regs::offset::error_token),
                rtl_card_.read(regs::offset::error_token));
      soft_card_.write(regs::offset::error_pop, 1);
      rtl_card_.write(regs::offset::error_pop, 1);
    }
  }

  void compare_counters() {
    // A counter is some cycles behind the line that it counts.
    rtl_card_.advance_to(rtl_card_.now_ns() + 100);
    for (unsigned i = 0; i <= static_cast<unsigned>(counter::depletions); ++i) {
      const auto which = static_cast<counter>(i);
      if (which == counter::cycles || which == counter::engine_replays) continue;
      const std::uint32_t at = regs::offset::counters_base + i * regs::offset::counters_stride;
      EXPECT_EQ(soft_card_.read(at), rtl_card_.read(at)) << "counter " << regs::to_string(which);
    }
  }

  static constexpr unsigned portal_ = 5, domain_ = 3;
  soft::soft_card soft_card_;
  sim::sim_card rtl_card_{sim::link_preset("zero")};
  std::unique_ptr<raw_portal> soft_, rtl_;
};

TEST_F(CardCompare, EveryReadableRegisterAfterReset) {
  for (std::uint32_t at :
       {regs::offset::id, regs::offset::version, regs::offset::layout_hash, regs::offset::slabs,
        regs::offset::lists, regs::offset::clock, regs::offset::engines,
        regs::offset::interrupt_status, regs::offset::interrupt_enable, regs::offset::command_depth,
        regs::offset::governor_period, regs::offset::error_info}) {
    EXPECT_EQ(soft_card_.read(at), rtl_card_.read(at)) << at;
  }
  // All but the number of workers, of which the soft card needs only one.
  EXPECT_EQ(soft_card_.read(regs::offset::geometry) << 8, rtl_card_.read(regs::offset::geometry)
                                                              << 8);
}

TEST_F(CardCompare, EveryWindowAfterReset) {
  compare_lists(0, 256);
  compare_lookasides(0, 64);
  for (unsigned port = 0; port < regs::max_stream_ports; ++port) {
    for (std::uint32_t which = 0; which <= regs::offset::stream_refused; which += 4) {
      compare(test::stream_register(port, which), fmt::format("stream {} at {:#x}", port, which));
    }
  }
}

TEST_F(CardCompare, RegistersKeepWhatIsWrittenAndAnswerWithTheSameErrors) {
  // What has no side effects: depths, thresholds of any window.
  for (std::uint32_t at :
       {regs::offset::command_list, regs::offset::command_limit, regs::offset::command_depth,
        regs::offset::interrupt_enable, test::list_register(3, regs::offset::depletion_high),
        test::list_register(254, regs::offset::depletion_high),
        test::list_register(255, regs::offset::depletion_high)}) {
    for (std::uint32_t value : {0xFFFFFFFFu, 0xA5A5A5A5u, 0u}) {
      write_both(at, value);
      compare(at, fmt::format("register {:#x} after {:#x}", at, value));
    }
  }
  const auto throws = [](card& c, std::uint32_t at) {
    try {
      c.read(at);
    } catch (const std::runtime_error&) {
      return true;
    }
    return false;
  };
  for (std::uint32_t at :
       {0x60u, 0x3FCu, regs::offset::depleted_base + 4, regs::offset::depleted_base + 0x40,
        test::list_register(0, 0x1C), test::lookaside_register(0, 0x18),
        test::lookaside_register(63, 0x1C), test::stream_register(0, 0x14), 0x4800u, 0x5200u}) {
    EXPECT_EQ(throws(soft_card_, at), throws(rtl_card_, at)) << at;
  }
}

TEST_F(CardCompare, GrantsFollowTheOrder) {
  command(regs::command::open, 7, domain_);
  command(regs::command::link, 7, 0, 1, 40, 20);
  for (unsigned count : {1u, 14u, 15u, 16u, 28u, 112u, 5u, 112u, 112u}) {
    const auto answers = exchange({make_line(opcode::grant, 7, count)});
    ASSERT_FALSE(HasFailure());
    ASSERT_EQ(answers.size(), (count + 13) / 14);
  }
  compare_counters();
}

TEST_F(CardCompare, AMillionBlocksAreReadyInTime) {
  command(regs::command::open, 1, domain_);
  const std::uint64_t before = rtl_card_.now_ns();
  command(regs::command::link, 1, 0, 1, 16384, 63);
  const double cycles = static_cast<double>(rtl_card_.now_ns() - before) * 0.3;
  std::cout << fmt::format("16,384 slabs linked in {:.0f} cycles, from command to result\n",
                           cycles);
  EXPECT_LE(cycles, 20'000);
}

TEST_F(CardCompare, RandomLinesAndCommands) {
  constexpr unsigned lists = 6;
  const unsigned seed = test_seed();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  std::vector<std::uint32_t> held;
  command_lookaside_open(0, domain_, 8, 4, 64);
  for (unsigned list = 0; list < lists; ++list) {
    // The last list is another domain's.
    command(regs::command::open, list, list == lists - 1 ? domain_ + 1 : domain_);
    command(regs::command::link, list, 0, 1 + list * 100, 5 + list * 3, below(64));
  }
  for (int round = 0; round < 4000 && !HasFailure(); ++round) {
    std::vector<line> lines;
    std::vector<bool> flips;
    for (unsigned n = 1 + below(6); n > 0; --n) {
      const unsigned list = below(20) == 0 ? below(1024) : below(lists);
      line l;
      switch (below(12)) {
        case 0:
          l = make_line(opcode::recall, list, 0);
          break;
        case 1:  // garbage
          l.header = (std::uint64_t{random()} << 32 | random());
          l.header = sub::cookie.set(l.header, 1);
          for (auto& t : l.tokens) t = random();
          break;
        case 2:  // between lines of the other engine
          l = below(2) ? test::make_pop(0, 1 + below(8), below(2)) : test::make_push(0, {random()});
          break;
        case 3:
        case 4:
        case 5:
          l = make_line(opcode::grant, list,
                        below(30) == 0 ? below(256) : 1 + below(below(2) ? 112 : 16));
          break;
        default: {
          const unsigned count = below(30) == 0 ? below(256) : 1 + below(14);
          l = make_line(opcode::release, list, count, below(2), below(0x8000));
          for (unsigned i = 0; i < std::min<unsigned>(count, 14); ++i) {
            if (!held.empty() && below(40) != 0) {
              const std::size_t k =
                  held.size() - 1 -
                  below(std::min<unsigned>(30, static_cast<unsigned>(held.size())));
              l.tokens[i] = held[k];
              if (below(25) != 0) held.erase(held.begin() + static_cast<std::ptrdiff_t>(k));
            } else {
              l.tokens[i] = below(3) == 0 ? static_cast<std::uint32_t>(random()) : below(600 * 64);
            }
          }
        }
      }
      lines.push_back(l);
      flips.push_back(below(100) == 0);
    }
    for (const line& a : exchange(lines, flips)) {
      if (cpl::opcode.get(a.header) != static_cast<unsigned>(opcode::grant)) continue;
      for (unsigned i = 0; i < cpl::count.get(a.header); ++i) held.push_back(a.tokens[i]);
    }
    if (below(12) == 0) {  // around what is free, so that lists fall and recover
      const unsigned list = below(lists);
      const std::uint32_t free =
          soft_card_.read(test::list_register(list, regs::offset::list_total)) -
          soft_card_.read(test::list_register(list, regs::offset::list_in_use));
      write_both(test::list_register(
                     list, below(2) ? regs::offset::depletion_low : regs::offset::depletion_high),
                 below(10) == 0 ? 0 : free + below(60) - 30);
    }
    if (below(50) == 0) {
      const unsigned list = below(lists);
      switch (below(6)) {
        case 0:
          command(regs::command::trim, below(8) == 0 ? below(256) : list, 0, below(4));
          break;
        case 1:
          command(regs::command::link, list, 0, below(800), below(6), below(64));
          break;
        case 2:
          command(regs::command::open, below(300), domain_);
          break;
        case 3:
          command(regs::command::close, list);
          command(regs::command::unlink, list, 0, 1 + list * 100, 40);
          command(regs::command::open, list, domain_);
          command(regs::command::link, list, 0, 1 + list * 100, 5 + list * 3, below(64));
          break;
        case 4:
          compare_lists(0, lists);
          write_both(regs::offset::interrupt_status, below(8));
          write_both(regs::offset::interrupt_enable, below(8));
          break;
        default:
          compare_errors();
      }
    }
  }
  compare_errors();
  compare_counters();
  compare_lists(0, 256);
  compare_lookasides(0, 64);
  EXPECT_GT(soft_card_.read(test::counter_register(counter::depletions)), 10u);
}

TEST_F(CardCompare, ManyEntriesComeInLinesOfSix) {
  command_lookaside_open(9, domain_, 256, 4, 256);
  std::uint64_t entry = 0x0123'4567'89AB'CDEF;
  for (int i = 0; i < 43; ++i) {
    std::vector<std::uint64_t> six(6);
    for (auto& e : six) e = entry *= 3;
    exchange({test::make_push(9, six)});
  }
  compare_lookasides(9, 10);
  for (unsigned count : {48u, 6u, 7u, 5u, 12u, 48u, 48u, 48u, 48u, 1u}) {
    exchange({test::make_pop(9, count, true)});
    ASSERT_FALSE(HasFailure());
  }
  compare_lookasides(9, 10);
  compare_counters();
}

TEST_F(CardCompare, TheGovernorSetsEveryList) {
  std::mt19937 random(test_seed());
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (unsigned list = 0; list < 64; list += 1 + below(3)) {
    const unsigned minimum = below(40), depth = minimum + below(100);
    command_lookaside_open(list, domain_, depth, minimum, depth + below(257 - depth));
  }
  for (int pass = 0; pass < 60 && !HasFailure(); ++pass) {
    for (unsigned list = 0; list < 64; ++list) {
      // Around every border of the rule: idle, 32 misses an allocation, counts of more than a line.
      const unsigned allocates = below(3) ? below(40) : below(0x10000);
      const unsigned misses = below(2) ? allocates / 32 + below(2) : below(0x10000);
      for (unsigned n = below(3); n > 0; --n) {
        exchange({test::make_push(list, {}, false, {allocates, misses, below(9), below(9)})});
      }
    }
    command(regs::command::govern, below(1024));
    compare_lookasides(0, 64);
  }
  compare_errors();
  compare_counters();
}

TEST_F(CardCompare, RandomLookasideLinesAndCommands) {
  constexpr unsigned lists = 5;
  const unsigned seed = test_seed() + 1;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  std::array<unsigned, 1024> shares{};  // more or less: a refused SHARE is part of the test
  for (unsigned list = 0; list < lists; ++list) {
    // The last list is another domain's.
    command_lookaside_open(list, list == lists - 1 ? domain_ + 1 : domain_, 4 << list, 4,
                           64 << (list & 1));
  }
  for (int round = 0; round < 6000 && !HasFailure(); ++round) {
    std::vector<line> lines;
    std::vector<bool> flips;
    for (unsigned n = 1 + below(6); n > 0; --n) {
      const unsigned list = below(25) == 0 ? below(1024) : below(lists);
      const test::call_deltas d{below(40), below(3), below(40), below(3)};
      line l;
      switch (below(12)) {
        case 0:  // garbage
          l.header = random();
          l.header = sub::cookie.set(l.header, 1);
          if (below(2)) l.header = sub::opcode.set(l.header, 5 + below(3));
          if (below(2)) l.header = sub::list.set(l.header, below(lists));
          for (auto& t : l.tokens) t = static_cast<std::uint32_t>(random());
          break;
        case 1:
        case 2: {
          const unsigned give = below(8) == 0 ? below(300) : below(shares[list] + 2);
          const unsigned take = below(8) == 0 ? below(0x10000) : below(6);
          l = test::make_share(list, take, give, d);
          break;
        }
        case 3:
        case 4:
        case 5:
        case 6:
          l = test::make_pop(list, below(30) == 0 ? below(256) : 1 + below(below(3) ? 8 : 48),
                             below(2), d);
          break;
        default: {
          std::vector<std::uint64_t> entries(below(7));
          for (auto& e : entries) e = random();
          unsigned give = below(2) ? below(shares[list] + 2) : 0;
          if (below(20) == 0) give = below(0x10000);
          l = test::make_push(list, entries, below(2), d, give);
          if (below(30) == 0) l.header = sub::count.set(l.header, below(256));
        }
      }
      l.header = sub::cookie.set(l.header, below(0x8000));
      if (below(60) == 0) l.header = sub::ack.set(l.header, 1);
      if (below(60) == 0) l.header ^= std::uint64_t{1} << (16 + below(48));
      lines.push_back(l);
      flips.push_back(below(100) == 0);
    }
    for (const line& a : exchange(lines, flips)) {
      const auto op = static_cast<opcode>(cpl::opcode.get(a.header));
      if (op == opcode::share || op == opcode::push) {
        shares[cpl::list.get(a.header)] = static_cast<unsigned>(
            regs::lookaside_state::reserved.get(soft::word(a, soft::second_word)));
      }
    }
    if (below(40) == 0) {
      const unsigned list = below(8) == 0 ? below(1024) : below(lists);
      switch (below(6)) {
        case 0:
          command(regs::command::lookaside_close, list);
          command_lookaside_open(list, domain_, below(9), below(5), below(4) ? 256 : below(512));
          break;
        case 1:
          command_lookaside_open(below(70), below(64), below(300), below(300), below(512));
          break;
        case 2:
          compare_errors();
          break;
        case 3:
          compare_lookasides(0, 8);
          break;
        default:
          command(regs::command::govern, list);
      }
    }
  }
  compare_errors();
  compare_counters();
  compare_lookasides(0, 64);
  compare_lists(0, 256);
}

}  // namespace
}  // namespace exalloc
