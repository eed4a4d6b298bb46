// The crossbar: nothing lost, doubled or changed on the way there and back, order kept for each
// requester and bank, fair, and one operation a cycle for each bank.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <vector>

#include "Vslab_crossbar.h"
#include "ports.hpp"

namespace {

constexpr unsigned kPorts = 9, kBanks = 4;

struct Operation {
  unsigned op, list, domain, slab, limit, slot;
  uint64_t mask;
  bool operator==(const Operation&) const = default;
};

struct Answer {
  unsigned port, slot, status, slab, quarter, bits;
  bool operator==(const Answer&) const = default;
};

class SlabCrossbar : public ports::SeededTest {
 protected:
  SlabCrossbar() {
    dut_.rst_i = 1;
    Step();
    Step();
    dut_.rst_i = 0;
  }
  ~SlabCrossbar() override { dut_.final(); }

  void Step() {
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
  }

  Operation RandomOperation() {
    return {Random(8), Random(256), Random(64), Random(16384), Random(64), Random(16), rng_()};
  }

  void Offer(unsigned p) {
    const Operation& o = offered_[p];
    ports::Put(dut_.req_bank_i, p * 2, 2, bank_[p]);
    ports::Put(dut_.req_op_i, p * 3, 3, o.op);
    ports::Put(dut_.req_list_i, p * 8, 8, o.list);
    ports::Put(dut_.req_domain_i, p * 6, 6, o.domain);
    ports::Put(dut_.req_slab_i, p * 14, 14, o.slab);
    ports::Put(dut_.req_limit_i, p * 6, 6, o.limit);
    ports::Put(dut_.req_mask_i, p * 64, 64, o.mask);
    ports::Put(dut_.req_slot_i, p * 4, 4, o.slot);
  }

  // One cycle: requesters offer with `offer` percent to the bank `choose` names, banks are ready
  // with `ready` percent and answer with `answer` percent.
  template <typename Choose>
  void Cycle(unsigned offer, unsigned ready, unsigned answer, Choose choose) {
    for (unsigned p = 0; p < kPorts; ++p) {
      if (!(dut_.req_valid_i >> p & 1) && Chance(offer)) {
        offered_[p] = RandomOperation();
        bank_[p] = choose(p);
        Offer(p);
        dut_.req_valid_i = static_cast<uint16_t>(dut_.req_valid_i | 1u << p);
      }
    }
    dut_.bank_req_ready_i = 0;
    dut_.bank_rsp_valid_i = 0;
    std::array<std::deque<Answer>, kBanks> next;
    for (unsigned b = 0; b < kBanks; ++b) {
      if (Chance(ready))
        dut_.bank_req_ready_i = static_cast<uint8_t>(dut_.bank_req_ready_i | 1u << b);
      if (owed_[b].empty() || !Chance(answer)) continue;
      const unsigned tag = owed_[b].front();
      owed_[b].pop_front();
      const unsigned quarter = Random(4);
      Answer a{tag >> 4, tag & 15, Random(16), Random(16384), quarter, Random(65536)};
      if (a.bits == 0) a.quarter = 0;
      dut_.bank_rsp_valid_i = static_cast<uint8_t>(dut_.bank_rsp_valid_i | 1u << b);
      ports::Put(dut_.bank_rsp_tag_i, b * 8, 8, tag);
      ports::Put(dut_.bank_rsp_status_i, b * 4, 4, a.status);
      ports::Put(dut_.bank_rsp_slab_i, b * 14, 14, a.slab);
      ports::Put(dut_.bank_rsp_mask_i, b * 64, 64, static_cast<uint64_t>(a.bits) << a.quarter * 16);
      next[b].push_back(a);
    }
    dut_.clk_i = 0;
    dut_.eval();
    unsigned taken = 0;
    for (unsigned p = 0; p < kPorts; ++p) {
      if ((dut_.req_valid_i & dut_.req_ready_o) >> p & 1) {
        sent_[p][bank_[p]].push_back(offered_[p]);
        ++taken_[p];
        taken |= 1u << p;
      }
    }
    for (unsigned b = 0; b < kBanks; ++b) {
      if ((dut_.bank_req_valid_o & dut_.bank_req_ready_i) >> b & 1) Arrive(b);
      // What was answered in the cycle before is seen by exactly the requester it is for.
      for (unsigned p = 0; p < kPorts; ++p) {
        const bool seen = ports::Get(dut_.rsp_valid_o, p * kBanks + b, 1) != 0;
        ASSERT_EQ(seen, !answered_[b].empty() && answered_[b].front().port == p);
        if (seen) {
          const Answer got{p,
                           unsigned(ports::Get(dut_.rsp_slot_o, b * 4, 4)),
                           unsigned(ports::Get(dut_.rsp_status_o, b * 4, 4)),
                           unsigned(ports::Get(dut_.rsp_slab_o, b * 14, 14)),
                           unsigned(ports::Get(dut_.rsp_quarter_o, b * 2, 2)),
                           unsigned(ports::Get(dut_.rsp_bits_o, b * 16, 16))};
          ASSERT_EQ(got, answered_[b].front());
        }
      }
    }
    answered_ = next;
    dut_.clk_i = 1;
    dut_.eval();
    dut_.req_valid_i = static_cast<uint16_t>(dut_.req_valid_i & ~taken);
  }

