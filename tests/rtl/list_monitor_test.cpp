// list_monitor against docs/protocol.md, "Counts and thresholds of a list": every register, every
// change of a depleted bit and its pulse, in the order in which updates are taken.
#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "Vlist_monitor.h"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace {

constexpr unsigned kSources = 12, kLists = 255;
using exalloc::regs::bank_op;
constexpr auto kLink = static_cast<unsigned>(bank_op::link);
constexpr auto kTrim = static_cast<unsigned>(bank_op::trim);
constexpr auto kOpen = static_cast<unsigned>(bank_op::open);
constexpr auto kClose = static_cast<unsigned>(bank_op::close);
constexpr unsigned kTotal = exalloc::regs::offset::list_total;
constexpr unsigned kInUse = exalloc::regs::offset::list_in_use;
constexpr unsigned kHighWater = exalloc::regs::offset::list_high_water;
constexpr unsigned kGranted = exalloc::regs::offset::list_granted;
constexpr unsigned kRefusals = exalloc::regs::offset::list_refusals;
constexpr unsigned kLow = exalloc::regs::offset::depletion_low;
constexpr unsigned kHigh = exalloc::regs::offset::depletion_high;

// One list, by the words of the protocol.
struct List {
  uint32_t total = 0, in_use = 0, high_water = 0, granted = 0, refusals = 0, low = 0, high = 0;
  bool depleted = false;

  // Whether the bit has changed.
  bool Look() {
    const auto difference = static_cast<int32_t>(total - in_use);
    const uint32_t free = difference < 0 ? 0 : static_cast<uint32_t>(difference);
    const bool before = depleted;
    if (!depleted && free < low) {
      depleted = true;
    } else if (depleted && free >= std::max(low, high)) {
      depleted = false;
    }
    return depleted != before;
  }
  uint32_t Value(unsigned address) const {
    switch (address) {
      case kTotal:
        return total;
      case kInUse:
        return in_use;
      case kHighWater:
        return high_water;
      case kGranted:
        return granted;
      case kRefusals:
        return refusals;
      case kLow:
        return low;
      case kHigh:
        return high;
      default:
        return 0;
    }
  }
};

struct Tell {
  bool release;
  unsigned list, count;
};
struct Command {
  unsigned kind, list;
  uint32_t blocks;
};
struct Write {
  unsigned list, address;
  uint32_t value;
};

class ListMonitor : public ports::ModuleTest<Vlist_monitor> {
 protected:
  ListMonitor() { Sweep(); }

  void Sweep() {
    for (unsigned i = 0; i < 600 && !dut_.ready_o; ++i) Cycle();
    ASSERT_TRUE(dut_.ready_o);
  }

  // ---- What may be asked for; Step() drives it ----

  void Offer(unsigned source, const Tell& tell) {
    EXPECT_FALSE(tells_[source]);
    tells_[source] = tell;
    waited_[source] = 0;
  }
  bool Free(unsigned source) const { return !tells_[source]; }

  void Put() {
    dut_.tell_valid_i = 0;
    for (unsigned s = 0; s < kSources; ++s) {
      if (!tells_[s]) {  // what a silent source shows means nothing
        ports::Put(dut_.tell_list_i, 8 * s, 8, Random(256));
        ports::Put(dut_.tell_count_i, 7 * s, 7, Random(128));
        continue;
      }
      dut_.tell_valid_i |= static_cast<uint16_t>(1u << s);
      ports::Put(dut_.tell_release_i, s, 1, tells_[s]->release);
      ports::Put(dut_.tell_list_i, 8 * s, 8, tells_[s]->list);
      ports::Put(dut_.tell_count_i, 7 * s, 7, tells_[s]->count);
    }
    dut_.mon_valid_i = command_.has_value();
    if (command_) {
      dut_.mon_kind_i = static_cast<uint8_t>(command_->kind);
      dut_.mon_list_i = static_cast<uint8_t>(command_->list);
      dut_.mon_blocks_i = command_->blocks;
    }
    dut_.error_i = error_.has_value();
    dut_.error_list_i = static_cast<uint8_t>(error_.value_or(Random(256)));
    dut_.lists_we_i = write_.has_value();
    dut_.lists_re_i = 0;
    dut_.depleted_re_i = 0;
    dut_.lists_wdata_i = write_ ? write_->value : static_cast<uint32_t>(rng_());
    if (write_) {
      dut_.lists_index_i = static_cast<uint8_t>(write_->list);
      dut_.lists_addr_i = static_cast<uint8_t>(write_->address);
    } else if (read_ && !reading_) {
      dut_.lists_re_i = read_->address != kDepleted;
      dut_.depleted_re_i = read_->address == kDepleted;
      dut_.lists_index_i = static_cast<uint8_t>(read_->list);
      dut_.lists_addr_i = static_cast<uint8_t>(read_->address);
      dut_.depleted_index_i = static_cast<uint8_t>(read_->list);
    } else {
      dut_.lists_index_i = static_cast<uint8_t>(Random(256));
      dut_.lists_addr_i = static_cast<uint8_t>(4 * Random(8));
    }
  }

