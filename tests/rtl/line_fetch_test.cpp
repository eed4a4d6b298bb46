// line_fetch behind a slow memory: every line that was rung for arrives once, in order, in its
// place, and no portal's buffer overflows.
#include <algorithm>
#include <array>
#include <deque>
#include <numeric>
#include <set>

#include "Vline_fetch.h"
#include "axi_memory.hpp"
#include "module_test.hpp"
#include "ring_space.hpp"

namespace exalloc::test {
namespace {

constexpr unsigned kPortals = 64, kBuffer = 16;

// A portal as the host, the table and the scheduler see it.
struct Portal {
  bool live = false;
  bool last_look = false;  // died while it was looked at
  unsigned ring_log2 = 4;
  std::uint64_t base = 0;
  std::uint16_t tail = 0, ptr = 0, arrived = 0, taken = 0;
  std::deque<LineWords> rung;  // contents of the lines from `arrived` to `tail`

  [[nodiscard]] unsigned size() const { return 1u << ring_log2; }
};

class LineFetch : public ports::ModuleTest<Vline_fetch> {
 protected:
  LineFetch() : memory_(0, kPortals * kRingSpace, seed_) {
    memory_.locate = LocateRing;
    memory_.read_fails = [this](std::uint64_t address) {
      answers_.push_back(bad_.contains(address));
      return answers_.back();
    };
    memory_.on_burst = [this](std::uint64_t address, unsigned lines) {
      EXPECT_EQ(address / 256, (address + 64 * lines - 1) / 256) << "leaves its block";
      lines_asked_ += lines;
    };
    for (unsigned i = 0; i < kPortals; ++i) Start(i, 4 + Random(7));
  }

  std::uint64_t Address(unsigned portal, std::uint16_t line) {
    return portals_[portal].base + 64 * (line % portals_[portal].size());
  }
  // A fresh life; the table waits with it until nothing of the former is under way.
  void Start(unsigned i, unsigned ring_log2) {
    portals_[i] = {};
    portals_[i].live = true;
    portals_[i].ring_log2 = ring_log2;
    // Anywhere in the portal's space; a ring is aligned to its size.
    portals_[i].base = RingSpace(i) + (Random(kRingSpace / 64) >> ring_log2 << ring_log2) * 64;
  }
  void Kill(unsigned i) {
    portals_[i].live = false;
    portals_[i].last_look = dut_.fetching_o >> i & 1;
  }
  // The host writes lines and tells of them; what it rings for once more is an event as well.
  void Ring(unsigned i, unsigned lines) {
    Portal& p = portals_[i];
    for (; lines > 0 && static_cast<std::uint16_t>(p.tail - p.taken) < p.size(); --lines) {
      LineWords words;
      for (auto& w : words) w = static_cast<std::uint32_t>(rng_());
      memory_.Line(Address(i, p.tail)) = words;
      p.rung.push_back(words);
      ++p.tail;
    }
    dut_.event_i = 1;
    dut_.event_idx_i = static_cast<std::uint8_t>(i);
  }

  // Takes a line out of the buffer.
  void Take(unsigned i) {
    Portal& p = portals_[i];
    if (p.arrived == p.taken || !p.live) return;
    ++p.taken;
    dut_.taken_i = 1;
    dut_.taken_idx_i = static_cast<std::uint8_t>(i);
  }

  void Step() {
    // The table's answer, which changes with the request.
    for (int pass = 0; pass < 2; ++pass) {
      const unsigned i = dut_.f_idx_o;
      const Portal& p = portals_[i];
      dut_.f_live_i = p.live;
      dut_.f_ptr_i = p.ptr;
      dut_.f_tail_i = p.tail;
      dut_.f_taken_i = p.taken % (2 * kBuffer);
      dut_.f_base_i = p.base;
      dut_.f_ring_log2_i = static_cast<std::uint8_t>(p.ring_log2);
      Settle();
    }
    if (dut_.f_we_o) {
      Portal& p = portals_[dut_.f_widx_o];
      ASSERT_TRUE(p.live || p.last_look) << "portal " << unsigned{dut_.f_widx_o};
      const auto count = static_cast<std::uint16_t>(dut_.f_ptr_o - p.ptr);
      ASSERT_GE(count, 1u);
      ASSERT_LE(count, 4u);
      p.ptr = dut_.f_ptr_o;
      ASSERT_LE(static_cast<std::uint16_t>(p.ptr - p.taken), kBuffer) << "no place for the lines";
      ASSERT_LE(static_cast<std::uint16_t>(p.ptr - p.arrived), kBuffer);
      ASSERT_LE(static_cast<std::uint16_t>(p.tail - p.ptr), p.size()) << "beyond the tail";
    }
    memory_.Sample(dut_);
    Cycle();
    memory_.Drive(dut_);
    dut_.event_i = dut_.taken_i = 0;
    Settle();
    for (unsigned i = 0; i < kPortals; ++i) {
      if (!(dut_.fetching_o >> i & 1)) portals_[i].last_look = false;
    }
    if (dut_.arrive_o) Arrive();
    EXPECT_FALSE(dut_.fail_o && !dut_.arrive_o);
    if (dut_.empty_o) {
      EXPECT_TRUE(memory_.Quiet());
    }
  }

