// card_counters: every event in its own counter, exactly, read while all of them are counting.
#include <array>
#include <deque>

#include "Vcard_counters.h"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace {

using exalloc::regs::counter;

constexpr unsigned kCounters = 23;
constexpr unsigned kWorkers = 8, kBanks = 4;
// Cycles until an event must show: adders, and a turn of the counters.
constexpr unsigned kLag = 45;

using Sums = std::array<std::uint64_t, kCounters>;

class CardCounters : public ports::ModuleTest<Vcard_counters> {
 protected:
  CardCounters() {
    Reset();
    history_.assign(kLag + 1, Sums{});
  }

  void Count(counter which, std::uint64_t n) { sums_[static_cast<unsigned>(which)] += n; }
  template <typename Port>
  Port Some(unsigned sources, unsigned width, counter which) {
    std::uint64_t port = rng_() & rng_();
    if (Chance(5)) port = ~std::uint64_t{0};
    if (Chance(5)) port = 0;
    port &= (std::uint64_t{1} << sources * width) - 1;
    if (!counting_) port = 0;
    for (unsigned s = 0; s < sources; ++s) Count(which, ports::Get(port, s * width, width));
    return static_cast<Port>(port);
  }

  void Step() {
    dut_.grant_line_i = Some<std::uint8_t>(kWorkers, 1, counter::grant_lines);
    dut_.granted_i = Some<std::uint32_t>(kWorkers, 4, counter::blocks_granted);
    dut_.release_line_i = Some<std::uint8_t>(kWorkers, 1, counter::release_lines);
    dut_.released_i = Some<std::uint32_t>(kWorkers, 4, counter::blocks_released);
    dut_.empty_i = Some<std::uint8_t>(kWorkers, 1, counter::empties);
    dut_.surplus_i = Some<std::uint64_t>(kWorkers, 5, counter::surplus_blocks);
    dut_.refusal_i = Some<std::uint8_t>(1, 1, counter::refusals);
    dut_.recall_i = Some<std::uint8_t>(1, 1, counter::recalls);
    dut_.doorbell_i = Some<std::uint8_t>(1, 1, counter::doorbells);
    dut_.fetched_i = Some<std::uint8_t>(1, 1, counter::lines_fetched);
    dut_.written_i = Some<std::uint8_t>(1, 1, counter::lines_written);
    dut_.bank_op_i = Some<std::uint8_t>(kBanks, 1, counter::engine_ops);
    dut_.replay_i = Some<std::uint8_t>(kBanks, 1, counter::engine_replays);
    dut_.linked_i = Some<std::uint8_t>(1, 3, counter::slabs_linked);
    dut_.taken_i = Some<std::uint8_t>(1, 3, counter::slabs_taken);
    dut_.lookaside_line_i = Some<std::uint8_t>(1, 1, counter::lookaside_lines);
    dut_.popped_i = Some<std::uint8_t>(1, 1, counter::entries_popped);
    dut_.pushed_i = Some<std::uint8_t>(1, 1, counter::entries_pushed);
    dut_.governor_pass_i = Some<std::uint8_t>(1, 1, counter::governor_passes);
    dut_.stream_popped_i = Some<std::uint8_t>(1, 3, counter::stream_popped);
    dut_.stream_pushed_i = Some<std::uint8_t>(1, 3, counter::stream_pushed);
    dut_.depletion_i = Some<std::uint8_t>(1, 1, counter::depletions);
    dut_.gated_cycles_i = Chance(5) ? static_cast<std::uint32_t>(rng_()) >> Random(32) : 0;
    Count(counter::cycles, std::uint64_t{1} + dut_.gated_cycles_i);
    Cycle();
    history_.push_back(sums_);
    history_.pop_front();
  }
  std::uint32_t Half(unsigned index, bool high) {
    dut_.re_i = 1;
    dut_.index_i = static_cast<std::uint8_t>(index);
    dut_.high_i = high;
    Step();
    dut_.re_i = 0;
    dut_.index_i = static_cast<std::uint8_t>(Random(32));
    dut_.high_i = Chance(50);
    Step();
    return dut_.rdata_o;
  }
  std::uint64_t Value(unsigned index) {
    const std::uint64_t low = Half(index, false);
    for (unsigned i = Random(20); i > 0; --i) Step();
    return low | std::uint64_t{Half(index, true)} << 32;
  }

  bool counting_ = true;
  Sums sums_{};
  std::deque<Sums> history_;
};

TEST_F(CardCounters, CountEveryEventInItsPlace) {
  for (int i = 0; i < 3000; ++i) {
    for (unsigned k = Random(30); k > 0; --k) Step();
    const unsigned index = Random(kCounters);
    const std::uint64_t least = history_.front()[index];
    const std::uint64_t value = Value(index);
    const std::uint64_t most = sums_[index];
    ASSERT_GE(value, least) << "counter " << index;
    ASSERT_LE(value, most) << "counter " << index;
  }
  counting_ = false;
  for (unsigned i = 0; i < 2 * kLag; ++i) Step();
  for (unsigned c = 0; c < kCounters; ++c) {
    if (c == static_cast<unsigned>(counter::cycles)) continue;
    EXPECT_EQ(Value(c), sums_[c]) << "counter " << c;
  }
  for (unsigned c = kCounters; c < 32; ++c) EXPECT_EQ(Value(c), 0u) << "counter " << c;
  Reset();
  for (unsigned i = 0; i < 2 * kLag; ++i) Step();
  for (unsigned c = 1; c < kCounters; ++c) EXPECT_EQ(Value(c), 0u) << "counter " << c;
}

}  // namespace