  void Arrive(unsigned b) {
    const auto tag = static_cast<unsigned>(ports::Get(dut_.bank_req_tag_o, b * 8, 8));
    const unsigned p = tag >> 4;
    ASSERT_LT(p, kPorts);
    const Operation got{unsigned(ports::Get(dut_.bank_req_op_o, b * 3, 3)),
                        unsigned(ports::Get(dut_.bank_req_list_o, b * 8, 8)),
                        unsigned(ports::Get(dut_.bank_req_domain_o, b * 6, 6)),
                        unsigned(ports::Get(dut_.bank_req_slab_o, b * 14, 14)),
                        unsigned(ports::Get(dut_.bank_req_limit_o, b * 6, 6)),
                        tag & 15,
                        ports::Get(dut_.bank_req_mask_o, b * 64, 64)};
    ASSERT_FALSE(sent_[p][b].empty());
    ASSERT_EQ(got, sent_[p][b].front());
    sent_[p][b].pop_front();
    owed_[b].push_back(tag);
    ++arrived_[b];
    ++served_[b][p];
  }

  Vslab_crossbar dut_;
  std::array<Operation, kPorts> offered_{};
  std::array<unsigned, kPorts> bank_{};
  std::array<std::array<std::deque<Operation>, kBanks>, kPorts> sent_;
  std::array<std::deque<unsigned>, kBanks> owed_;
  std::array<std::deque<Answer>, kBanks> answered_;
  std::array<uint64_t, kPorts> taken_{};
  std::array<uint64_t, kBanks> arrived_{};
  std::array<std::array<uint64_t, kPorts>, kBanks> served_{};
};

TEST_F(SlabCrossbar, CarriesEverythingInOrder) {
  for (int phase = 0; phase < 30; ++phase) {
    const unsigned offer = 1 + Random(100), ready = 1 + Random(100), answer = 1 + Random(100);
    for (int i = 0; i < 2000; ++i) {
      Cycle(offer, ready, answer, [&](unsigned) { return Random(kBanks); });
      if (HasFatalFailure()) return;
    }
  }
  for (int i = 0; i < 200; ++i) Cycle(0, 100, 100, [](unsigned) { return 0u; });
  for (const auto& port : sent_) {
    for (const auto& queue : port) EXPECT_TRUE(queue.empty());
  }
  uint64_t in = 0, out = 0;
  for (uint64_t n : taken_) in += n;
  for (uint64_t n : arrived_) out += n;
  EXPECT_EQ(in, out);
  EXPECT_GT(in, 10000u);
}

TEST_F(SlabCrossbar, KeepsEveryBankBusyFromDifferentRequesters) {
  for (int i = 0; i < 20; ++i) Cycle(100, 100, 100, [](unsigned p) { return p % kBanks; });
  arrived_ = {};
  for (int i = 0; i < 1000; ++i) Cycle(100, 100, 100, [](unsigned p) { return p % kBanks; });
  for (uint64_t n : arrived_) EXPECT_EQ(n, 1000u);
}

TEST_F(SlabCrossbar, KeepsABankBusyFromOneRequester) {
  const auto only = [&](unsigned) { return 2u; };
  for (int i = 0; i < 1020; ++i) {
    if (i == 20) arrived_ = {};
    // Port 5 alone.
    if (!(dut_.req_valid_i >> 5 & 1)) {
      offered_[5] = RandomOperation();
      bank_[5] = 2;
      Offer(5);
      dut_.req_valid_i = static_cast<uint16_t>(dut_.req_valid_i | 1u << 5);
    }
    Cycle(0, 100, 100, only);
  }
  EXPECT_EQ(arrived_[2], 1000u);
}

TEST_F(SlabCrossbar, IsFair) {
  for (int i = 0; i < 9020; ++i) {
    if (i == 20) served_ = {};
    Cycle(100, 100, 100, [](unsigned) { return 1u; });
  }
  for (uint64_t n : served_[1]) EXPECT_NEAR(static_cast<double>(n), 1000, 1);
}

TEST_F(SlabCrossbar, SpreadsRandomTrafficWell) {
  for (int i = 0; i < 20000; ++i) Cycle(100, 100, 100, [&](unsigned) { return Random(kBanks); });
  uint64_t all = 0;
  for (uint64_t n : arrived_) all += n;
  RecordProperty("operations_per_1000_cycles", static_cast<int>(all / 20));
  EXPECT_GT(all, 20000u * 3);
}

}  // namespace
