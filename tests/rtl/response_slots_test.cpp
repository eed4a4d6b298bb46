// The answers' slots against arrays: what is written can be read, whatever number of banks answers
// in a cycle, and pending, came, refused and failed change in the cycle they are promised for.
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "Vresponse_slots.h"
#include "ports.hpp"

namespace {

constexpr unsigned kBanks = 4, kSlots = 16, kOk = 0, kEmpty = 1;

struct Answer {
  unsigned status, slab, quarter, bits;
};

class ResponseSlots : public ports::SeededTest {
 protected:
  ResponseSlots() { Reset(); }
  ~ResponseSlots() override { dut_.final(); }

  void Reset() {
    dut_.rst_i = 1;
    dut_.sent_i = dut_.rsp_valid_i = dut_.clear_i = 0;
    ports::Clock(dut_);
    dut_.rst_i = 0;
    ages_.clear();
    came_ = 0;
    refused_ = failed_ = false;
  }

  // Sends with `send` percent while fewer than `most` are under way; each bank answers with
  // `answer` percent whatever has been under way for two cycles.
  void Cycle(unsigned send, unsigned answer, unsigned most, unsigned bad = 20) {
    ReadBack();
    ASSERT_EQ(dut_.pending_o, !ages_.empty());
    ASSERT_EQ(dut_.came_o, came_);
    ASSERT_EQ(dut_.refused_o, refused_);
    ASSERT_EQ(dut_.failed_o, failed_);
    dut_.sent_i = ages_.size() < most && Chance(send);
    dut_.clear_i = Chance(5);
    dut_.rsp_valid_i = 0;
    bool refused = false, failed = false;
    unsigned came = 0;
    for (unsigned b = 0; b < kBanks; ++b) {
      const Answer a{Chance(bad) ? Random(16) : Random(2), Random(16384), Random(4), Random(65536)};
      const unsigned slot = Random(kSlots);
      // Lanes without an answer carry noise.
      ports::Put(dut_.rsp_slot_i, b * 4, 4, slot);
      ports::Put(dut_.rsp_status_i, b * 4, 4, a.status);
      ports::Put(dut_.rsp_slab_i, b * 14, 14, a.slab);
      ports::Put(dut_.rsp_quarter_i, b * 2, 2, a.quarter);
      ports::Put(dut_.rsp_bits_i, b * 16, 16, a.bits);
      if (ages_.empty() || ages_.front() < 2 || !Chance(answer)) continue;
      ages_.erase(ages_.begin());
      dut_.rsp_valid_i = static_cast<uint8_t>(dut_.rsp_valid_i | 1u << b);
      slots_[b][slot] = a;
      came |= 1u << slot;
      failed = failed || a.status != kOk;
      refused = refused || (a.status != kOk && a.status != kEmpty);
      ++answered_;
    }
    together_[static_cast<unsigned>(std::popcount(dut_.rsp_valid_i))]++;
    for (unsigned& age : ages_) ++age;
    if (dut_.sent_i) ages_.push_back(1);
    came_ = dut_.clear_i ? 0 : came_ | came;
    refused_ = !dut_.clear_i && (refused_ || refused);
    failed_ = !dut_.clear_i && (failed_ || failed);
    ports::Clock(dut_);
  }

  // Any answer that has come, in the same cycle it is asked for.
  void ReadBack() {
    const unsigned b = Random(kBanks), slot = Random(kSlots);
    dut_.read_bank_i = static_cast<uint8_t>(b);
    dut_.read_slot_i = static_cast<uint8_t>(slot);
    dut_.eval();
    const std::optional<Answer>& a = slots_[b][slot];
    if (!a) return;
    ASSERT_EQ(dut_.read_status_o, a->status);
    ASSERT_EQ(dut_.read_slab_o, a->slab);
    ASSERT_EQ(dut_.read_quarter_o, a->quarter);
    ASSERT_EQ(dut_.read_bits_o, a->bits);
  }

  Vresponse_slots dut_;
  std::array<std::array<std::optional<Answer>, kSlots>, kBanks> slots_;
  std::vector<unsigned> ages_;  // cycles since each operation under way was sent
  unsigned came_ = 0;           // a bit a slot
  bool refused_ = false, failed_ = false;
  uint64_t answered_ = 0;
  std::array<uint64_t, kBanks + 1> together_{};
};

TEST_F(ResponseSlots, MatchArraysUnderAnyTiming) {
  for (unsigned n = 0; n < 150'000 && !HasFatalFailure(); ++n) {
    const unsigned mood = n / 400 % 5;
    Cycle(mood == 4 ? 10 : 90, std::array{100u, 40u, 5u, 25u, 100u}[mood],
          n / 2000 % 2 != 0 ? 31 : 14);
  }
  for (unsigned k = 0; k <= kBanks; ++k) EXPECT_GT(together_[k], 100u) << k << " answers at once";
}

TEST_F(ResponseSlots, PendingFallsWithTheLastAnswer) {
  for (unsigned burst = 1; burst <= 31; ++burst) {
    for (unsigned n = 0; n < burst; ++n) Cycle(100, 0, 31);
    while (!ages_.empty() && !HasFatalFailure()) Cycle(0, 60, 31);
    for (int n = 0; n < 3; ++n) Cycle(0, 0, 31);
  }
}

TEST_F(ResponseSlots, EmptyFailsButIsNotRefused) {
  for (int n = 0; n < 2000 && !HasFatalFailure(); ++n) {
    Cycle(80, 80, 8, 0);
    ASSERT_FALSE(refused_);
  }
  Reset();
  Cycle(0, 0, 8);
}

}  // namespace
