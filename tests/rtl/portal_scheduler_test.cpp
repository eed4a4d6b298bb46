// portal_scheduler between a table, a buffer and workers that are often busy: every line is run
// once, in order, one of a portal at a time or a second one that follows at the same worker, and
// only with room for its answers.
#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "Vportal_scheduler.h"
#include "axi_memory.hpp"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace exalloc::test {
namespace {

namespace sub = regs::submission_header;

constexpr unsigned kPortals = 64, kWorkers = 8, kBuffer = 16, kLists = 255;

struct Portal {
  bool live = true;
  bool last_look = false;  // died while the scheduler had it in hand
  unsigned ring_log2 = 4, domain = 0, bank = 0;
  std::uint16_t arrived = 0, taken = 0, head = 0, completion_head = 0, completion_tail = 0;
  unsigned in_hand = 0;         // lines with a worker, or waiting for their RECALL
  unsigned others = 0;          // jobs of others while it could run
  std::deque<LineWords> lines;  // arrived, not run

  [[nodiscard]] bool room(unsigned answers = 1) const {
    return static_cast<std::uint16_t>(completion_tail - completion_head) + 8 * answers <=
           1u << ring_log2;
  }
};

class PortalScheduler : public ports::ModuleTest<Vportal_scheduler> {
 protected:
  PortalScheduler() : buffer_(kPortals * kBuffer) {
    for (unsigned i = 0; i < kPortals; ++i) Start(i);
  }

  void Start(unsigned i) {
    portals_[i] = {};
    portals_[i].ring_log2 = i < 3 ? 8 + i : 4 + Random(3);
    portals_[i].domain = Random(64);
  }
  void Event(unsigned i) {
    dut_.event_i = 1;
    dut_.event_idx_i = static_cast<std::uint8_t>(i);
  }
  // Lines of all kinds, of which RECALL is the one that must be told apart.
  LineWords NewLine(unsigned i) {
    const Portal& p = portals_[i];
    LineWords words;
    for (auto& w : words) w = static_cast<std::uint32_t>(rng_());
    words[1] &= 0xffff;  // the cookie
    std::uint64_t header = std::uint64_t{words[1]} << 32;
    header = sub::opcode.set(header, Chance(30) ? 3 : Random(16));
    if (only_releases_) header = sub::opcode.set(header, 2);
    header = sub::ack.set(header, Random(2));
    header = sub::list.set(header, Chance(80) ? Random(kLists) : kLists - 2 + Random(4));
    header = sub::count.set(header, Chance(70) ? 0 : 1u << Random(8));
    header = sub::phase.set(header, 1 ^ (p.arrived >> p.ring_log2 & 1));
    if (!only_releases_ && Chance(5)) header ^= 1;
    if (!only_releases_ && Chance(10)) header |= std::uint64_t{1} << Random(64);
    words[0] = static_cast<std::uint32_t>(header);
    words[1] = static_cast<std::uint32_t>(header >> 32);
    words[15] = i << 16 | p.arrived;
    return words;
  }
  static bool IsRecall(const LineWords& words, bool bad_phase) {
    const std::uint64_t header = words[0] | std::uint64_t{words[1]} << 32;
    const std::uint64_t used = sub::phase.mask() | sub::opcode.mask() | sub::ack.mask() |
                               sub::count.mask() | sub::list.mask() | sub::cookie.mask();
    return !bad_phase && sub::opcode.get(header) == 3 && (header & ~used) == 0 &&
           sub::count.get(header) == 0 && sub::list.get(header) < kLists;
  }

  static bool IsSide(const LineWords& words, bool bad_phase) {
    const unsigned opcode = words[0] >> 1 & 15;
    return !bad_phase && opcode >= 5 && opcode <= 7;
  }

  // A line of portal i reaches the buffer; the table and the buffer know it from the next cycle on.
  void Arrive(unsigned i) {
    Portal& p = portals_[i];
    if (!p.live || static_cast<std::uint16_t>(p.arrived - p.taken) == kBuffer) return;
    dut_.arrive_i = 1;
    dut_.arrive_idx_i = static_cast<std::uint8_t>(i);
  }