  void Arrive() {
    const unsigned i = dut_.arrive_idx_o;
    Portal& p = portals_[i];
    ASSERT_NE(p.arrived, p.ptr) << "portal " << i << ": a line nobody asked for";
    EXPECT_EQ(dut_.buffer_addr_o, i * kBuffer + p.arrived % kBuffer);
    ASSERT_FALSE(answers_.empty() || p.rung.empty());
    EXPECT_EQ(dut_.fail_o, answers_.front());
    answers_.pop_front();
    ++p.arrived;
    EXPECT_EQ(dut_.arrive_ptr_o, p.arrived % (2 * kBuffer));
    if (dut_.fail_o) {
      Kill(i);
      ++failures_;
    } else {
      EXPECT_EQ(GetLine(dut_.buffer_data_o), p.rung.front()) << "portal " << i;
    }
    p.rung.pop_front();
    ++lines_arrived_;
  }
  // Nothing of the portal's life is under way any more.
  [[nodiscard]] bool Drained(unsigned i) const {
    return portals_[i].arrived == portals_[i].ptr && !(dut_.fetching_o >> i & 1);
  }
  void CheckAllArrived() {
    for (unsigned wait = 0; !Done(); ++wait) {
      ASSERT_LT(wait, 300'000u) << "lines do not arrive";
      for (int tries = 0; tries < 8 && !dut_.taken_i; ++tries) Take(Random(kPortals));
      Step();
      if (HasFailure()) return;
    }
    for (int i = 0; i < 20; ++i) Step();
    EXPECT_EQ(dut_.waiting_o, 0u);
    EXPECT_EQ(dut_.fetching_o, 0u);
    EXPECT_TRUE(dut_.empty_o);
  }
  bool Done() {
    for (const Portal& p : portals_) {
      if (p.live && (p.arrived != p.tail || p.taken != p.tail)) return false;
      if (p.arrived != p.ptr) return false;
    }
    return true;
  }

  AxiMemory<Vline_fetch> memory_;
  std::array<Portal, kPortals> portals_;
  std::set<std::uint64_t> bad_;
  std::deque<bool> answers_;  // of the bus, that have not arrived; true for errors
  std::uint64_t lines_asked_ = 0, lines_arrived_ = 0, failures_ = 0;
};

TEST_F(LineFetch, BringsEveryLineOfEveryPortal) {
  for (unsigned phase = 0; phase < 12; ++phase) {
    // Short and long latency; with the long one the record of bursts is what limits.
    memory_.timing = {.read_latency = phase % 3 == 2 ? 700u : 10u,
                      .write_latency = 0,
                      .jitter = 1 + Random(50),
                      .ready_percent = phase % 4 == 0 ? 100u : 20 + Random(70)};
    const unsigned portals = phase % 2 == 0 ? kPortals : 3;
    const unsigned ring = 1 + Random(30), take = 5 + Random(90);
    for (int i = 0; i < 6000; ++i) {
      const unsigned who = Random(portals);
      if (Chance(ring)) {
        // One life ends now and then, and the next begins when its bursts are gone.
        if (portals_[who].live && Chance(2)) {
          Kill(who);
        } else if (!portals_[who].live && Drained(who)) {
          Start(who, 4 + Random(7));
        }
        if (portals_[who].live) Ring(who, Random(Chance(5) ? 1024 : 20));
      }
      if (Chance(take)) Take(Random(portals));
      if (Chance(2)) {
        const unsigned at = Random(portals);
        bad_.clear();
        const auto next = static_cast<std::uint16_t>(portals_[at].ptr + Random(8));
        if (Chance(50)) bad_.insert(Address(at, next));
      }
      Step();
      if (HasFailure()) return;
    }
    bad_.clear();
    CheckAllArrived();
    if (HasFailure()) return;
  }
  EXPECT_EQ(lines_arrived_, lines_asked_);
  EXPECT_GT(failures_, 5u);  // some 20, whatever the seed
}

// Nothing but its own doorbell reminds the unit of a portal here: one that it forgets waits for
// ever.
TEST_F(LineFetch, ForgetsNoPortalWhenAllRingAtOnce) {
  memory_.timing = {.read_latency = 10, .write_latency = 0, .jitter = 4, .ready_percent = 80};
  for (unsigned i = 0; i < kPortals; ++i) Start(i, 6);
  std::array<unsigned, kPortals> order{};
  std::iota(order.begin(), order.end(), 0u);
  for (unsigned round = 0; round < 40; ++round) {
    std::shuffle(order.begin(), order.end(), rng_);
    for (const unsigned i : order) {
      Ring(i, 1 + Random(kBuffer));
      Step();
    }
    for (unsigned wait = 0; wait < 3000; ++wait) Step();
    for (unsigned i = 0; i < kPortals; ++i) {
      ASSERT_EQ(portals_[i].arrived, portals_[i].tail) << "portal " << i << ", round " << round;
      while (portals_[i].taken != portals_[i].arrived) {
        Take(i);
        Step();
      }
    }
  }
}

TEST_F(LineFetch, FetchesABacklogInWholeBursts) {
  memory_.timing = {.read_latency = 200, .write_latency = 0, .jitter = 0, .ready_percent = 100};
  Portal& p = portals_[9];
  Start(9, 10);
  Ring(9, 1024);
  const std::uint64_t begin = now_;
  while (p.arrived != 1024 && now_ - begin < 30'000) {
    Take(9);
    Step();
    if (HasFailure()) return;
  }
  EXPECT_EQ(p.arrived, 1024);
  EXPECT_EQ(memory_.bursts(), 256u);
  // 16 lines a round trip.
  EXPECT_LT(now_ - begin, 1024 / 16 * (200 + 40u));
}

TEST_F(LineFetch, AsksAtOnceIfNobodyElseDoes) {
  memory_.timing = {.read_latency = 20, .write_latency = 0, .jitter = 0, .ready_percent = 100};
  for (unsigned i : {0u, 5u, 63u, 5u}) {
    Start(i, 6);
    Ring(i, 1);
    unsigned cycles = 0;
    for (; !dut_.m_axi_arvalid_o && cycles < 30; ++cycles) Step();
    EXPECT_EQ(cycles, 6u) << "from the ring to AR";
    for (int wait = 0; wait < 60; ++wait) Step();
    EXPECT_EQ(portals_[i].arrived, 1);
  }
}

TEST_F(LineFetch, FillsTheBufferAhead) {
  memory_.timing = {.read_latency = 100, .write_latency = 0, .jitter = 0, .ready_percent = 100};
  Start(4, 6);
  Ring(4, 40);
  for (int i = 0; i < 180; ++i) Step();
  EXPECT_EQ(portals_[4].arrived, kBuffer);
}

TEST_F(LineFetch, IgnoresATailThatIsTooFar) {
  Portal& p = portals_[1];
  Start(1, 4);
  p.tail = 17;
  dut_.event_i = 1;
  dut_.event_idx_i = 1;
  for (int i = 0; i < 200; ++i) Step();
  EXPECT_EQ(lines_asked_, 0u);
}

TEST_F(LineFetch, StopsAtBurstsAndTellsWhenItIsQuiet) {
  unsigned outstanding = 0;
  Step();
  Step();
  for (unsigned round = 0; round < 60; ++round) {
    memory_.timing = {.read_latency = 50 + Random(200),
                      .write_latency = 0,
                      .jitter = 30,
                      .ready_percent = 20 + Random(81)};
    for (unsigned i = 60 + Random(100); i > 0; --i) {
      Ring(Random(kPortals), 8);
      Take(Random(kPortals));
      Step();
      ASSERT_FALSE(dut_.quiet_o || HasFailure());
    }
    dut_.stop_i = 1;
    outstanding += !memory_.Quiet();
    std::uint64_t bursts = 0;
    for (unsigned wait = 0; !dut_.quiet_o; ++wait) {
      ASSERT_LT(wait, 20'000u) << "never quiet";
      Step();
      // What is on the wires when it sees stop_i goes out, no more.
      if (wait == 2) bursts = memory_.bursts() + dut_.m_axi_arvalid_o;
      if (wait > 2) {
        ASSERT_LE(memory_.bursts(), bursts);
      }
    }
    EXPECT_TRUE(memory_.Quiet());
    for (int i = 0; i < 50; ++i) {
      Step();
      ASSERT_TRUE(dut_.quiet_o && !dut_.m_axi_arvalid_o);
    }
    dut_.stop_i = 0;
    Step();
    Step();
  }
  EXPECT_GT(outstanding, 30u);
  CheckAllArrived();
}

}  // namespace
}  // namespace exalloc::test
