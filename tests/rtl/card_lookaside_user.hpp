// A host that keeps one lookaside list busy and knows what must be on its stack.
#pragma once

#include <random>
#include <vector>

#include "card_harness.hpp"

namespace exalloc::test {

template <class Model>
class CardLookasideUser {
 public:
  CardLookasideUser(CardHarness<Model>& card, unsigned portal, unsigned list, unsigned domain,
                    unsigned depth, std::uint64_t seed)
      : portal_(card, portal, 4, domain), card_(card), list_(list), depth_(depth), rng_(seed) {
    card_.Write(regs::offset::command_depth, depth | depth << 10 | depth << 20);
    EXPECT_EQ(card_.Command(regs::command::lookaside_open, list, domain), regs::status::ok);
    portal_.Enable();
  }

  [[nodiscard]] std::uint64_t popped() const { return popped_; }

  // Takes the answer to its line; puts the next one.
  void Step() {
    while (const auto line = portal_.PollRaw()) Answer(*line);
    if (busy_) return;
    pushing_ = rng_() % 2 == 0;
    entries_.clear();
    wanted_ = 1 + static_cast<unsigned>(rng_() % (pushing_ ? 6 : 48));
    LineWords words{};
    words[0] = portal_.Phase() |
               static_cast<unsigned>(pushing_ ? regs::opcode::push : regs::opcode::pop) << 1 |
               wanted_ << 8 | list_ << 16;
    if (pushing_) {
      for (unsigned i = 0; i < wanted_; ++i) {
        entries_.push_back(rng_());
        words[4 + 2 * i] = static_cast<std::uint32_t>(entries_.back());
        words[5 + 2 * i] = static_cast<std::uint32_t>(entries_.back() >> 32);
      }
    }
    portal_.SubmitRaw(words);
    portal_.Ring();
    busy_ = true;
  }
  void Finish() {
    for (unsigned wait = 0; busy_; ++wait) {
      ASSERT_LT(wait, 20'000u) << "a line of a lookaside list is not answered";
      card_.Cycle();
      while (const auto line = portal_.PollRaw()) Answer(*line);
    }
  }

 private:
  static std::uint64_t Entry(const LineWords& words, unsigned i) {
    return words[4 + 2 * i] | std::uint64_t{words[5 + 2 * i]} << 32;
  }
  void Answer(const LineWords& words) {
    namespace cpl = regs::completion_header;
    const std::uint64_t header = words[0] | std::uint64_t{words[1]} << 32;
    const auto count = static_cast<unsigned>(cpl::count.get(header));
    const auto status = static_cast<regs::status>(cpl::status.get(header));
    const bool last = cpl::last.get(header) != 0;
    ASSERT_LE(count, 6u);
    if (pushing_) {
      std::vector<std::uint64_t> refused;
      for (const std::uint64_t e : entries_) {
        if (stack_.size() < depth_) {
          stack_.push_back(e);
        } else {
          refused.push_back(e);
        }
      }
      EXPECT_EQ(status, refused.empty() ? regs::status::ok : regs::status::full);
      ASSERT_EQ(count, refused.size());
      for (unsigned i = 0; i < count; ++i) EXPECT_EQ(Entry(words, i), refused[i]);
    } else {
      for (unsigned i = 0; i < count; ++i) {
        ASSERT_FALSE(stack_.empty());
        EXPECT_EQ(Entry(words, i), stack_.back());
        stack_.pop_back();
        ++popped_;
      }
      wanted_ -= count;
      if (last) {
        EXPECT_EQ(status, wanted_ == 0 ? regs::status::ok : regs::status::empty);
        EXPECT_TRUE(wanted_ == 0 || stack_.empty());
      }
    }
    if (last) {
      const std::uint64_t state = words[2] | std::uint64_t{words[3]} << 32;
      EXPECT_EQ(regs::lookaside_state::depth.get(state), depth_);
      EXPECT_EQ(regs::lookaside_state::held.get(state), stack_.size());
      busy_ = false;
      portal_.Ring();
    }
  }

  HostPortal<Model> portal_;
  CardHarness<Model>& card_;
  unsigned list_, depth_;
  std::mt19937_64 rng_;
  bool busy_ = false, pushing_ = false;
  unsigned wanted_ = 0;
  std::vector<std::uint64_t> entries_, stack_;
  std::uint64_t popped_ = 0;
};

}  // namespace exalloc::test