  void Changed(List& list) {
    if (list.Look()) pulses_.push_back({list.depleted, now_});
  }

  void Step() {
    Put();
    Settle();
    // A write takes its place in the cycle after its pulse, a read two cycles after, or when no
    // more writes come.
    if (writing_) {
      List& l = lists_[writing_->list];
      (writing_->address == kLow ? l.low : l.high) = writing_->value;
      Changed(l);
    }
    unsigned taken = 0;
    for (unsigned s = 0; s < kSources; ++s) {
      if (!(dut_.tell_ready_o >> s & 1)) {
        // Writes, reads and commands come first; among the sources each has its turn.
        if (tells_[s] && dut_.tell_ready_o != 0) {
          ASSERT_LE(++waited_[s], kSources) << "source " << s << " starves";
        }
        continue;
      }
      ASSERT_TRUE(tells_[s]) << "ready for nothing";
      ++taken;
      List& l = lists_[tells_[s]->list];
      if (tells_[s]->release) {
        l.in_use -= tells_[s]->count;
      } else {
        l.in_use += tells_[s]->count;
        l.granted += tells_[s]->count;
        // In use may be below 0 for a moment.
        if (static_cast<int32_t>(l.in_use) > 0) l.high_water = std::max(l.high_water, l.in_use);
      }
      Changed(l);
      tells_[s].reset();
    }
    if (dut_.mon_ready_o) {
      ASSERT_TRUE(command_) << "ready for nothing";
      ++taken;
      List& l = lists_[command_->list];
      switch (command_->kind) {
        case kOpen: {
          const uint32_t refusals = l.refusals;
          l = {};
          l.refusals = refusals;
          break;
        }
        case kClose:
          l.depleted = false;
          break;
        case kLink:
          l.total += command_->blocks;
          Changed(l);
          break;
        default:
          l.total -= command_->blocks;
          Changed(l);
      }
      command_.reset();
    }
    ASSERT_LE(taken, writing_ ? 0u : 1u) << "two at once";
    taken_ += taken;
    if (read_now_) expected_ = Expected(*read_);

    writing_.reset();
    if (write_ && dut_.ready_o && write_->list < kLists &&
        (write_->address == kLow || write_->address == kHigh)) {
      writing_ = write_;
    }
    read_now_ = read_next_ && !dut_.lists_we_i;
    if (read_now_) read_next_ = false;
    if (dut_.lists_re_i || dut_.depleted_re_i) {
      read_next_ = true;
      reading_ = true;
      least_refusals_ = lists_[read_->list].refusals;
    }
    if (error_ && *error_ < kLists && dut_.ready_o) ++lists_[*error_].refusals;
    write_.reset();
    error_.reset();
    Cycle();

    ASSERT_EQ(dut_.cnt_depletion_o && !dut_.depletion_o, false);
    if (dut_.depletion_o) {
      ASSERT_FALSE(pulses_.empty()) << "no bit changed";
      ASSERT_EQ(dut_.cnt_depletion_o != 0, pulses_.front().fell);
      pulses_.pop_front();
    }
    if (!pulses_.empty()) {
      ASSERT_LE(now_ - pulses_.front().when, 10u) << "a pulse is missing";
    }
    if (dut_.lists_rvalid_o || dut_.depleted_rvalid_o) {
      ASSERT_TRUE(reading_);
      ASSERT_EQ(dut_.depleted_rvalid_o != 0, read_->address == kDepleted);
      value_ = dut_.depleted_rvalid_o ? dut_.depleted_rdata_o : dut_.lists_rdata_o;
      if (read_->address == kRefusals && read_->list < kLists) {
        ASSERT_GE(*value_, least_refusals_);
        ASSERT_LE(*value_, lists_[read_->list].refusals);
      } else {
        ASSERT_EQ(*value_, expected_) << "list " << read_->list << " register " << read_->address;
      }
      read_.reset();
      reading_ = false;
      ++answers_;
    }
  }
  void Steps(unsigned n) {
    while (n-- > 0 && !HasFatalFailure()) Step();
  }

