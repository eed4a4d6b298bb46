// line_write between many sources and a slow memory: every line in its slot with its phase and
// head, in order; nothing of a dead portal; every answer counted.
#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <optional>

#include "Vline_write.h"
#include "axi_memory.hpp"
#include "exalloc/regs.hpp"
#include "module_test.hpp"
#include "ring_space.hpp"

namespace exalloc::test {
namespace {

constexpr unsigned kPortals = 64, kSources = 9;

struct Portal {
  unsigned ring_log2 = 4;
  std::uint64_t base = 0;
  bool dead = false, in_hand = false;
  std::uint16_t tail = 0, head = 0;              // as they should be
  std::uint16_t table_tail = 0, table_head = 0;  // as the module keeps them
  unsigned bank = 0, table_bank = 0;
  std::uint16_t count = 0, answered = 0;
};

class LineWrite : public ports::ModuleTest<Vline_write> {
 protected:
  LineWrite() : memory_(0, kPortals * kRingSpace, seed_) {
    memory_.locate = LocateRing;
    for (unsigned i = 0; i < kPortals; ++i) {
      Portal& p = portals_[i];
      p.ring_log2 = 4 + Random(7);
      // Anywhere in the portal's space; a ring is aligned to its size.
      p.base = RingSpace(i) + (Random(kRingSpace / 64) >> p.ring_log2 << p.ring_log2) * 64;
      // Some close to the wrap of their pointers.
      if (Chance(30)) p.tail = p.table_tail = p.head = p.table_head = 65'500;
    }
    memory_.write_fails = [this](std::uint64_t address) {
      EXPECT_FALSE(on_bus_.empty()) << "a line nobody wrote";
      if (on_bus_.empty()) return false;
      EXPECT_EQ(address, on_bus_.front().address);
      const bool bad = Chance(bad_percent_);
      Answered(bad);
      return bad;
    };
    memory_.on_write = [this](std::uint64_t address) {
      EXPECT_EQ(memory_.Line(address), last_.words);
    };
  }

  struct Offer {
    unsigned portal = 0, left = 0;  // lines of the job after this one
    bool write = true;
    LineWords words{};
    unsigned bank = 0;
  };
  struct Expected {
    std::uint64_t address;
    LineWords words;
    unsigned portal;
  };

  void Answered(bool bad) {
    last_ = on_bus_.front();
    on_bus_.pop_front();
    ++portals_[last_.portal].answered;
    if (bad) fails_.push_back(last_.portal);
  }

  void NextLine(unsigned s) {
    Offer& o = *offers_[s];
    for (auto& w : o.words) w = static_cast<std::uint32_t>(rng_());
    o.bank = Random(4);
    // A job may end without a line of its own.
    o.write = o.left > 0 || Chance(70);
    dut_.src_valid_i |= static_cast<std::uint16_t>(1u << s);
    ports::Put(dut_.src_write_i, s, 1, o.write);
    ports::Put(dut_.src_last_i, s, 1, o.left == 0);
    ports::Put(dut_.src_bank_i, 2 * s, 2, o.bank);
    ports::Put(dut_.src_portal_i, 6 * s, 6, o.portal);
    PutLine(dut_.src_line_i, s, o.words);
  }
  // A source without a job takes one of a portal that has none in hand.
  void Fill(unsigned s, unsigned percent) {
    if (dut_.src_valid_i >> s & 1 || !Chance(percent)) return;
    if (!offers_[s]) {
      const unsigned portal = Random(kPortals);
      if (portals_[portal].in_hand) return;
      portals_[portal].in_hand = true;
      offers_[s] = Offer{portal, Random(8), true, {}, 0};
    }
    NextLine(s);
  }

