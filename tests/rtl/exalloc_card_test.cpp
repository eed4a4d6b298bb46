// The whole card behind random memory: many portals at once against a model of who holds which
// block.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "card_fixture.hpp"

namespace exalloc::test {
namespace {

TEST_F(ExallocCard, GrantsAndTakesBack) {
  EXPECT_EQ(card.Read(regs::offset::id), 0x4C415845u);
  EXPECT_EQ(card.Read(regs::offset::geometry), 0x10404004u);
  card.OpenAndLink(7, 3, 1, 64);
  Portal portal(card, 9, 4, 3);
  portal.Enable();
  portal.Submit(opcode::grant, 7, 112, 0x1234);
  portal.Ring();
  std::vector<std::uint32_t> tokens;
  for (unsigned i = 0; i < 8; ++i) {
    const Completion c = portal.Next();
    EXPECT_EQ(c.opcode, opcode::grant);
    EXPECT_EQ(c.cookie, 0x1234);
    EXPECT_EQ(c.status, status::ok);
    EXPECT_EQ(c.last, i == 7);
    EXPECT_EQ(c.head, i == 7 ? 1 : 0);
    EXPECT_EQ(c.count, 14u);
    tokens.insert(tokens.end(), c.tokens.begin(), c.tokens.end());
  }
  EXPECT_EQ(std::set<std::uint32_t>(tokens.begin(), tokens.end()).size(), 112u);
  for (std::size_t i = 0; i < tokens.size(); i += 14) {
    const bool last = i + 14 == tokens.size();
    portal.Submit(opcode::release, 7, 14, static_cast<std::uint16_t>(i),
                  {tokens.begin() + static_cast<std::ptrdiff_t>(i),
                   tokens.begin() + static_cast<std::ptrdiff_t>(i) + 14},
                  last);
  }
  portal.Ring();
  const Completion c = portal.Next();
  EXPECT_EQ(c.opcode, opcode::release);
  EXPECT_EQ(c.status, status::ok);
  EXPECT_EQ(c.head, 9);
  EXPECT_TRUE(c.tokens.empty());
  WaitIdle();
  EXPECT_EQ(portal.Status(), 9u | 1u << 16);
  EXPECT_EQ(card.Counter(regs::counter::blocks_granted), 112u);
  EXPECT_EQ(card.Counter(regs::counter::blocks_released), 112u);
  EXPECT_EQ(card.Counter(regs::counter::grant_lines), 1u);
  EXPECT_EQ(card.Counter(regs::counter::release_lines), 8u);
  EXPECT_EQ(card.Counter(regs::counter::doorbells), 2u);
  EXPECT_EQ(card.Counter(regs::counter::lines_fetched), 9u);
  EXPECT_EQ(card.Counter(regs::counter::lines_written), 9u);
  EXPECT_EQ(card.Counter(regs::counter::slabs_linked), 64u);
  EXPECT_EQ(card.Counter(regs::counter::refusals), 0u);
  EXPECT_FALSE(card.PopError());
}

TEST_F(ExallocCard, ManyPortalsNeverShareABlock) {
  // Lists that differ in every bit, both at work at once.
  card.OpenAndLink(0x55, 1, 1, 100);
  card.OpenAndLink(0xaa, 1, 101, 100);
  AddProcessors(0, 32, 5, {.lists = {0x55, 0xaa}});
  AddProcessors(32, 32, 4, {.lists = {0x55, 0xaa}, .recall_percent = 3});
  Run(60);
  Drain();
  const std::uint64_t refused = Sum(&Processor::refused);
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(card.Counter(regs::counter::refusals), refused);
  EXPECT_EQ(card.Counter(regs::counter::blocks_granted), Sum(&Processor::granted));
  EXPECT_EQ(card.Counter(regs::counter::blocks_released), Sum(&Processor::released));
  EXPECT_EQ(card.Counter(regs::counter::lines_fetched), card.memory.reads());
  EXPECT_EQ(card.Counter(regs::counter::lines_written), card.memory.writes());
  EXPECT_GT(card.Counter(regs::counter::recalls), 0u);
  // The oldest 16 are kept, the others counted.
  std::uint64_t errors = card.Read(regs::offset::error_lost);
  while (const auto e = card.PopError()) {
    ++errors;
    EXPECT_EQ(e->status, status::range);
    EXPECT_EQ(e->opcode, 2u);
    EXPECT_TRUE(e->token >> 6 == 0 || e->token >> 6 >= kSlabs);
  }
  EXPECT_EQ(errors, refused);
  CheckConservation({0x55, 0xaa}, 6400);
  WaitIdle();
}

TEST_F(ExallocCard, ScarceListsRunEmptyAndRecover) {
  card.OpenAndLink(1, 1, 1, 8);
  AddProcessors(0, 16, 4, {.lists = {1}, .bad_percent = 0, .most_held = 100});
  card.memory.timing = {.read_latency = 1, .write_latency = 1, .jitter = 3, .ready_percent = 100};
  Run(80);
  Drain();
  EXPECT_GT(card.Counter(regs::counter::empties), 0u);
  CheckConservation({1}, 512);
}

// Every register of a lookaside list's window, and the record of a refused line, through the card.
TEST_F(ExallocCard, LookasideListsShowTheirStateAndTheirErrors) {
  constexpr unsigned list = 37, domain = 5;
  card.Write(regs::offset::command_depth, 9u | 4u << 10 | 200u << 20);
  ASSERT_EQ(card.Command(regs::command::lookaside_open, list, domain), status::ok);
  EXPECT_EQ(card.Command(regs::command::lookaside_open, list, domain), status::bad_list);
  Portal p(card, 11, 4, domain), stranger(card, 12, 4, domain + 1);
  p.Enable();
  stranger.Enable();
  const auto line = [&](Portal& at, opcode op, unsigned count, unsigned counts) {
    LineWords words{};
    words[0] = at.Phase() | static_cast<unsigned>(op) << 1 | count << 8 | list << 16;
    words[2] = counts;
    words[3] = counts + 1;
    for (unsigned i = 0; i < count && op == opcode::push; ++i) words[4 + 2 * i] = 1000 + i;
    if (op == opcode::share) words[4] = 2;
    at.SubmitRaw(words);
    at.Ring();
    for (unsigned wait = 0; wait < 20'000; ++wait, card.Cycle())
      if (const auto answer = at.PollRaw()) return *answer;
    ADD_FAILURE() << "not answered";
    return LineWords{};
  };
  // Each half of the counts word is two counts of 16 bits.
  EXPECT_EQ(line(p, opcode::push, 6, 7u << 16 | 300u)[0] >> 26 & 15, 0u);
  line(p, opcode::share, 0, 0);
  line(p, opcode::pop, 2, 0);
  const auto window = [&](std::uint32_t offset) {
    return card.Read(regs::offset::lookasides_base + list * regs::offset::lookasides_stride +
                     offset);
  };
  EXPECT_EQ(window(regs::offset::lookaside_depths), 9u | 4u << 10 | 200u << 20 | 1u << 31);
  EXPECT_EQ(window(regs::offset::lookaside_held), 4u | 2u << 10 | 6u << 20);
  EXPECT_EQ(window(regs::offset::lookaside_allocates), 300u);
  EXPECT_EQ(window(regs::offset::lookaside_allocate_misses), 7u);
  EXPECT_EQ(window(regs::offset::lookaside_frees), 301u + 1 + 1);
  EXPECT_EQ(window(regs::offset::lookaside_free_misses), 7u);
  for (const opcode op : {opcode::pop, opcode::push, opcode::share}) {
    EXPECT_EQ(line(stranger, op, op == opcode::share ? 0 : 1, 0)[0] >> 26 & 15,
              static_cast<unsigned>(status::domain));
    const auto e = card.PopError();
    ASSERT_TRUE(e);
    EXPECT_EQ(*e, (Harness::Error{status::domain, static_cast<unsigned>(op), list, 12, 0}));
  }
  EXPECT_EQ(card.Command(regs::command::lookaside_close, list, domain), status::ok);
  EXPECT_EQ(window(regs::offset::lookaside_depths), 0u);
}

TEST_F(ExallocCard, FullCompletionRingStallsOnlyItsPortal) {
  card.OpenAndLink(1, 1, 1, 200);
  Portal lazy(card, 3, 4, 1);
  lazy.Enable();
  // 9 lines fit before less than 8 are free; the other portals then have all workers.
  for (std::uint16_t i = 0; i < 12; ++i) lazy.Submit(opcode::grant, 1, 1, i);
  lazy.Ring();
  AddProcessors(8, 12, 5, {.lists = {1}, .bad_percent = 0});
  Run(20);
  EXPECT_EQ(lazy.Status(), 9u | 1u << 16 | 1u << 18);
  Run(10);
  for (std::uint16_t i = 0; i < 9; ++i) EXPECT_EQ(lazy.Next().cookie, i);
  EXPECT_FALSE(lazy.Poll());
  EXPECT_EQ(lazy.Status(), 9u | 1u << 16 | 1u << 18);
  lazy.Ring();
  for (std::uint16_t i = 9; i < 12; ++i) EXPECT_EQ(lazy.Next().cookie, i);
  Drain();
  EXPECT_EQ(lazy.Status(), 12u | 1u << 16);
  WaitIdle();
}

// CLOSE reaches the banks in the middle of a GRANT: some of its operations are refused after others
// were not. UNLINK brings back what went out with nobody having its tokens.
TEST_F(ExallocCard, AListClosedInTheMiddleOfAGrantLosesNoBlock) {
  Portal portal(card, 5, 4, 1);
  portal.Enable();
  auto grant = [&] {
    portal.Submit(opcode::grant, 1, 112, 0);
    portal.Ring();
  };
  auto answer = [&](std::size_t& blocks) {
    for (;;) {
      const Completion c = portal.Next();
      blocks += c.tokens.size();
      if (c.last) return c.status;
    }
  };
  unsigned cut = 0, after_a_line = 0;
  card.OpenAndLink(1, 1, 4, 8);
  for (unsigned round = 0; round < 400 && after_a_line == 0; ++round) {
    grant();
    std::size_t blocks = 0;
    card.Cycles(round % 100);
    ASSERT_EQ(card.Command(regs::command::close, 1, 1), status::ok);
    const bool refused = answer(blocks) == status::bad_list;
    ASSERT_EQ(card.Command(regs::command::unlink, 1, 1, 4, 8), status::ok);
    card.OpenAndLink(1, 1, 4, 8);
    if (!refused) {
      EXPECT_EQ(blocks, 112u);
      continue;
    }
    ++cut;
    if (blocks != 0) ++after_a_line;
    const auto error = card.PopError();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->status, status::bad_list);
    blocks = 0;
    do {
      grant();
    } while (answer(blocks) == status::ok);
    EXPECT_EQ(blocks, 8u * 64) << "round " << round;
    ASSERT_EQ(card.Command(regs::command::close, 1, 1), status::ok);
    ASSERT_EQ(card.Command(regs::command::unlink, 1, 1, 4, 8), status::ok);
    card.OpenAndLink(1, 1, 4, 8);
  }
  EXPECT_EQ(after_a_line, 1u) << "the moment was never met; " << cut << " lines were refused";
}

TEST_F(ExallocCard, RecallWaitsForWhatWasRungBefore) {
  card.OpenAndLink(1, 1, 1, 200);
  card.memory.timing.write_latency = 200;
  Portal recaller(card, 20, 4, 1);
  recaller.Enable();
  AddProcessors(0, 16, 6, {.lists = {1}, .bad_percent = 0, .most_lines = 6});
  AddProcessors(30, 6, 6, {.lists = {1}, .bad_percent = 0, .recall_percent = 20, .most_lines = 6});
  for (std::uint16_t round = 0; round < 25; ++round) {
    Run(2);
    std::vector<std::uint16_t> rung;
    for (auto& p : processors_) rung.push_back(p->portal.tail);
    recaller.Submit(opcode::recall, 1, 0, round);
    recaller.Ring();
    std::optional<Completion> c;
    for (unsigned wait = 0; !(c = recaller.Poll()); ++wait) {
      ASSERT_LT(wait, 20'000u) << "never answered";
      card.Cycle();
    }
    EXPECT_EQ(c->cookie, round);
    EXPECT_EQ(c->opcode, opcode::recall);
    // What was written before can be read now; those who recall themselves were not waited for.
    for (std::size_t i = 0; i < 16; ++i) {
      const unsigned head = processors_[i]->portal.Status() & 0xffff;
      EXPECT_EQ(head, rung[i]) << "portal " << i << " in round " << round;
    }
  }
  Drain();
  CheckConservation({1}, 12800);
}

// The RECALL is here long before the lines it has to wait for: they are more than the card reads
// ahead.
TEST_F(ExallocCard, RecallWaitsForLinesThatAreNotReadYet) {
  card.memory.timing.read_latency = 300;
  Portal slow(card, 40, 7, 1), recaller(card, 3, 4, 1);
  slow.Enable();
  recaller.Enable();
  for (std::uint16_t round = 0; round < 4; ++round) {
    for (std::uint16_t i = 0; i < 100; ++i) slow.Submit(opcode::sync, 0, 0, i);
    slow.Ring();
    recaller.Submit(opcode::recall, 1, 0, round);
    recaller.Ring();
    EXPECT_EQ(recaller.Next().cookie, round);
    for (std::uint16_t i = 0; i < 100; ++i) {
      const auto c = slow.Poll();
      ASSERT_TRUE(c) << "line " << i << " in round " << round;
      EXPECT_EQ(c->cookie, i);
    }
    slow.Ring();
    recaller.Ring();
  }
}

TEST_F(ExallocCard, RecallAnswerComesAfterAllEarlierAnswers) {
  card.OpenAndLink(1, 1, 1, 200);
  card.memory.timing = {
      .read_latency = 10, .write_latency = 150, .jitter = 100, .ready_percent = 50};
  Portal recaller(card, 63, 4, 1);
  recaller.Enable();
  AddProcessors(0, 8, 6, {.lists = {1}, .bad_percent = 0, .most_lines = 6});
  for (std::uint16_t round = 0; round < 20; ++round) {
    Run(1);
    for (auto& p : processors_) p->Sync();
    recaller.Submit(opcode::recall, 1, 0, round);
    recaller.Ring();
    recaller.Next();
    for (auto& p : processors_) {
      p->Step(false);
      EXPECT_TRUE(p->Done()) << "portal " << p->portal.index() << " in round " << round;
    }
  }
}

TEST_F(ExallocCard, DisableDrainsAndEnableStartsAfresh) {
  card.OpenAndLink(1, 1, 1, 200);
  AddProcessors(0, 4, 5, {.lists = {1}, .bad_percent = 0});
  Portal p(card, 40, 5, 1);
  for (unsigned round = 0; round < 30; ++round) {
    p.Enable();
    for (std::uint16_t i = 0; i < 32; ++i) p.Submit(opcode::sync, 0, 0, i);
    p.Ring();
    card.Cycles(static_cast<unsigned>(rng_() % 700));
    if (round % 2 == 0) {
      p.Disable();
      p.WaitNotBusy();
      bool silent = true;
      card.memory.on_write = [&](std::uint64_t a) {
        if (a >= p.submission_base() && a < p.submission_base() + 2 * kRingSpace) silent = false;
      };
      Run(3);
      EXPECT_TRUE(silent) << "a line was written after busy had gone";
      card.memory.on_write = [](std::uint64_t) {};
      std::uint16_t i = 0;
      while (const auto c = p.Poll()) EXPECT_EQ(c->cookie, i++);
    } else {
      // Enabled again without waiting, with lines on the bus: the new life begins when they are
      // gone, and nothing of the former shows up in it.
      p.Disable();
      p.Put(regs::offset::portal_config, 1u | 5u << 8 | 1u << 16);
      p.WaitNotBusy();
      p.Restart();
      p.Submit(opcode::grant, 1, 3, 0x7777);
      p.Ring();
      const Completion c = p.Next();
      EXPECT_EQ(c.cookie, 0x7777);
      EXPECT_EQ(c.head, 1);
      EXPECT_EQ(c.count, 3u);
      p.Submit(opcode::release, 1, 3, 1, c.tokens, true);
      p.Ring();
      EXPECT_EQ(p.Next().status, status::ok);
      p.Disable();
      p.WaitNotBusy();
    }
  }
  Drain();
  CheckConservation({1}, 12800);
  WaitIdle();
}

// A RECALL that has to wait keeps its portal's line in hand for as long as a test needs.
class ExallocCardLives : public ExallocCard {
 protected:
  ExallocCardLives() : slow(card, 1, 8, 1), victim(card, 2, 5, 1) {
    card.memory.timing = {
        .read_latency = 300, .write_latency = 20, .jitter = 40, .ready_percent = 70};
    card.memory.on_write = [this](std::uint64_t a) {
      written += a >= victim.completion_base() && a < victim.completion_base() + kRingSpace;
    };
    slow.Enable();
    victim.Enable();
    for (std::uint16_t i = 0; i < 240; ++i) slow.Submit(opcode::sync, 0, 0, i);
    slow.Ring();
  }
  // The RECALL is in hand some time before the slow portal's lines are done.
  void RecallInHand() {
    victim.Submit(opcode::recall, 1, 0, 0x5555);
    victim.Ring();
    card.Cycles(900);
    EXPECT_TRUE(SlowIsBusy());
  }
  [[nodiscard]] bool SlowIsBusy() { return (slow.Status() & 0xffff) < 240; }
  void WaitForSlowPortal() {
    for (std::uint16_t i = 0; i < 240; ++i) EXPECT_EQ(slow.Next().cookie, i);
    victim.WaitNotBusy();
    card.Cycles(500);
  }
  [[nodiscard]] bool Failed() {
    return (victim.Status() & regs::portal_status::failed.mask()) != 0;
  }
  void CheckNewLife() {
    for (std::uint16_t i = 0; i < 40; ++i) {
      victim.Submit(opcode::sync, 0, 0, i);
      victim.Ring();
      const Completion c = victim.Next();
      EXPECT_EQ(c.cookie, i);
      EXPECT_EQ(c.head, i + 1);
    }
  }

  Portal slow, victim;
  unsigned written = 0;  // lines in the victim's completion ring
};

TEST_F(ExallocCardLives, LineInHandOfADisabledPortalIsAnswered) {
  RecallInHand();
  victim.Disable();
  EXPECT_TRUE(victim.Status() & regs::portal_status::busy.mask());
  WaitForSlowPortal();
  EXPECT_EQ(victim.Next(1).cookie, 0x5555);
  EXPECT_EQ(written, 1u);
}

TEST_F(ExallocCardLives, LineInHandOfAFailedPortalIsDropped) {
  RecallInHand();
  card.memory.read_fails = [this](std::uint64_t a) { return a == victim.submission_base() + 64; };
  victim.Submit(opcode::sync, 0, 0, 1);
  victim.Ring();
  card.Cycles(1000);
  EXPECT_TRUE(Failed());
  EXPECT_TRUE(SlowIsBusy());
  WaitForSlowPortal();
  EXPECT_EQ(written, 0u);
  EXPECT_FALSE(victim.Poll());
  card.memory.read_fails = [](std::uint64_t) { return false; };
  victim.Enable();
  CheckNewLife();
}

TEST_F(ExallocCardLives, LineAfterAFailedAnswerIsDropped) {
  card.memory.write_fails = [this](std::uint64_t a) { return a == victim.completion_base(); };
  victim.Submit(opcode::sync, 0, 0, 1);
  RecallInHand();
  EXPECT_TRUE(Failed());
  WaitForSlowPortal();
  EXPECT_EQ(written, 0u);
  card.memory.write_fails = [](std::uint64_t) { return false; };
  victim.Enable();
  CheckNewLife();
}

TEST_F(ExallocCardLives, LineInHandOfAFormerLifeIsDropped) {
  RecallInHand();
  victim.Disable();
  victim.Enable();
  EXPECT_TRUE(victim.Status() & regs::portal_status::busy.mask());
  WaitForSlowPortal();
  EXPECT_EQ(written, 0u);
  EXPECT_FALSE(victim.Poll());
  CheckNewLife();
}

// The bus may answer the rest of what has failed after the host has enabled the portal again.
TEST_F(ExallocCardLives, OneFailureIsOneRecord) {
  WaitForSlowPortal();
  card.memory.read_fails = [this](std::uint64_t a) {
    return a >= victim.submission_base() && a < victim.submission_base() + 64 * victim.size();
  };
  for (std::uint16_t i = 0; i < 16; ++i) victim.Submit(opcode::sync, 0, 0, i);
  victim.Ring();
  card.memory.timing.ready_percent = 2;
  for (unsigned wait = 0; !Failed(); ++wait) ASSERT_LT(wait, 1000u);
  victim.Enable();
  EXPECT_FALSE(card.memory.Quiet());
  victim.WaitNotBusy();
  EXPECT_FALSE(Failed());
  const auto e = card.PopError();
  ASSERT_TRUE(e);
  EXPECT_EQ(*e, (Harness::Error{status::bus_read, 0, 0, 2, 0}));
  EXPECT_FALSE(card.PopError());
}

TEST_F(ExallocCard, InterruptFollowsStatusAndEnable) {
  card.Write(regs::offset::interrupt_enable, 2);
  EXPECT_FALSE(card.model->interrupt_o);
  card.OpenAndLink(1, 1, 1, 1);
  EXPECT_TRUE(card.model->interrupt_o);
  card.Write(regs::offset::interrupt_status, 2);
  card.Cycles(2);
  EXPECT_FALSE(card.model->interrupt_o);
  Portal p(card, 1, 4, 1);
  p.Enable();
  p.Put(regs::offset::doorbell, 100);
  card.Cycles(30);
  EXPECT_FALSE(card.model->interrupt_o);
  EXPECT_EQ(card.Read(regs::offset::interrupt_status), 1u);
  card.Write(regs::offset::interrupt_enable, 1);
  card.Cycles(2);
  EXPECT_TRUE(card.model->interrupt_o);
}

TEST_F(ExallocCard, LatencyOfOneLine) {
  card.memory.timing = {.read_latency = 1, .write_latency = 1, .jitter = 0, .ready_percent = 100};
  Portal p(card, 17, 4, 1);
  p.Enable();
  card.Cycles(100);
  std::uint64_t seen = 0;
  card.memory.on_write = [&](std::uint64_t) { seen = card.cycle; };
  p.Submit(opcode::sync, 0, 0, 1);
  const std::uint64_t begin = card.cycle;
  p.Ring();
  p.Next();
  RecordProperty("doorbell_to_completion", std::to_string(seen - begin));
  EXPECT_LT(seen - begin, 60u);
}

// A portal alone, and all together, with the latency of a real link.
class ExallocCardRates : public ExallocCard {
 protected:
  ExallocCardRates() {
    card.OpenAndLink(1, 1, 1, 4000);
    card.memory.timing = {
        .read_latency = 250, .write_latency = 250, .jitter = 0, .ready_percent = 100};
  }
  void Report(const char* name, double value) {
    RecordProperty(name, std::to_string(value));
    std::printf("%s %.3f\n", name, value);
  }
};

TEST_F(ExallocCardRates, OnePortalSustainsItsTokens) {
  Portal p(card, 13, 8, 1);
  p.Enable();
  std::vector<std::uint32_t> tokens;
  std::uint64_t begin = card.cycle;
  for (std::uint16_t i = 0; i < 31; ++i) p.Submit(opcode::grant, 1, 112, i);
  p.Ring();
  for (unsigned done = 0; done < 31;) {
    const Completion c = p.Next();
    tokens.insert(tokens.end(), c.tokens.begin(), c.tokens.end());
    done += c.last;
  }
  const double grant = static_cast<double>(tokens.size()) / static_cast<double>(card.cycle - begin);
  Report("one_portal_granted_per_cycle", grant);
  ASSERT_EQ(tokens.size(), 31u * 112);
  begin = card.cycle;
  for (std::size_t i = 0; i < tokens.size(); i += 14) {
    p.Submit(opcode::release, 1, 14, 0,
             {tokens.begin() + static_cast<std::ptrdiff_t>(i),
              tokens.begin() + static_cast<std::ptrdiff_t>(i) + 14},
             i + 14 == tokens.size());
  }
  p.Ring();
  EXPECT_EQ(p.Next().head, 31 + 248);
  const double release =
      static_cast<double>(tokens.size()) / static_cast<double>(card.cycle - begin);
  Report("one_portal_released_per_cycle", release);
  EXPECT_FALSE(card.PopError());
  // 0.333 are 100 M tokens a second at 300 MHz. Measured 1.337 and 0.421.
  EXPECT_GT(grant, 1.3);
  EXPECT_GT(release, 0.41);
}

TEST_F(ExallocCardRates, AllPortalsTogetherSustainTheirLines) {
  std::vector<std::unique_ptr<Portal>> all;
  for (unsigned i = 0; i < 64; ++i) {
    all.push_back(std::make_unique<Portal>(card, i, 8, 1));
    all.back()->Enable();
    for (std::uint16_t k = 0; k < 248; ++k) all.back()->Submit(opcode::sync, 0, 0, k);
  }
  for (auto& p : all) p->Ring();
  const std::uint64_t begin = card.cycle, reads = card.memory.reads(),
                      writes = card.memory.writes(), bursts = card.memory.bursts();
  card.Cycles(10'000);
  const auto time = static_cast<double>(card.cycle - begin);
  const double read = static_cast<double>(card.memory.reads() - reads) / time;
  const double written = static_cast<double>(card.memory.writes() - writes) / time;
  Report("all_portals_lines_read_per_cycle", read);
  Report("all_portals_lines_written_per_cycle", written);
  Report("lines_per_burst", read * time / static_cast<double>(card.memory.bursts() - bursts));
  EXPECT_GT(read, 0.45);
  EXPECT_GT(written, 0.45);
}

}  // namespace
}  // namespace exalloc::test
