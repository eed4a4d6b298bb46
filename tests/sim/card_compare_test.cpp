// The Verilated card against the soft card, its specification: the same lines, the same answers,
// bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>

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
constexpr sim::link_latency instant{.register_read = 0, .posted_write = 0, .memory_read = 0};

std::string text(const line& l) {
  const auto n = cpl::count.get(l.header);
  return fmt::format(
      "opcode {} status {} last {} list {} head {} tokens {}", cpl::opcode.get(l.header),
      regs::to_string(static_cast<regs::status>(cpl::status.get(l.header))),
      cpl::last.get(l.header), cpl::list.get(l.header), cpl::head.get(l.header),
      fmt::join(l.tokens.begin(), l.tokens.begin() + std::min<std::ptrdiff_t>(n, 14), " "));
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
    for (unsigned i = 0; i <= static_cast<unsigned>(counter::slabs_taken); ++i) {
      const auto which = static_cast<counter>(i);
      if (which == counter::cycles || which == counter::engine_replays) continue;
      const std::uint32_t at = regs::offset::counters_base + i * regs::offset::counters_stride;
      EXPECT_EQ(soft_card_.read(at), rtl_card_.read(at)) << "counter " << regs::to_string(which);
    }
  }

  static constexpr unsigned portal_ = 5, domain_ = 3;
  soft::soft_card soft_card_;
  sim::sim_card rtl_card_{instant};
  std::unique_ptr<raw_portal> soft_, rtl_;
};

TEST_F(CardCompare, EveryReadableRegisterAfterReset) {
  for (std::uint32_t at : {regs::offset::id, regs::offset::version, regs::offset::layout_hash,
                           regs::offset::slabs, regs::offset::lists, regs::offset::clock,
                           regs::offset::interrupt_status, regs::offset::error_info}) {
    EXPECT_EQ(soft_card_.read(at), rtl_card_.read(at)) << at;
  }
  // All but the number of workers, of which the soft card needs only one.
  EXPECT_EQ(soft_card_.read(regs::offset::geometry) << 8, rtl_card_.read(regs::offset::geometry)
                                                              << 8);
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
  const unsigned seed = 20261123;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  std::vector<std::uint32_t> held;
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
        case 2:
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
    if (below(50) == 0) {
      const unsigned list = below(lists);
      switch (below(5)) {
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
        default:
          compare_errors();
      }
    }
  }
  compare_errors();
  compare_counters();
}

}  // namespace
}  // namespace exalloc