  void Step() {
    for (int pass = 0; pass < 2; ++pass) {
      const Portal& p = portals_[dut_.s_idx_o];
      dut_.s_live_i = p.live;
      dut_.s_arrived_i = p.arrived % 32;
      dut_.s_taken_i = p.taken % 32;
      dut_.s_completion_head_i = p.completion_head;
      dut_.s_completion_tail_i = p.completion_tail;
      dut_.s_head_i = p.head;
      dut_.s_ring_log2_i = static_cast<std::uint8_t>(p.ring_log2);
      dut_.s_domain_i = static_cast<std::uint8_t>(p.domain);
      dut_.s_bank_i = static_cast<std::uint8_t>(p.bank);
      Settle();
    }
    // Done lines leave one a cycle; a worker may be ready a little earlier.
    if (!done_.empty() && done_.front().first <= now_) {
      dut_.done_i = 1;
      dut_.done_idx_i = static_cast<std::uint8_t>(done_.front().second);
      done_.pop_front();
      Settle();
    }
    for (unsigned w = 0; w < kWorkers; ++w) {
      if (!worker_portals_[w]) continue;
      ASSERT_EQ(ports::Get(dut_.worker_portal_o, 6 * w, 6), *worker_portals_[w]) << "worker " << w;
    }
    if (side_portal_) {
      ASSERT_EQ(dut_.side_portal_o, *side_portal_);
    }
    if (dut_.s_we_o) {
      Portal& p = portals_[dut_.s_widx_o];
      ASSERT_EQ(dut_.s_taken_o, (p.taken + 1) % 32);
      ++p.taken;
    }
    ASSERT_EQ(dut_.job_valid_o & ~dut_.job_ready_i, 0);
    ASSERT_LE(std::popcount(dut_.job_valid_o), 1);
    unsigned worker = kWorkers, portal = 0;
    if (dut_.job_valid_o != 0) {
      ASSERT_FALSE(dut_.recall_o);
      worker = static_cast<unsigned>(std::countr_zero(unsigned{dut_.job_valid_o}));
      portal = dut_.job_line_o[15] >> 16;
    }
    // The worker has a line of the portal, and had it a cycle ago when it said so.
    const bool follow = dut_.follow_valid_o != 0;
    if (follow) {
      ASSERT_EQ(worker, kWorkers);
      ASSERT_FALSE(dut_.recall_o);
      ASSERT_EQ(std::popcount(dut_.follow_valid_o), 1);
      worker = static_cast<unsigned>(std::countr_zero(unsigned{dut_.follow_valid_o}));
      ASSERT_TRUE(could_follow_ >> worker & 1);
      portal = dut_.job_line_o[15] >> 16;
      ASSERT_EQ(worker_portals_[worker], portal);
    }
    if (dut_.recall_o) portal = dut_.recall_idx_o;
    const bool side = dut_.side_valid_o && dut_.side_ready_i;
    if (side) {
      ASSERT_FALSE(dut_.recall_o);
      ASSERT_EQ(worker, kWorkers);
      portal = dut_.job_line_o[15] >> 16;
    }
    if (worker != kWorkers || dut_.recall_o || side) {
      Job(portal);
      if (HasFailure()) return;
      const std::uint64_t begin = follow ? std::max(now_, end_[worker]) : now_;
      const std::uint64_t end =
          std::max(begin + shortest_ + Random(Chance(20) ? 300 : 20), busy_until_);
      const auto at =
          std::find_if(done_.begin(), done_.end(), [&](const auto& d) { return d.first > end; });
      done_.insert(at, {end, portal});
      if (worker != kWorkers) {
        next_until_[worker] = follow ? line_until_[worker] : 0;
        end_[worker] = end;
        line_until_[worker] = end - Random(3);
        free_at_[worker] = std::max(free_at_[worker], line_until_[worker]);
      }
      if (side) side_free_at_ = end - Random(3);
    }

    const bool read = dut_.buffer_re_o;
    const LineWords line = buffer_[dut_.buffer_addr_o];
    Cycle();
    if (read) {
      PutLine(dut_.buffer_data_i, 0, read_);
      read_ = line;
    }
    if (worker != kWorkers) {
      ASSERT_EQ(ports::Get(dut_.worker_portal_o, 6 * worker, 6), portal);
      worker_portals_[worker] = portal;
    }
    if (side) side_portal_ = portal;
    if (dut_.arrive_i) {
      Portal& p = portals_[dut_.arrive_idx_i];
      p.lines.push_back(NewLine(dut_.arrive_idx_i));
      buffer_[dut_.arrive_idx_i * kBuffer + p.arrived % kBuffer] = p.lines.back();
      ++p.arrived;
    }
    if (dut_.done_i) {
      Portal& p = portals_[dut_.done_idx_i];
      --p.in_hand;
      ++p.head;
      p.completion_tail = static_cast<std::uint16_t>(p.completion_tail + Random(9));
      p.bank = Random(4);
    }
    dut_.event_i = dut_.arrive_i = dut_.done_i = 0;
    dut_.job_ready_i = 0;
    could_follow_ = dut_.follow_ready_i;
    dut_.follow_ready_i = 0;
    for (unsigned w = 0; w < kWorkers; ++w) {
      if (follow_ && line_until_[w] > now_ && next_until_[w] < now_) {
        dut_.follow_ready_i |= static_cast<std::uint8_t>(1u << w);
      }
      if (free_at_[w] <= now_) dut_.job_ready_i |= static_cast<std::uint8_t>(1u << w);
    }
    dut_.side_ready_i = side_free_at_ <= now_;
    Settle();
    for (unsigned i = 0; i < kPortals; ++i) {
      if (!(dut_.in_hand_o >> i & 1)) portals_[i].last_look = false;
    }
  }

