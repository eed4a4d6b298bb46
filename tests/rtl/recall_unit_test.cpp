// recall_unit among portals that go their own ways: it is answered when all that was rung for
// before is executed and readable, and waits for nobody who may never come.
#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

#include "Vrecall_unit.h"
#include "axi_memory.hpp"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace exalloc::test {
namespace {

constexpr unsigned kPortals = 64;

class RecallUnit : public ports::ModuleTest<Vrecall_unit> {
 protected:
  RecallUnit() {
    accepted_ = answered_ = 65'000;  // they wrap
    for (unsigned i = 0; i < kPortals; ++i) portals_[i].tail = portals_[i].head = 65'530;
    dut_.live_i = ~std::uint64_t{0};
  }

  struct Portal {
    std::uint16_t tail = 0, head = 0;
    unsigned list = 0, cookie = 0, bank = 0;  // of its RECALL
    std::uint64_t since = 0;
  };

  [[nodiscard]] bool Live(unsigned i) const { return dut_.live_i >> i & 1; }
  [[nodiscard]] bool Stalled(unsigned i) const { return dut_.stalled_i >> i & 1; }
  void Recall(unsigned i) {
    Portal& p = portals_[i];
    p.list = Random(255);
    p.cookie = Random(65'536);
    p.bank = Random(4);
    p.since = now_;
    ++p.tail;
    dut_.recall_i = 1;
    dut_.recall_idx_i = static_cast<std::uint8_t>(i);
    dut_.recall_list_i = static_cast<std::uint16_t>(p.list);
    dut_.recall_cookie_i = static_cast<std::uint16_t>(p.cookie);
    dut_.recall_bank_i = static_cast<std::uint8_t>(p.bank);
  }
  // A line is done: its completion line goes to the bus.
  void Execute(unsigned i) {
    Portal& p = portals_[i];
    if (waiting_[i] || Stalled(i) || p.head == p.tail) return;
    ++p.head;
    if (Chance(80)) ++accepted_;
  }
  // Disabled, or failed; and started afresh.
  void Kill(unsigned i) { dut_.live_i &= ~(std::uint64_t{1} << i); }
  void Start(unsigned i) {
    dut_.live_i |= std::uint64_t{1} << i;
    portals_[i].tail = portals_[i].head = 0;
    dut_.start_i = 1;
    dut_.start_idx_i = static_cast<std::uint8_t>(i);
  }

  void Step() {
    Settle();
    dut_.accepted_i = accepted_;
    dut_.answered_i = answered_;
    for (int pass = 0; pass < 2; ++pass) {
      dut_.q_tail_i = portals_[dut_.q_idx_o].tail;
      dut_.q_head_i = portals_[dut_.q_idx_o].head;
      Settle();
    }
    Watch();
    Streams();
    if (dut_.recall_i) waiting_.set(dut_.recall_idx_i);
    if (dut_.out_valid_o) {
      Answer();
      if (dut_.out_ready_i) {
        const unsigned i = dut_.out_portal_o;
        longest_ = std::max(longest_, now_ - portals_[i].since);
        waiting_.reset(i);
        ++portals_[i].head;
        ++accepted_;
        ++answers_;
        last_ = i;
        running_ = false;
      }
    }
    Cycle();
    dut_.recall_i = dut_.start_i = 0;
    dut_.stream_busy_i = stream_work_ != 0;
  }

  // The stream ports: called once for each RECALL, when nothing else is waited for.
  void Streams() {
    if (stream_work_ != 0) --stream_work_;
    if (!dut_.stream_recall_o) return;
    for (unsigned p = 0; p < kPortals; ++p) {
      ASSERT_FALSE(open_[p]) << "the stream ports before portal " << p;
    }
    ASSERT_FALSE(stream_list_) << "called twice";
    stream_list_ = dut_.stream_recall_list_o;
    stream_work_ = Chance(30) ? 0 : 1 + Random(stream_most_);
  }

  // Keeps in mind what the RECALL at work has to wait for at least: what was rung for when the one
  // before it was answered or, if there was none, when it came.
  void Watch() {
    if (!running_) {
      if (waiting_.none()) return;
      running_ = true;
      for (unsigned i = 0; i < kPortals; ++i) open_[i] = portals_[i].tail;
    }
    for (unsigned i = 0; i < kPortals; ++i) {
      if (!open_[i]) continue;
      const bool excused =
          !Live(i) || Stalled(i) || waiting_[i] || (dut_.start_i && dut_.start_idx_i == i);
      if (excused) {
        open_[i].reset();
      } else if (static_cast<std::int16_t>(portals_[i].head - *open_[i]) >= 0) {
        open_[i].reset();
        mark_ = accepted_;
      }
    }
  }
  void Answer() {
    const unsigned i = dut_.out_portal_o;
    ASSERT_TRUE(waiting_[i]) << "portal " << i << " asked for nothing";
    for (unsigned p = 0; p < kPortals; ++p) {
      ASSERT_FALSE(open_[p]) << "portal " << p << " has lines that were rung for before";
    }
    ASSERT_GE(static_cast<std::int16_t>(answered_ - mark_), 0)
        << "a line before it is not readable";
    ASSERT_EQ(stream_work_, 0u) << "the stream ports still hold blocks";
    ASSERT_TRUE(stream_list_) << "the stream ports do not know";
    ASSERT_EQ(*stream_list_, portals_[i].list);
    if (dut_.out_ready_i) stream_list_.reset();
    const LineWords words = GetLine(dut_.out_line_o);
    namespace cpl = regs::completion_header;
    std::uint64_t header = 0;
    header = cpl::opcode.set(header, static_cast<unsigned>(regs::opcode::recall));
    header = cpl::last.set(header, 1);
    header = cpl::list.set(header, portals_[i].list);
    header = cpl::cookie.set(header, portals_[i].cookie);
    LineWords expected{};
    expected[0] = static_cast<std::uint32_t>(header);
    expected[1] = static_cast<std::uint32_t>(header >> 32);
    ASSERT_EQ(words, expected);
    ASSERT_EQ(dut_.out_bank_o, portals_[i].bank);
  }
  // Cycles until the one at work is answered, and takes the answer; a visit takes 4 or 5.
  unsigned WaitForAnswer(unsigned most) {
    const std::uint64_t before = answers_;
    unsigned wait = 0;
    dut_.out_ready_i = 1;
    for (; answers_ == before && wait < most; ++wait) {
      answered_ = accepted_;
      Step();
    }
    dut_.out_ready_i = 0;
    return wait;
  }

  std::array<Portal, kPortals> portals_;
  std::bitset<kPortals> waiting_;
  std::array<std::optional<std::uint16_t>, kPortals> open_;  // what is still to be waited for
  bool running_ = false;
  std::uint16_t accepted_ = 0, answered_ = 0, mark_ = 65'000;
  std::uint64_t answers_ = 0, longest_ = 0;
  unsigned last_ = 0;                    // who was answered last
  std::optional<unsigned> stream_list_;  // what they were called for
  unsigned stream_work_ = 0;             // cycles they need
  unsigned stream_most_ = 4;
};

TEST_F(RecallUnit, IsAnsweredAfterWhatWasRungBefore) {
  for (unsigned phase = 0; phase < 20; ++phase) {
    const unsigned ring = 5 + Random(60), bus = 10 + Random(90), ready = 10 + Random(91);
    const bool lives = phase % 3 != 0;
    for (int i = 0; i < 8000; ++i) {
      const unsigned who = Random(kPortals);
      Portal& p = portals_[who];
      // Never more than a ring, and always some behind: nobody is ever quite done.
      const bool room = static_cast<std::uint16_t>(p.tail - p.head) < (phase % 2 == 0 ? 40 : 3);
      if (Chance(ring) && room && Live(who) && !waiting_[who]) ++p.tail;
      if (Chance(lives ? 3 : 1) && Live(who) && !waiting_[who] && p.tail == p.head) Recall(who);
      Execute(Random(kPortals));
      if (Chance(50)) Execute(Random(kPortals));
      if (lives && Chance(3)) dut_.stalled_i ^= std::uint64_t{1} << Random(kPortals);
      if (const unsigned at = Random(kPortals); lives && Chance(2)) {
        if (Live(at)) {
          Kill(at);
        } else if (!waiting_[at]) {
          Start(at);
        }
      }
      if (answered_ != accepted_ && Chance(bus)) ++answered_;
      dut_.out_ready_i = Chance(ready);
      Step();
      if (HasFailure()) return;
    }
    dut_.stalled_i = 0;
  }
  EXPECT_GT(answers_, 300u);
  // All portals may come before it, each with a visit to all others.
  EXPECT_LT(longest_, 64u * 64 * 40);
}

// All ask, and whoever is answered asks again at once.
TEST_F(RecallUnit, AnswersAllInTurns) {
  for (unsigned i = 0; i < kPortals; ++i) {
    Recall(i);
    Step();
  }
  std::array<unsigned, kPortals> since{};
  for (unsigned n = 0; n < 5 * kPortals && !HasFailure(); ++n) {
    ASSERT_LT(WaitForAnswer(1000), 900u);
    for (unsigned i = 0; i < kPortals; ++i) ASSERT_LE(++since[i], 2 * kPortals) << "portal " << i;
    since[last_] = 0;
    Recall(last_);
    Step();
  }
}

// The portals with a smaller number are visited before, those with a larger one after it.
TEST_F(RecallUnit, WaitsForOneSlowPortal) {
  for (unsigned slow = 0; slow < kPortals; ++slow) {
    if (slow == 30) continue;
    const unsigned lines = slow % 31 == 0 ? 1024 : 40;
    portals_[slow].tail = portals_[slow].head = static_cast<std::uint16_t>(rng_());
    // Nobody waits for the others.
    dut_.stalled_i = rng_() & ~(std::uint64_t{1} << slow);
    portals_[slow].tail = static_cast<std::uint16_t>(portals_[slow].tail + lines);
    Recall(30);
    for (unsigned line = 0; line < lines; ++line) {
      for (int i = 0; i < 8; ++i) {
        Step();
        ASSERT_FALSE(dut_.out_valid_o) << "portal " << slow;
      }
      Execute(slow);
      answered_ = accepted_;
    }
    EXPECT_LT(WaitForAnswer(1000), 400u);
  }
}

TEST_F(RecallUnit, DoesNotWaitForWhatIsRungLater) {
  portals_[5].tail = static_cast<std::uint16_t>(portals_[5].tail + 3);
  Recall(2);
  for (int i = 0; i < 150; ++i) Step();
  for (int line = 0; line < 3; ++line) {
    ++portals_[5].tail;
    Execute(5);
  }
  answered_ = accepted_;
  EXPECT_LT(WaitForAnswer(1000), 400u);
  EXPECT_NE(portals_[5].tail, portals_[5].head);
}

TEST_F(RecallUnit, WaitsForTheBus) {
  Recall(2);
  accepted_ = static_cast<std::uint16_t>(answered_ + 100);
  for (int i = 0; i < 2000; ++i) {
    Step();
    ASSERT_FALSE(dut_.out_valid_o);
  }
  answered_ = accepted_;
  EXPECT_LT(WaitForAnswer(100), 10u);
}

TEST_F(RecallUnit, WaitsForTheStreamPorts) {
  stream_most_ = 1000;
  for (int round = 0; round < 10; ++round) {
    Recall(Random(kPortals));
    answered_ = accepted_;
    WaitForAnswer(3000);
  }
  EXPECT_EQ(answers_, 10u);
  EXPECT_EQ(stream_work_, 0u);
}

TEST_F(RecallUnit, WaitsForNobodyWhoMayNeverCome) {
  for (unsigned n = 0; n < 4 * kPortals; ++n) {
    const unsigned slow = n / 4, way = n % 4;
    if (slow == 1) continue;
    Portal& p = portals_[slow];
    p.tail = static_cast<std::uint16_t>(p.tail + 10);
    Recall(1);
    for (int i = 0; i < 600; ++i) Step();
    ASSERT_FALSE(dut_.out_valid_o);
    if (way == 0) dut_.stalled_i |= std::uint64_t{1} << slow;
    if (way == 1) Recall(slow);
    if (way == 2) {
      // It has lines again at once, but these are of another life.
      Start(slow);
      p.tail = 10;
    }
    if (way == 3) Kill(slow);
    EXPECT_LT(WaitForAnswer(1000), 400u) << way;
    // The next one meets it as it is now, before the first look at it.
    if (way != 1 && way != 2) {
      Recall(1);
      EXPECT_LT(WaitForAnswer(1000), 400u) << way;
    }
    if (way == 1) {
      p.head = static_cast<std::uint16_t>(p.tail - 1);
      EXPECT_LT(WaitForAnswer(1000), 400u);
    }
    p.head = p.tail;
    dut_.stalled_i = 0;
    if (way == 3) Start(slow);
    Step();
  }
}

}  // namespace
}  // namespace exalloc::test
