// A kernel behind two stream ports: it pops tokens of a list, holds them a while, and pushes them.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "card_processor.hpp"

namespace exalloc::test {

template <class Model>
class CardKernel final : public CardHarness<Model>::Kernel {
 public:
  struct Options {
    unsigned pop_port = 0, push_port = 1;
    unsigned list = 1, domain = 1;
    unsigned ready_percent = 70;   // both ways
    unsigned garbage_percent = 0;  // of the tokens it pushes
    unsigned most_held = 200;
  };

  CardKernel(CardHarness<Model>& card, Hands& hands, Options options, std::uint64_t seed)
      : card_(card), hands_(hands), options_(options), rng_(seed) {
    Configure(options_.pop_port, regs::stream_config::pop.mask());
    Configure(options_.push_port, regs::stream_config::push.mask());
    card_.kernels.push_back(this);
  }
  ~CardKernel() override { std::erase(card_.kernels, this); }
  CardKernel(const CardKernel&) = delete;
  CardKernel& operator=(const CardKernel&) = delete;

  [[nodiscard]] std::uint64_t popped() const { return popped_; }
  [[nodiscard]] std::uint64_t pushed() const { return pushed_; }
  [[nodiscard]] std::uint64_t garbage() const { return garbage_; }

  void Sample(const Model& m) override {
    const bool pop_valid = m.m_axis_pop_tvalid_o >> options_.pop_port & 1;
    const std::uint32_t token = m.m_axis_pop_tdata_o[options_.pop_port];
    // A token that is offered stays, while the port is open.
    if (waiting_ && (pop_valid || !finishing_)) {
      EXPECT_TRUE(pop_valid) << "an offered token was taken back";
      EXPECT_EQ(token, waiting_token_);
    }
    const bool popped = pop_valid && (m.m_axis_pop_tready_i >> options_.pop_port & 1);
    waiting_ = pop_valid && !popped;
    waiting_token_ = token;
    if (popped) {
      EXPECT_TRUE(hands_.emplace(token, 1000 + options_.pop_port).second)
          << "token " << token << " is somebody else's";
      held_.push_back(token);
      ++popped_;
    }
    if ((m.s_axis_push_tvalid_i & m.s_axis_push_tready_o) >> options_.push_port & 1) {
      if (pushing_garbage_) {
        ++garbage_;
      } else {
        ++pushed_;
      }
      pushing_ = false;
    }
  }
  void Drive(Model& m) override {
    const bool take = !finishing_ && held_.size() < options_.most_held && Chance();
    Put(m.m_axis_pop_tready_i, options_.pop_port, take);
    if (!pushing_ && Chance()) Choose();
    Put(m.s_axis_push_tvalid_i, options_.push_port, pushing_);
    m.s_axis_push_tdata_i[options_.push_port] = push_token_;
  }

  // Gives everything back and closes both ports.
  void Finish() {
    finishing_ = true;
    for (unsigned wait = 0; !held_.empty() || pushing_; ++wait) {
      ASSERT_LT(wait, 100'000u) << "the port takes no token";
      card_.Cycle();
    }
    for (const unsigned port : {options_.pop_port, options_.push_port}) {
      Configure(port, 0);
      for (unsigned wait = 0; card_.Read(Register(port, regs::offset::stream_status)) & 1; ++wait) {
        ASSERT_LT(wait, 10'000u) << "the port stays busy";
      }
    }
    EXPECT_FALSE(waiting_) << "a closed port offers a token";
  }
  // Before a reset of the card: from now on it does nothing.
  void Forget() {
    held_.clear();
    finishing_ = true;
    card_.Cycle();
    waiting_ = pushing_ = false;
  }

 private:
  bool Chance() { return rng_() % 100 < options_.ready_percent; }
  template <class Word>
  static void Put(Word& word, unsigned bit, bool value) {
    word = static_cast<Word>((word & ~(1u << bit)) | unsigned{value} << bit);
  }
  static std::uint32_t Register(unsigned port, std::uint32_t offset) {
    return regs::offset::streams_base + port * regs::offset::streams_stride + offset;
  }
  void Configure(unsigned port, std::uint64_t direction) {
    std::uint64_t word = regs::stream_config::list.set(direction, options_.list);
    word = regs::stream_config::domain.set(word, options_.domain);
    card_.Write(Register(port, regs::offset::stream_config), static_cast<std::uint32_t>(word));
  }
  // What is pushed next: a held token, or one that nobody may free here.
  void Choose() {
    pushing_garbage_ = !finishing_ && rng_() % 100 < options_.garbage_percent;
    if (pushing_garbage_) {
      const auto foreign = static_cast<std::uint32_t>(rng_());
      // Of list 1, of none, or beyond the card; and tokens that are not out at all.
      push_token_ = rng_() % 2 == 0 ? Token(1 + foreign % 100, foreign % 64)
                                    : Token(300 + foreign % 100'000, foreign % 64);
      if (options_.list == 1) push_token_ = Token(300 + foreign % 100'000, foreign % 64);
      pushing_ = true;
      return;
    }
    if (held_.empty()) return;
    if (!finishing_ && held_.size() < options_.most_held / 2 && rng_() % 3 != 0) return;
    std::swap(held_[rng_() % held_.size()], held_.back());
    push_token_ = held_.back();
    held_.pop_back();
    hands_.erase(push_token_);
    pushing_ = true;
  }

  CardHarness<Model>& card_;
  Hands& hands_;
  const Options options_;
  std::mt19937_64 rng_;
  std::vector<std::uint32_t> held_;
  bool waiting_ = false, pushing_ = false, pushing_garbage_ = false, finishing_ = false;
  std::uint32_t waiting_token_ = 0, push_token_ = 0;
  std::uint64_t popped_ = 0, pushed_ = 0, garbage_ = 0;
};

}  // namespace exalloc::test