  struct Read {
    unsigned list, address;
  };
  static constexpr unsigned kDepleted = 0x100;  // not an offset: the other window

  uint32_t Expected(const Read& read) const {
    if (read.address != kDepleted) {
      return read.list < kLists ? lists_[read.list].Value(read.address) : 0;
    }
    uint32_t word = 0;
    for (unsigned i = 0; i < 32; ++i) {
      word |= static_cast<uint32_t>(lists_[32 * read.list + i].depleted) << i;
    }
    return word;
  }

  // ---- One thing after the other ----

  void Settled() {
    for (unsigned i = 0; i < 200 && (dut_.busy_o || i < 8) && !HasFatalFailure(); ++i) Step();
    EXPECT_FALSE(dut_.busy_o);
    EXPECT_TRUE(pulses_.empty());
  }
  uint32_t Ask(unsigned list, unsigned address) {
    value_.reset();
    read_ = Read{list, address};
    for (unsigned i = 0; i < 20 && !value_ && !HasFatalFailure(); ++i) Step();
    EXPECT_TRUE(value_) << "no answer";
    return value_.value_or(0);
  }
  bool Depleted(unsigned list) { return (Ask(list / 32, kDepleted) >> list % 32 & 1) != 0; }
  void Set(unsigned list, unsigned address, uint32_t value) {
    write_ = Write{list, address, value};
    Step();
    Settled();
  }
  void Run(const Command& command) {
    command_ = command;
    Step();
    Settled();
  }
  void Move(const Tell& tell) {
    Offer(Random(kSources), tell);
    Step();
    Settled();
  }
  void CheckAll() {
    Settled();
    for (unsigned list = 0; list < 256 && !HasFatalFailure(); ++list) {
      for (unsigned address = 0; address < 0x20; address += 4) Ask(list, address);
    }
    for (unsigned word = 0; word < 8 && !HasFatalFailure(); ++word) Ask(word, kDepleted);
  }

  struct Pulse {
    bool fell;
    std::uint64_t when;
  };

  std::array<List, 256> lists_{};
  std::array<std::optional<Tell>, kSources> tells_;
  std::array<unsigned, kSources> waited_{};
  std::optional<Command> command_;
  std::optional<unsigned> error_;
  std::optional<Write> write_;
  std::optional<Write> writing_;
  std::optional<Read> read_;
  bool reading_ = false;
  bool read_next_ = false, read_now_ = false;
  uint32_t expected_ = 0, least_refusals_ = 0;
  std::optional<uint32_t> value_;
  std::deque<Pulse> pulses_;
  std::uint64_t taken_ = 0, answers_ = 0;
};

TEST_F(ListMonitor, StartsAtZero) { CheckAll(); }

TEST_F(ListMonitor, FallsAndRecoversAtItsThresholds) {
  Run({kOpen, 40, 0});
  Run({kLink, 40, 100});
  Set(40, kLow, 10);
  Set(40, kHigh, 20);
  Move({false, 40, 90});  // 10 free
  EXPECT_FALSE(Depleted(40));
  Move({false, 40, 1});  // 9
  EXPECT_TRUE(Depleted(40));
  Move({true, 40, 1});  // 10: between the two nothing changes
  Move({true, 40, 9});  // 19
  EXPECT_TRUE(Depleted(40));
  Move({true, 40, 1});  // 20
  EXPECT_FALSE(Depleted(40));
  Move({false, 40, 10});  // 10
  EXPECT_FALSE(Depleted(40));
  Run({kTrim, 40, 1});  // 9
  EXPECT_TRUE(Depleted(40));
  Run({kLink, 40, 10});  // 19
  EXPECT_TRUE(Depleted(40));
  Run({kLink, 40, 1});  // 20
  EXPECT_FALSE(Depleted(40));
  EXPECT_FALSE(Depleted(8));
}

