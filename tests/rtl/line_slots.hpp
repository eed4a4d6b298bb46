// What line_grant and line_release see of the banks: operations executed on models when they are
// sent, answers in slots after a random delay, and flags as response_slots gives them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "line_model.hpp"
#include "ports.hpp"

namespace line_slots {

using line_model::Card;
using line_model::kBanks;
using line_model::Op;
using line_model::Request;
using line_model::Response;
using line_model::Status;

class Slots {
 public:
  explicit Slots(std::vector<slab_bank::Model>& banks) : banks_(banks) {
    for (auto& bank : answers_) bank.fill({Status::kBadCommand, 0, 0});
  }

  // May change an answer: to try what the banks alone would not do.
  std::function<void(Response&)> tamper;

  Response Send(unsigned bank, const Request& request, unsigned slot, uint64_t delay) {
    Response response = banks_[bank].Apply(request);
    if (tamper) tamper(response);
    auto& queue = queues_[bank];
    // Two cycles at least, and one answer a cycle from each bank.
    const uint64_t due = std::max(now_ + 2 + delay, queue.empty() ? 0 : queue.back().due + 1);
    queue.push_back({due, slot, response});
    return response;
  }

  // The end of a cycle.
  void Tick(bool clear) {
    for (unsigned b = 0; b < kBanks; ++b) {
      if (queues_[b].empty() || queues_[b].front().due > now_) continue;
      const Pending& p = queues_[b].front();
      answers_[b][p.slot] = p.response;
      came |= 1u << p.slot;
      failed = failed || p.response.status != Status::kOk;
      refused =
          refused || (p.response.status != Status::kOk && p.response.status != Status::kEmpty);
      queues_[b].pop_front();
    }
    if (clear) refused = failed = false, came = 0;
    ++now_;
  }

  bool UnderWay() const {
    return std::any_of(queues_.begin(), queues_.end(), [](const auto& q) { return !q.empty(); });
  }
  const Response& Read(unsigned bank, unsigned slot) const { return answers_[bank][slot]; }

  bool refused = false, failed = false;
  unsigned came = 0;  // a bit a slot

 private:
  struct Pending {
    uint64_t due;
    unsigned slot;
    Response response;
  };
  std::vector<slab_bank::Model>& banks_;
  std::array<std::deque<Pending>, kBanks> queues_;
  std::array<std::array<Response, 16>, kBanks> answers_;
  uint64_t now_ = 0;
};

// Base of the two tests: a reset unit, banks with two open lists, and one line after the other.
template <typename Dut>
class LineTest : public ports::SeededTest {
 protected:
  static constexpr int kList = 3, kDomain = 5;

  LineTest() : slots_(card_.banks) {
    dut_.rst_i = 1;
    ports::Clock(dut_);
    ports::Clock(dut_);
    dut_.rst_i = 0;
    for (unsigned b = 0; b < kBanks; ++b) {
      card_.banks[b].Apply({Op::kOpen, kList, kDomain, 0, 0, 0});
      card_.banks[b].Apply({Op::kOpen, kList + 1, kDomain, 0, 0, 0});
    }
  }
  ~LineTest() override { dut_.final(); }

  // One cycle; sets done_ when the unit says so.
  virtual void Cycle() = 0;

  // Starts the line whose inputs are set; returns its cycles.
  unsigned Execute() {
    done_ = false;
    dut_.start_i = 1;
    Cycle();
    dut_.start_i = 0;
    unsigned cycles = 1;
    for (; cycles < 30'000 && !done_; ++cycles) Cycle();
    EXPECT_TRUE(done_) << "it hangs";
    for (unsigned i = Random(3); i != 0; --i) {
      Cycle();
      EXPECT_FALSE(dut_.done_o);
    }
    return cycles;
  }

  // The end of a cycle.
  void Finish() {
    if (dut_.done_o) {
      done_ = true;
      EXPECT_FALSE(slots_.UnderWay()) << "done with operations under way";
    }
    const bool clear = dut_.clear_o;
    ports::Clock(dut_);
    slots_.Tick(clear);
  }

  Dut dut_;
  Card card_;
  Slots slots_;
  unsigned req_ready_ = 100, delay_ = 10;
  int domain_ = kDomain;
  bool done_ = false;
};

// A valid/ready output: what was offered and not taken is offered again, unchanged.
template <typename Payload>
class Steady {
 public:
  void Check(bool valid, bool ready, const Payload& payload) {
    if (offered_) {
      ASSERT_TRUE(valid) << "an offer withdrawn";
      ASSERT_TRUE(payload == *offered_) << "an offer changed";
    }
    offered_.reset();
    if (valid && !ready) offered_ = payload;
  }

 private:
  std::optional<Payload> offered_;
};

}  // namespace line_slots
