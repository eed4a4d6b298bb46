// The slab engine: every bank is wired to its own ports, works alone, and keeps its pace beside the
// others. What a bank does is tried in slab_bank_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <vector>

#include "Vslab_engine.h"
#include "ports.hpp"
#include "slab_bank_model.hpp"

namespace {

using slab_bank::Model;
using slab_bank::Op;
using slab_bank::Request;
using slab_bank::Response;
using slab_bank::Status;

constexpr unsigned kBanks = 4;
constexpr int kSlabs = 16384;

class SlabEngine : public ports::SeededTest {
 protected:
  SlabEngine() : model_(kBanks, Model(kSlabs, 64, 255)) {
    dut_.rst_i = 1;
    for (int i = 0; i < 3; ++i) Cycle();
    EXPECT_FALSE(dut_.ready_o);
    dut_.rst_i = 0;
    for (int i = 0; i < 20000 && !dut_.ready_o; ++i) Cycle();
    EXPECT_TRUE(dut_.ready_o);
    EXPECT_GE(cycles_, static_cast<uint64_t>(kSlabs)) << "ready before every slab was swept";
  }
  ~SlabEngine() override { dut_.final(); }

  // Every bank that has no request takes the next of its queue.
  void Cycle() {
    for (unsigned b = 0; b < kBanks; ++b) {
      const bool valid = !todo_[b].empty() && Chance(offer_);
      ports::Put(dut_.req_valid_i, b, 1, valid);
      if (!valid) continue;
      const Request& r = todo_[b].front();
      ports::Put(dut_.req_op_i, b * 3, 3, static_cast<unsigned>(r.op));
      ports::Put(dut_.req_list_i, b * 8, 8, static_cast<unsigned>(r.list));
      ports::Put(dut_.req_domain_i, b * 6, 6, static_cast<unsigned>(r.domain));
      ports::Put(dut_.req_slab_i, b * 14, 14, static_cast<unsigned>(r.slab));
      ports::Put(dut_.req_limit_i, b * 6, 6, static_cast<unsigned>(r.limit));
      ports::Put(dut_.req_mask_i, b * 64, 64, r.mask);
      ports::Put(dut_.req_tag_i, b * 8, 8, tag_[b]);
    }
    dut_.clk_i = 0;
    dut_.eval();
    std::array<bool, kBanks> taken{};
    if (!dut_.rst_i) {
      for (unsigned b = 0; b < kBanks; ++b) {
        taken[b] = (dut_.req_valid_i & dut_.req_ready_o) >> b & 1;
        if (dut_.rsp_valid_o >> b & 1) Answer(b);
        replays_[b] += dut_.replay_o >> b & 1;
      }
    }
    dut_.clk_i = 1;
    dut_.eval();
    for (unsigned b = 0; b < kBanks; ++b) {
      if (!taken[b]) continue;
      const Request r = todo_[b].front();
      todo_[b].pop_front();
      pending_[b].push_back({r, model_[b].Apply(r), tag_[b]});
      tag_[b] = Random(256);
    }
    ++cycles_;
  }

  void Answer(unsigned b) {
    ASSERT_FALSE(pending_[b].empty()) << "bank " << b;
    const Pending p = pending_[b].front();
    pending_[b].pop_front();
    EXPECT_EQ(ports::Get(dut_.rsp_tag_o, b * 8, 8), p.tag) << "bank " << b;
    EXPECT_EQ(ports::Get(dut_.rsp_op_o, b * 3, 3), static_cast<unsigned>(p.request.op));
    const auto status = static_cast<Status>(ports::Get(dut_.rsp_status_o, b * 4, 4));
    EXPECT_EQ(status, p.response.status) << "bank " << b;
    if (status == Status::kOk && (p.request.op == Op::kGrant || p.request.op == Op::kTrim)) {
      EXPECT_EQ(ports::Get(dut_.rsp_slab_o, b * 14, 14), static_cast<unsigned>(p.response.slab));
    }
    if (status == Status::kOk && p.request.op == Op::kGrant) {
      EXPECT_EQ(ports::Get(dut_.rsp_mask_o, b * 64, 64), p.response.mask);
      granted_[b].push_back({p.request.list, static_cast<int>(p.response.slab), p.response.mask});
    }
  }