TEST_F(ListMonitor, TakesAHighBelowLowAsLow) {
  Run({kOpen, 3, 0});
  Run({kLink, 3, 64});
  Set(3, kLow, 10);
  Set(3, kHigh, 4);
  Move({false, 3, 55});  // 9 free
  EXPECT_TRUE(Depleted(3));
  Move({true, 3, 1});  // 10
  EXPECT_FALSE(Depleted(3));
  Move({false, 3, 1});
  EXPECT_TRUE(Depleted(3));
}

TEST_F(ListMonitor, IsNeverDepletedWithALowOfZero) {
  Run({kOpen, 254, 0});
  Set(254, kHigh, 50);
  EXPECT_FALSE(Depleted(254));
  Run({kLink, 254, 64});
  Move({false, 254, 64});
  EXPECT_FALSE(Depleted(254));
  Move({false, 254, 1});  // more than the total: a slab that is being linked
  EXPECT_FALSE(Depleted(254));
  Set(254, kLow, 1);
  EXPECT_TRUE(Depleted(254));
  Set(254, kHigh, 0);
  EXPECT_TRUE(Depleted(254)) << "fewer than none is fewer than one";
  Set(254, kLow, 0);
  EXPECT_FALSE(Depleted(254));
}

TEST_F(ListMonitor, LooksWhenAThresholdIsWritten) {
  Run({kOpen, 9, 0});
  Run({kLink, 9, 64});
  Set(9, kLow, 65);
  EXPECT_TRUE(Depleted(9));
  Set(9, kHigh, 0xffffffff);
  Set(9, kLow, 64);
  EXPECT_TRUE(Depleted(9));
  Set(9, kHigh, 64);
  EXPECT_FALSE(Depleted(9));
  Set(9, kLow, 0xffffffff);
  EXPECT_TRUE(Depleted(9));
  // Registers that are read only, and a list that does not exist.
  for (unsigned address : {kTotal, kInUse, kHighWater, kGranted, kRefusals, 0x1cu}) {
    Set(9, address, 77);
    Set(255, address, 77);
  }
  Set(255, kLow, 77);
  CheckAll();
}

TEST_F(ListMonitor, OpenAndCloseClearTheBitInSilence) {
  Run({kOpen, 9, 0});
  error_ = 9;
  Set(9, kLow, 1);
  EXPECT_TRUE(Depleted(9));
  Run({kClose, 9, 0});
  EXPECT_FALSE(Depleted(9));
  EXPECT_EQ(Ask(9, kLow), 1u);
  EXPECT_FALSE(Depleted(9)) << "a read changes nothing";
  Set(9, kLow, 2);
  EXPECT_TRUE(Depleted(9));
  Run({kOpen, 9, 0});
  EXPECT_FALSE(Depleted(9));
  EXPECT_EQ(Ask(9, kRefusals), 1u);
  CheckAll();
}

TEST_F(ListMonitor, CountsWrapAndCarry) {
  Run({kOpen, 5, 0});
  Run({kLink, 5, 0xffff});
  Run({kLink, 5, 1});
  EXPECT_EQ(Ask(5, kTotal), 0x10000u);
  Run({kTrim, 5, 1});
  EXPECT_EQ(Ask(5, kTotal), 0xffffu);
  Run({kLink, 5, 0xffffffff});
  Run({kLink, 5, 3});
  EXPECT_EQ(Ask(5, kTotal), 0x10001u);
  Move({true, 5, 3});  // told before the GRANT that handed them out
  EXPECT_EQ(Ask(5, kInUse), 0xfffffffdu);
  Move({false, 5, 2});
  EXPECT_EQ(Ask(5, kHighWater), 0u);
  Move({false, 5, 2});
  EXPECT_EQ(Ask(5, kInUse), 1u);
  EXPECT_EQ(Ask(5, kHighWater), 1u);
  for (unsigned i = 0; i < 1200 && !HasFatalFailure(); ++i) {
    Offer(i % kSources, {false, 5, 112});
    while (!Free((i + 1) % kSources) && !HasFatalFailure()) Step();
  }
  Settled();
  EXPECT_EQ(Ask(5, kGranted), 1200u * 112 + 4);
  EXPECT_EQ(Ask(5, kHighWater), 1200u * 112 + 1);
  CheckAll();
}

