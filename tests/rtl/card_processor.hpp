// A host processor at its portal, and who holds which block over all of them.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "card_harness.hpp"

namespace exalloc::test {

constexpr std::uint32_t kSlabs = 65536;

inline std::uint32_t Token(std::uint32_t slab, unsigned block) { return slab << 6 | block; }

// Blocks in somebody's hand, over all portals.
using Hands = std::map<std::uint32_t, unsigned>;

// A host processor that keeps its portal busy and checks every answer.
template <class Model>
class CardProcessor {
 public:
  struct Options {
    unsigned domain = 1;
    std::vector<unsigned> lists = {1, 2};
    unsigned bad_percent = 5;
    unsigned recall_percent = 0;
    unsigned most_held = 400;
    unsigned most_lines = 12;
  };

  CardProcessor(CardHarness<Model>& card, Hands& hands, unsigned index, unsigned ring_log2,
                Options options, std::uint64_t seed)
      : portal(card, index, ring_log2, options.domain),
        hands_(hands),
        options_(std::move(options)),
        rng_(seed),
        cookie_(static_cast<std::uint16_t>(rng_())) {
    portal.Enable();
  }

  HostPortal<Model> portal;
  std::uint64_t granted = 0, released = 0, refused = 0;

  [[nodiscard]] bool Done() const { return jobs_.empty(); }
  [[nodiscard]] std::size_t outstanding() const { return jobs_.size(); }
  [[nodiscard]] std::uint16_t executed() const { return executed_; }

  // Takes answers, submits more lines while `more`, rings if there is something to tell.
  void Step(bool more) {
    bool news = false;
    while (auto c = portal.Poll()) {
      Answer(*c);
      news = true;
    }
    // The host may not overrun its own ring.
    const unsigned most = std::min(options_.most_lines, portal.size());
    unsigned burst = Random(4);
    while (more && burst-- > 0 && jobs_.size() < most) {
      SubmitSomething();
      news = true;
    }
    if (news) portal.Ring();
  }
  void Sync() {
    Submit({regs::opcode::sync, 0, 0, NextCookie(), {}, {}, true, 0});
    portal.Ring();
  }
  // Gives all blocks back.
  void ReleaseSome() {
    while (jobs_.size() < std::min(options_.most_lines, portal.size()) && SubmitRelease(14, 0)) {
    }
    portal.Ring();
  }
  [[nodiscard]] bool HoldsNothing() const {
    return std::all_of(held_.begin(), held_.end(), [](const auto& h) { return h.second.empty(); });
  }
  void SubmitGrant(unsigned list, unsigned count) {
    Submit({regs::opcode::grant, list, count, NextCookie(), {}, {}, true, 0});
  }
  void SubmitRecall() {
    Submit({regs::opcode::recall, options_.lists[0], 0, NextCookie(), {}, {}, true, 0});
  }

 private:
  struct Job {
    regs::opcode op;
    unsigned list, count;
    std::uint16_t cookie;
    std::vector<std::uint32_t> tokens, bad;
    bool answered;  // a completion line must come
    unsigned got;
  };

  unsigned Random(unsigned below) { return static_cast<unsigned>(rng_() % below); }
  std::uint16_t NextCookie() { return cookie_++; }

  void Submit(Job job) {
    portal.Submit(job.op, job.list, job.count, job.cookie, job.tokens,
                  job.op == regs::opcode::release && job.answered && job.bad.empty());
    jobs_.push_back(std::move(job));
  }

  void SubmitSomething() {
    const unsigned dice = Random(100);
    std::size_t held = 0;
    for (const auto& [list, tokens] : held_) held += tokens.size();
    if (dice < options_.recall_percent) return SubmitRecall();
    if (dice < 5) {
      return Submit({regs::opcode::sync, 0, 0, NextCookie(), {}, {}, true, 0});
    }
    if (held < options_.most_held && dice < 55) {
      return SubmitGrant(options_.lists[Random(static_cast<unsigned>(options_.lists.size()))],
                         1 + Random(Random(3) == 0 ? 112 : 14));
    }
    SubmitRelease(1 + Random(14), options_.bad_percent);
  }

  bool SubmitRelease(unsigned most, unsigned bad_percent) {
    for (auto& [list, tokens] : held_) {
      if (tokens.empty()) continue;
      Job job{regs::opcode::release, list, 0, NextCookie(), {}, {}, Random(4) == 0, 0};
      while (job.tokens.size() < most && !tokens.empty()) {
        if (Random(100) < bad_percent) {
          // Names no block, whatever the others do at the same time.
          const std::uint32_t bad =
              Random(2) == 0 ? Token(0, Random(64)) : Token(kSlabs + Random(1000), Random(64));
          job.tokens.push_back(bad);
          job.bad.push_back(bad);
        } else {
          const std::size_t at = Random(static_cast<unsigned>(tokens.size()));
          std::swap(tokens[at], tokens.back());
          job.tokens.push_back(tokens.back());
          hands_.erase(tokens.back());
          tokens.pop_back();
        }
      }
      job.count = static_cast<unsigned>(job.tokens.size());
      if (!job.bad.empty()) job.answered = true;
      Submit(std::move(job));
      return true;
    }
    return false;
  }

  void Answer(const Completion& c) {
    // Silent lines leave no answer; the next answer tells that they are done.
    while (!jobs_.empty() && !jobs_.front().answered) Finish();
    ASSERT_FALSE(jobs_.empty()) << "portal " << portal.index() << ": an answer nobody asked for";
    Job& job = jobs_.front();
    EXPECT_EQ(c.cookie, job.cookie);
    EXPECT_EQ(c.opcode, job.op);
    EXPECT_EQ(c.list, job.list);
    EXPECT_EQ(c.head, static_cast<std::uint16_t>(executed_ + (c.last ? 1 : 0)));
    if (job.op == regs::opcode::grant) {
      for (const std::uint32_t t : c.tokens) {
        EXPECT_TRUE(hands_.emplace(t, portal.index()).second)
            << "portal " << portal.index() << " was given a block of portal " << hands_[t];
        held_[job.list].push_back(t);
      }
      job.got += c.count;
      granted += c.count;
      if (!c.last) {
        EXPECT_EQ(c.status, regs::status::ok);
        EXPECT_EQ(c.count, 14u);
      } else if (c.status == regs::status::ok) {
        EXPECT_EQ(job.got, job.count);
      } else {
        EXPECT_EQ(c.status, regs::status::empty);
        EXPECT_LT(job.got, job.count);
      }
    } else {
      EXPECT_TRUE(c.last);
      EXPECT_EQ(c.tokens, job.bad);
      EXPECT_EQ(c.status, job.bad.empty() ? regs::status::ok : regs::status::range);
    }
    if (c.last) Finish();
  }
  void Finish() {
    const Job& job = jobs_.front();
    if (job.op == regs::opcode::release) {
      released += job.count - job.bad.size();
      refused += job.bad.size();
    }
    ++executed_;
    jobs_.pop_front();
  }

  Hands& hands_;
  Options options_;
  std::mt19937_64 rng_;
  std::deque<Job> jobs_;
  std::map<unsigned, std::vector<std::uint32_t>> held_;
  std::uint16_t cookie_, executed_ = 0;
};

}  // namespace exalloc::test