  void Job(unsigned portal) {
    ASSERT_LT(portal, kPortals);
    Portal& p = portals_[portal];
    ASSERT_TRUE(p.live || p.last_look) << "portal " << portal << " is not live";
    const bool follow = dut_.follow_valid_o != 0;
    ASSERT_EQ(p.in_hand, follow ? 1u : 0u) << "two lines of portal " << portal;
    ASSERT_TRUE(p.room(follow ? 2 : 1)) << "portal " << portal;
    ASSERT_FALSE(p.lines.empty());
    const LineWords line = p.lines.front();
    p.lines.pop_front();
    ASSERT_EQ(GetLine(dut_.job_line_o), line) << "portal " << portal;
    const bool bad_phase = (line[0] & 1) == ((p.head + p.in_hand) >> p.ring_log2 & 1);
    ASSERT_EQ(dut_.job_bad_phase_o, bad_phase);
    ASSERT_EQ(dut_.recall_o, IsRecall(line, bad_phase));
    ASSERT_EQ(dut_.side_valid_o, IsSide(line, bad_phase));
    if (follow) {
      const unsigned opcode = line[0] >> 1 & 15;
      ASSERT_TRUE(opcode == 1 || opcode == 2) << "opcode " << opcode;
    } else {
      ASSERT_EQ(dut_.job_domain_o, p.domain);
      ASSERT_EQ(dut_.job_bank_o, p.bank);
    }
    ++p.in_hand;
    for (Portal& o : portals_) {
      const bool could = o.live && !o.in_hand && !o.lines.empty() && o.room();
      o.others = could ? o.others + 1 : 0;
      // The rest of a round, a whole one, and what is under way.
      ASSERT_LT(o.others, 2 * kPortals + 8) << "a portal starves";
    }
    ++jobs_;
    follows_ += follow;
    recalls_ += dut_.recall_o;
    sides_ += dut_.side_valid_o;
    bad_phases_ += bad_phase;
  }