  uint64_t Drain() {
    const uint64_t start = cycles_;
    const auto busy = [&] {
      for (unsigned b = 0; b < kBanks; ++b) {
        if (!todo_[b].empty() || !pending_[b].empty()) return true;
      }
      return false;
    };
    while (busy() && cycles_ - start < 300000 && !HasFailure()) Cycle();
    EXPECT_FALSE(busy());
    const uint64_t took = cycles_ - start;
    for (int i = 0; i < 20; ++i) {
      Cycle();
      EXPECT_EQ(dut_.replay_o, 0) << "nothing to replay";
    }
    return took;
  }

  void All(const Request& r) {
    for (auto& queue : todo_) queue.push_back(r);
  }

  struct Pending {
    Request request;
    Response response;
    unsigned tag;
  };
  struct Granted {
    int list;
    int slab;
    uint64_t mask;
  };
  Vslab_engine dut_;
  std::vector<Model> model_;
  std::array<std::deque<Request>, kBanks> todo_;
  std::array<std::deque<Pending>, kBanks> pending_;
  std::array<std::deque<Granted>, kBanks> granted_;
  std::array<unsigned, kBanks> tag_{};
  std::array<unsigned, kBanks> replays_{};
  uint64_t cycles_ = 0;
  unsigned offer_ = 100;
};

TEST_F(SlabEngine, WorksItsBanksAtTheSameTime) {
  All({Op::kOpen, 1, 3, 0, 0, 0});
  Drain();
  for (int s = 1; s <= 4096; ++s) All({Op::kLink, 1, 3, s, 0, 63});
  const uint64_t link = Drain();
  for (int i = 0; i < 4096; ++i) All({Op::kGrant, 1, 3, 0, 0, 0});
  const uint64_t grant = Drain();
  for (unsigned b = 0; b < kBanks; ++b) {
    for (const Granted& g : granted_[b]) {
      todo_[b].push_back({Op::kRelease, g.list, 3, g.slab, g.mask, 0});
    }
  }
  const uint64_t release = Drain();
  RecordProperty("link", static_cast<int>(link));
  RecordProperty("grant", static_cast<int>(grant));
  RecordProperty("release", static_cast<int>(release));
  EXPECT_LE(link, 4096u + 60u);
  EXPECT_LE(grant, 4096u + 300u);
  EXPECT_LE(release, 4096u + 300u);
}

TEST_F(SlabEngine, KeepsBanksApart) {
  // Lists are opened, filled and emptied in each bank on its own. The lists differ from the one
  // that does not exist, 255, in a bit each.
  for (int i = 0; i < 60000; ++i) {
    const unsigned b = Random(kBanks);
    const int list = 255 ^ (1 << Random(8));
    Request r{static_cast<Op>(Random(2)), list, list % 3, static_cast<int>(Random(40)), 0, 63};
    if (Chance(4)) r.op = static_cast<Op>(Random(7));
    if (Chance(20)) r.op = Op::kLink;
    if (Chance(1)) r.domain = static_cast<int>(Random(64));
    if (r.op == Op::kRelease) {
      r.mask = uint64_t{1} << Random(64);
      if (!granted_[b].empty() && Chance(80)) {
        const Granted g = granted_[b].front();
        granted_[b].pop_front();
        r = {Op::kRelease, g.list, g.list % 3, g.slab, g.mask, 0};
      }
    }
    if (r.op == Op::kLink) r.limit = Chance(70) ? 63 : static_cast<int>(Random(64));
    if (i < 100) r.op = Op::kOpen;
    todo_[b].push_back(r);
    if (i % 16 == 0) {
      offer_ = 30 + Random(71);
      while (todo_[b].size() > 4 && !HasFailure()) Cycle();
      if (HasFailure()) return;
    }
  }
  Drain();
}

TEST_F(SlabEngine, TellsWhichBankReplays) {
  for (unsigned b = 0; b < kBanks; ++b) {
    todo_[b].push_back({Op::kOpen, 1, 3, 0, 0, 0});
    Drain();
    replays_ = {};
    // A release just behind the LINK of its slab, while nothing waits.
    for (int s = 0; s < 20; ++s) {
      todo_[b].push_back({Op::kLink, 1, 3, s, 0, 63});
      todo_[b].push_back({Op::kRelease, 1, 3, s, 1, 0});
      Drain();
    }
    for (unsigned other = 0; other < kBanks; ++other) {
      EXPECT_EQ(replays_[other] != 0, other == b) << "bank " << other;
    }
  }
}

}  // namespace