  // What the line taken in the cycle before should become, now that its portal is looked at.
  void Look() {
    if (!taken_) return;
    Portal& p = portals_[taken_->portal];
    if (taken_->write && !p.dead) {
      Expected e{p.base + 64 * (p.tail % (1u << p.ring_log2)), taken_->words, taken_->portal};
      const std::uint16_t head = static_cast<std::uint16_t>(p.head + (taken_->left == 0));
      namespace cpl = regs::completion_header;
      std::uint64_t header = e.words[0] | std::uint64_t{e.words[1]} << 32;
      header = cpl::phase.set(header, ~(p.tail >> p.ring_log2) & 1);
      header = cpl::head.set(header, head);
      e.words[0] = static_cast<std::uint32_t>(header);
      e.words[1] = static_cast<std::uint32_t>(header >> 32);
      on_bus_.push_back(e);
      ++p.tail;
      ++lines_;
    } else if (taken_->write) {
      ++dropped_;
    }
    if (taken_->left == 0) {
      ++p.head;
      p.bank = taken_->bank;
      ends_.push_back(taken_->portal);
    }
    taken_.reset();
  }

  void Step() {
    Settle();
    Look();
    const Portal& p = portals_[dut_.w_idx_o];
    dut_.w_dead_i = p.dead;
    dut_.w_tail_i = p.table_tail;
    dut_.w_head_i = p.table_head;
    dut_.w_base_i = p.base;
    dut_.w_ring_log2_i = static_cast<std::uint8_t>(p.ring_log2);
    dut_.b_count_i = portals_[dut_.b_idx_o].count % 512;
    Settle();
    ASSERT_LE(std::popcount(dut_.src_ready_o), 1);
    if (const unsigned ready = dut_.src_ready_o & dut_.src_valid_i; ready != 0) {
      const auto s = static_cast<unsigned>(std::countr_zero(ready));
      taken_ = offers_[s];
      dut_.src_valid_i &= static_cast<std::uint16_t>(~ready);
      taken_source_ = s;
    }
    if (dut_.w_we_o) {
      Portal& w = portals_[dut_.w_widx_o];
      w.table_tail = dut_.w_tail_o;
      w.table_head = dut_.w_head_o;
      if (dut_.w_last_o) w.table_bank = dut_.w_bank_o;
      ASSERT_EQ(dut_.done_o, dut_.w_last_o);
    }
    if (dut_.done_o) Done(dut_.done_idx_o);
    if (dut_.b_we_o) {
      Portal& b = portals_[dut_.b_idx_o];
      ++b.count;
      ASSERT_EQ(dut_.b_count_o, b.count % 512);
    }
    if (dut_.fail_o) {
      ASSERT_FALSE(fails_.empty()) << "a failure that was none";
      ASSERT_EQ(dut_.fail_idx_o, fails_.front());
      fails_.pop_front();
      ++failures_;
    }
    written_ += dut_.written_o;
    if (dut_.empty_o) {
      EXPECT_TRUE(memory_.Quiet());
      EXPECT_EQ(dut_.accepted_o, dut_.answered_o);
    }
    memory_.Sample(dut_);
    const auto valid = dut_.src_valid_i;
    if (taken_) dut_.src_valid_i |= static_cast<std::uint16_t>(1u << taken_source_);
    Cycle();
    dut_.src_valid_i = valid;
    memory_.Drive(dut_);
    if (taken_) {
      auto& offer = offers_[taken_source_];
      if (offer->left-- == 0) offer.reset();
    }
  }
  void Done(unsigned portal) {
    ASSERT_FALSE(ends_.empty()) << "the end of a job that has not ended";
    ASSERT_EQ(portal, ends_.front());
    ends_.pop_front();
    Portal& p = portals_[portal];
    ASSERT_EQ(p.table_tail, p.tail);
    ASSERT_EQ(p.table_head, p.head);
    ASSERT_EQ(p.table_bank, p.bank);
    p.in_hand = false;
    ++jobs_;
  }
  void Drain() {
    const auto busy = [this] {
      return std::any_of(offers_.begin(), offers_.end(),
                         [](const auto& o) { return o.has_value(); });
    };
    for (unsigned wait = 0; busy() || !dut_.empty_o; ++wait) {
      ASSERT_LT(wait, 60'000u) << "lines are not written";
      for (unsigned s = 0; s < kSources; ++s) {
        if (offers_[s]) Fill(s, 100);
      }
      Step();
      if (HasFailure()) return;
    }
    for (int i = 0; i < 5; ++i) Step();
    EXPECT_TRUE(on_bus_.empty() && ends_.empty() && fails_.empty());
    for (const Portal& p : portals_) EXPECT_EQ(p.count, p.answered);
    EXPECT_EQ(written_, lines_);
    EXPECT_EQ(dut_.accepted_o, static_cast<std::uint16_t>(lines_));
  }

  AxiMemory<Vline_write> memory_;
  std::array<Portal, kPortals> portals_;
  std::array<std::optional<Offer>, kSources> offers_;
  std::optional<Offer> taken_;
  unsigned taken_source_ = 0;
  std::deque<Expected> on_bus_;  // accepted and not answered
  Expected last_{};
  std::deque<unsigned> ends_, fails_;
  unsigned bad_percent_ = 0;
  std::uint64_t lines_ = 0, dropped_ = 0, written_ = 0, jobs_ = 0, failures_ = 0;
};

TEST_F(LineWrite, WritesEveryLineInItsPlace) {
  for (unsigned phase = 0; phase < 16; ++phase) {
    // With the long latency the record of writes is what limits.
    memory_.timing = {.read_latency = 0,
                      .write_latency = phase % 3 == 2 ? 500u : 5u,
                      .jitter = 1 + Random(40),
                      .ready_percent = phase % 4 == 0 ? 100u : 15 + Random(80)};
    bad_percent_ = phase % 5 == 4 ? 10 : 0;
    const unsigned percent = Chance(50) ? 100 : 2 + Random(30);
    for (int i = 0; i < 5000; ++i) {
      for (unsigned s = 0; s < kSources; ++s) Fill(s, percent);
      // A portal dies and comes back whatever its source does.
      if (Chance(5)) portals_[Random(kPortals)].dead = Chance(40);
      Step();
      if (HasFailure()) return;
    }
    Drain();
    if (HasFailure()) return;
  }
  EXPECT_GT(lines_, 10'000u);
  EXPECT_GT(dropped_, 500u);
  EXPECT_GT(failures_, 50u);
  EXPECT_GT(jobs_, 2000u);
}

TEST_F(LineWrite, SustainsALineACycle) {
  memory_.timing = {.read_latency = 0, .write_latency = 20, .jitter = 0, .ready_percent = 100};
  for (int i = 0; i < 4000; ++i) {
    for (unsigned s = 0; s < kSources; ++s) Fill(s, 100);
    Step();
  }
  EXPECT_GT(written_, 0.85 * 4000);  // the others are ends without a line
  EXPECT_GT(memory_.writes(), written_ - 60);
}

TEST_F(LineWrite, StopsAtLinesAndTellsWhenItIsQuiet) {
  Step();
  Step();
  unsigned outstanding = 0;
  for (unsigned round = 0; round < 60; ++round) {
    memory_.timing = {.read_latency = 0,
                      .write_latency = 20 + Random(200),
                      .jitter = 30,
                      .ready_percent = 20 + Random(81)};
    for (unsigned i = 60 + Random(100); i > 0; --i) {
      for (unsigned s = 0; s < kSources; ++s) Fill(s, 50);
      Step();
      ASSERT_FALSE(dut_.quiet_o || HasFailure());
    }
    outstanding += !memory_.Quiet();
    dut_.stop_i = 1;
    for (unsigned wait = 0; !dut_.quiet_o; ++wait) {
      ASSERT_LT(wait, 20'000u) << "never quiet";
      Step();
    }
    EXPECT_TRUE(memory_.Quiet());
    for (int i = 0; i < 50; ++i) {
      Step();
      ASSERT_TRUE(dut_.quiet_o && !dut_.m_axi_awvalid_o && !dut_.m_axi_wvalid_o);
    }
    dut_.stop_i = 0;
    Step();
    Step();
  }
  EXPECT_GT(outstanding, 30u);
  Drain();
}

}  // namespace
}  // namespace exalloc::test