  // When nothing moves any more, whoever still has a line has no room, and says so.
  void CheckAtRest() {
    for (unsigned wait = 0; dut_.waiting_o || dut_.in_hand_o || !done_.empty(); ++wait) {
      ASSERT_LT(wait, 20'000u);
      Step();
      if (HasFailure()) return;
    }
    for (unsigned i = 0; i < kPortals; ++i) {
      const Portal& p = portals_[i];
      if (!p.live) continue;
      const bool stalled = dut_.stalled_o >> i & 1;
      EXPECT_EQ(stalled, !p.lines.empty()) << "portal " << i;
      if (stalled) {
        EXPECT_FALSE(p.room()) << "portal " << i << " is forgotten";
      }
      stalls_ += stalled;
    }
  }

  std::array<Portal, kPortals> portals_;
  std::array<std::optional<unsigned>, kWorkers> worker_portals_;  // of the last line of each
  std::vector<LineWords> buffer_;
  LineWords read_{};
  std::deque<std::pair<std::uint64_t, unsigned>> done_;  // when a line is done, and whose
  std::array<std::uint64_t, kWorkers> free_at_{};
  // Until when each works at its last line; when that began, if it followed; when that is done.
  std::array<std::uint64_t, kWorkers> line_until_{}, next_until_{}, end_{};
  unsigned could_follow_ = 0;  // follow_ready_i a cycle ago
  bool follow_ = true;
  bool only_releases_ = false;
  std::optional<unsigned> side_portal_;  // of the last line at the side
  unsigned shortest_ = 3;                // cycles from a job to its end
  std::uint64_t busy_until_ = 0;         // no job ends before
  std::uint64_t side_free_at_ = 0;
  unsigned jobs_ = 0, follows_ = 0, recalls_ = 0, sides_ = 0, bad_phases_ = 0, stalls_ = 0,
           restarts_ = 0;
};

TEST_F(PortalScheduler, RunsEveryLineInOrder) {
  for (unsigned phase = 0; phase < 20; ++phase) {
    const unsigned arrive = phase % 3 == 0 ? 100 : 10 + Random(80);
    const unsigned portals = phase % 4 == 3 ? 3 : kPortals;
    const unsigned read = 1 + Random(30);  // how often the host takes answers
    for (int i = 0; i < 4000; ++i) {
      const unsigned who = Random(portals);
      Portal& p = portals_[who];
      if (Chance(arrive)) Arrive(Random(portals));
      if (Chance(read)) {
        const unsigned unread = static_cast<std::uint16_t>(p.completion_tail - p.completion_head);
        p.completion_head = static_cast<std::uint16_t>(p.completion_head + Random(unread + 1));
        Event(who);
      } else if (phase % 5 == 4 && Chance(3)) {
        if (p.live) {
          p.live = false;
          p.last_look = dut_.in_hand_o >> who & 1;
          if (dut_.arrive_idx_i == who) dut_.arrive_i = 0;
        } else if (!p.in_hand && !(dut_.in_hand_o >> who & 1)) {
          Start(who);
          Event(who);
          ++restarts_;
        }
      }
      // All workers busy for long.
      if (Chance(1) && Chance(10)) busy_until_ = now_ + 200;
      if (Chance(1) && Chance(10)) side_free_at_ = now_ + 200;
      Step();
      if (HasFailure()) return;
    }
    for (unsigned round = 0; round < 20; ++round) {
      CheckAtRest();
      if (HasFailure()) return;
      for (unsigned i = 0; i < kPortals; ++i) {
        portals_[i].completion_head = portals_[i].completion_tail;
        Event(i);
        Step();
      }
    }
    for (const Portal& p : portals_) {
      EXPECT_TRUE(p.lines.empty() || !p.live);
    }
  }
  EXPECT_GT(jobs_, 5000u);
  EXPECT_GT(follows_, 50u);
  EXPECT_GT(recalls_, 200u);
  EXPECT_GT(sides_, 200u);
  EXPECT_GT(bad_phases_, 100u);
  EXPECT_GT(stalls_, 100u);
  EXPECT_GT(restarts_, 50u);
}

// The only one that asks does not wait for the picker, neither with a line that comes nor with the
// next one when a line is done.
TEST_F(PortalScheduler, LooksAtOnceIfNobodyElseAsks) {
  constexpr unsigned kCycles = 5;
  follow_ = false;
  shortest_ = 12;  // a look at the second line, for it to follow, is over before
  for (int i = 0; i < 10; ++i) Step();
  for (unsigned round = 0; round < 60 && !HasFailure(); ++round) {
    const unsigned who = round / 20;
    Portal& p = portals_[who];
    for (unsigned line = 0; line < 2; ++line) {
      unsigned jobs = jobs_;
      p.completion_head = p.completion_tail;
      Arrive(who);
      Step();
      if (line != 0) {
        while (!done_.empty() && !HasFailure()) Step();
      }
      for (unsigned cycle = 0; cycle < kCycles; ++cycle) {
        EXPECT_EQ(jobs_, jobs) << "earlier than told";
        Step();
      }
      EXPECT_EQ(jobs_, jobs + 1);
    }
    while (!done_.empty() && !HasFailure()) Step();
    for (int i = 0; i < 10; ++i) Step();
  }
}

// Two lines are there when the one before them ends: the second follows the first, though nobody
// rings and nothing arrives any more.
TEST_F(PortalScheduler, LooksAheadWithoutBeingAsked) {
  only_releases_ = true;
  for (unsigned who = 0; who < kPortals && !HasFailure(); ++who) {
    Portal& p = portals_[who];
    const std::uint16_t head = p.head;
    p.completion_head = p.completion_tail;
    follow_ = false;
    shortest_ = 40;
    for (int line = 0; line < 3; ++line) {
      Arrive(who);
      Step();
    }
    while (p.head == head && !HasFailure()) Step();
    p.completion_head = p.completion_tail;
    follow_ = true;
    const unsigned follows = follows_;
    for (int cycle = 0; cycle < 20; ++cycle) Step();
    EXPECT_EQ(follows_, follows + 1);
    EXPECT_EQ(p.in_hand, 2u);
    // One more goes to nobody else while one of the two is in hand.
    follow_ = false;
    Arrive(who);
    Step();
    for (int cycle = 0; cycle < 2000 && (p.in_hand != 0 || !p.lines.empty()); ++cycle) {
      p.completion_head = p.completion_tail;
      Step();
      if (HasFailure()) return;
    }
    EXPECT_TRUE(p.lines.empty());
    while (!done_.empty() && !HasFailure()) Step();
  }
}

}  // namespace
}  // namespace exalloc::test