TEST_F(ListMonitor, TakesAnUpdateACycleEvenOfOneList) {
  for (unsigned lists : {1u, 2u, 3u, 200u}) {
    for (unsigned list = 0; list < lists; ++list) Run({kLink, list, 5000});
    const std::uint64_t before = taken_, start = now_;
    while (now_ < start + 2000 && !HasFatalFailure()) {
      for (unsigned s = 0; s < kSources; ++s) {
        if (Free(s)) Offer(s, {Chance(50), Random(lists), Random(113)});
      }
      error_ = Random(lists);
      Step();
    }
    EXPECT_GE(taken_ - before, 1998u) << lists << " lists";
    CheckAll();
  }
}

TEST_F(ListMonitor, MatchesTheModelOnRandomTraffic) {
  for (unsigned n = 0; n < 200'000 && !HasFatalFailure(); ++n) {
    const unsigned phase = n / 2000;
    const unsigned lists = phase % 4 == 3 ? 256 : 1 + phase % 7;
    const unsigned base = phase * 29 % 249;
    const auto any = [&] { return lists == 256 ? Random(256) : base + Random(lists); };
    const auto real = [&] { return std::min(any(), kLists - 1); };
    const unsigned load = phase % 3 == 0 ? 40 : phase % 3 == 1 ? 10 : 2;
    for (unsigned s = 0; s < kSources; ++s) {
      if (Free(s) && Chance(load)) {
        const unsigned list = real();
        // Around what there is, so that the thresholds are crossed in both directions.
        const bool much = static_cast<int32_t>(lists_[list].in_use) > 300;
        Offer(s, {Chance(much ? 60 : 40), list, 1 + Random(Chance(50) ? 3 : 112)});
      }
    }
    if (!command_ && Chance(5)) {
      const unsigned list = real();
      const unsigned kind = Chance(70) ? kLink + Random(2) : Chance(20) ? kOpen + Random(2) : kLink;
      const uint32_t blocks = Chance(2)                      ? static_cast<uint32_t>(rng_())
                              : lists_[list].total > 1000000 ? 0 - lists_[list].total
                                                             : Random(Chance(50) ? 10 : 400);
      command_ = Command{kind, list, blocks};
    }
    if (Chance(30)) error_ = any();
    if (Chance(phase % 5 == 0 ? 60 : 10)) {
      const unsigned list = any();
      const uint32_t free = lists_[list].total - lists_[list].in_use;
      const uint32_t value = Chance(5)   ? 0
                             : Chance(5) ? static_cast<uint32_t>(rng_())
                                         : free + Random(41) - 20;
      write_ = Write{list, Chance(90) ? kLow + 4 * Random(2) : 4 * Random(8), value};
    } else if (!read_ && Chance(40)) {
      read_ = Chance(70) ? Read{any(), 4 * Random(8)} : Read{Random(8), kDepleted};
    }
    Step();
  }
  EXPECT_GT(answers_, 5000u);
  CheckAll();
}

TEST_F(ListMonitor, IsSweptByAReset) {
  for (unsigned n = 0; n < 3000; ++n) {
    for (unsigned s = 0; s < kSources; ++s) {
      if (Free(s)) Offer(s, {Chance(30), Random(255), Random(113)});
    }
    error_ = Random(255);
    if (n % 5 == 0) write_ = Write{Random(255), kLow, Random(1000)};
    Step();
  }
  ASSERT_FALSE(HasFatalFailure());
  // In the middle of it all. Until the sweep is done reads are answered 0, and nothing is taken.
  Reset();
  lists_ = {};
  pulses_.clear();
  writing_.reset();
  waited_ = {};
  EXPECT_FALSE(dut_.ready_o);
  command_ = Command{kLink, 3, 10};
  unsigned answered = 0;
  while (!dut_.ready_o && !HasFatalFailure()) {
    const unsigned list = Random(256);
    if (!read_) read_ = Chance(50) ? Read{list, 4 * Random(8)} : Read{list / 32, kDepleted};
    const std::uint64_t before = taken_;
    Step();
    if (!dut_.ready_o) {
      EXPECT_EQ(taken_, before);
    }
    ASSERT_LT(++answered, 600u);
  }
  EXPECT_GT(answers_, 10u);
  CheckAll();
}

}  // namespace
