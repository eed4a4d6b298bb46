// lookaside_counts against counts that are simply kept: an operation every cycle or fewer, on many
// lists or one.
#include <algorithm>
#include <array>
#include <deque>

#include "Vlookaside_counts.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kLists = 64;

class LookasideCounts : public ports::ModuleTest<Vlookaside_counts> {
 protected:
  struct List {
    std::array<std::uint32_t, 4> counts{};
    std::uint32_t allocates = 0, misses = 0;  // since the governor came by
    unsigned high_water = 0;
  };
  struct Seen {
    unsigned high_water;
    std::uint32_t count, allocates, misses;
  };
  enum Op { kNone, kAdd, kClear, kGovern, kPush };

  LookasideCounts() {
    for (unsigned i = 0; i < kLists; ++i) Step(kClear, i);
  }

  void Step(Op op, unsigned list, std::uint64_t data = 0) {
    List& l = lists_[list];
    dut_.list_i = static_cast<std::uint8_t>(list);
    dut_.add_i = op == kAdd;
    dut_.clear_i = op == kClear;
    dut_.govern_i = op == kGovern;
    dut_.push_i = op == kPush;
    dut_.deltas_i = data;
    dut_.held_i = data % 257;
    dut_.select_i = static_cast<std::uint8_t>(Random(4));
    seen_.push_front({l.high_water, l.counts[dut_.select_i], l.allocates, l.misses});
    if (op == kAdd) {
      for (unsigned i = 0; i < 4; ++i) l.counts[i] += data >> (16 * i) & 0xFFFF;
      l.allocates += data & 0xFFFF;
      l.misses += data >> 16 & 0xFFFF;
    }
    if (op == kClear) l = {};
    if (op == kGovern) l.allocates = l.misses = 0;
    if (op == kPush) l.high_water = std::max<unsigned>(l.high_water, dut_.held_i);
    Cycle();
    if (++steps_ <= kLists + 3) return;  // what was there before the sweep
    ASSERT_EQ(dut_.high_water_o, seen_[0].high_water);
    ASSERT_EQ(dut_.count_o, seen_[1].count);
    const auto [high, count, a, m] = seen_[2];
    const bool idle = a<16, grow = std::uint64_t{32} * m> a;
    ASSERT_EQ(dut_.idle_o, idle) << a;
    ASSERT_EQ(dut_.grow_o, grow) << a << " " << m;
    seen_.resize(4);
    idles_ += idle;
    grows_ += grow;
  }

  std::array<List, kLists> lists_;
  std::deque<Seen> seen_;
  unsigned steps_ = 0, idles_ = 0, grows_ = 0;
};

TEST_F(LookasideCounts, MatchesTheModel) {
  for (unsigned phase = 0; phase < 100; ++phase) {
    const unsigned lists = 1u << Random(7), large = Random(100), misses = Random(33);
    for (unsigned i = 0; i < 2000; ++i) {
      const unsigned kind = Random(100);
      const Op op = kind < 70   ? kAdd
                    : kind < 80 ? kPush
                    : kind < 88 ? kGovern
                    : kind < 90 ? kClear
                                : kNone;
      std::uint64_t data = rng_();
      if (op == kAdd && !Chance(large)) {
        const unsigned a = Random(200);
        data = a | std::uint64_t{a * misses / 500} << 16 | (data & 0xFFFF0000FFFF) << 16;
      }
      Step(op, Random(lists), data);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(idles_, 1000u);
  EXPECT_GT(grows_, 1000u);
}

TEST_F(LookasideCounts, WrapsAndComparesAtEveryBorder) {
  for (unsigned i = 0; i < 70'000; ++i) {
    Step(kAdd, 5, i % 3 == 0 ? ~std::uint64_t{0} : 0xFFFFFFFF0000FFFF | std::uint64_t{2048} << 16);
    if (HasFailure()) return;
  }
  for (unsigned misses = 0; misses < 2000; ++misses) {  // 32 misses against 32 - 1, 32, 32 + 1
    for (int off = -1; off <= 1; ++off) {
      Step(kGovern, 6);
      Step(kAdd, 6,
           static_cast<std::uint64_t>(32 * misses + 32 + off) % 65536 | std::uint64_t{misses + 1}
                                                                            << 16);
      Step(kNone, 6);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
