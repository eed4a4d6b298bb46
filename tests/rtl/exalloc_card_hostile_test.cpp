// The whole card among garbage, bus errors and resets: whoever is to blame suffers, nobody else
// does.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "card_fixture.hpp"
#include "card_kernel.hpp"
#include "card_lookaside_user.hpp"

namespace exalloc::test {
namespace {

using Kernel = CardKernel<Vexalloc_card>;
using LookasideUser = CardLookasideUser<Vexalloc_card>;

TEST_F(ExallocCard, GarbageHurtsOnlyItsPortal) {
  card.OpenAndLink(1, 1, 1, 100);
  AddProcessors(0, 6, 5, {.lists = {1}, .bad_percent = 0});
  Portal garbage(card, 6, 6, 2);
  garbage.Enable();
  unsigned sent = 0, answered = 0;
  for (unsigned round = 0; round < 60; ++round) {
    for (unsigned i = 0; i < 8; ++i, ++sent) {
      LineWords words;
      for (auto& w : words) w = static_cast<std::uint32_t>(rng_());
      // Half of them close to a good line, so that every check is reached.
      if (rng_() % 2 == 0) {
        words[0] = garbage.Phase() | static_cast<std::uint32_t>(rng_() % 6) << 1 | 1u << 5 |
                   static_cast<std::uint32_t>(rng_() % 120) << 8 |
                   static_cast<std::uint32_t>(rng_() % 260) << 16;
        words[1] &= 0xffff;
        if (rng_() % 4 == 0) words[0] &= ~0xff00u;
      }
      garbage.SubmitRaw(words);
    }
    garbage.Ring();
    for (unsigned wait = 0; answered < sent; ++wait) {
      ASSERT_LT(wait, 1000u) << "a line was lost";
      Run(1);
      while (const auto c = garbage.Poll()) {
        EXPECT_EQ(c->last, true);
        EXPECT_EQ(c->head, static_cast<std::uint16_t>(++answered));
        if (c->opcode == opcode::grant) {
          EXPECT_TRUE(c->tokens.empty());
        }
      }
    }
  }
  Drain();
  EXPECT_GT(card.Counter(regs::counter::refusals), 100u);
  CheckConservation({1}, 6400);
}

TEST_F(ExallocCard, BusErrorsStopOnlyTheirPortal) {
  card.OpenAndLink(1, 1, 1, 100);
  AddProcessors(0, 4, 5, {.lists = {1}, .bad_percent = 0});
  Portal reader(card, 10, 5, 1), writer(card, 11, 5, 1);
  reader.EnableAt(0x10000, reader.completion_base());  // no memory there
  writer.EnableAt(writer.submission_base(), 0x20000);
  Run(3);
  for (Portal* p : {&reader, &writer}) {
    for (std::uint16_t i = 0; i < 12; ++i) p->Submit(opcode::sync, 0, 0, i);
    p->Ring();
  }
  Run(10);
  const unsigned failed = static_cast<unsigned>(regs::portal_status::failed.mask());
  EXPECT_EQ(reader.Status() & ~0xffffu, failed);
  EXPECT_EQ(writer.Status() & ~0xffffu, failed);
  std::map<unsigned, status> errors;
  while (const auto e = card.PopError()) {
    EXPECT_TRUE(errors.emplace(e->portal, e->status).second) << "reported twice";
    EXPECT_EQ(e->token, 0u);
    EXPECT_EQ(e->opcode, 0u);
  }
  EXPECT_EQ(errors, (std::map<unsigned, status>{{10, status::bus_read}, {11, status::bus_write}}));
  // A doorbell of a failed portal changes nothing and is no error.
  reader.Ring();
  card.Cycles(50);
  EXPECT_FALSE(card.PopError());
  // Enabled again, both work from the start.
  for (Portal* p : {&reader, &writer}) {
    p->Enable();
    for (std::uint16_t i = 0; i < 40; ++i) {
      p->Submit(opcode::sync, 0, 0, i);
      p->Ring();
      const Completion c = p->Next();
      EXPECT_EQ(c.cookie, i);
      EXPECT_EQ(c.head, i + 1);
    }
    EXPECT_EQ(p->Status(), 40u | 1u << 16);
  }
  // An error in the middle of many lines.
  card.memory.read_fails = [&](std::uint64_t a) { return a == reader.submission_base() + 64 * 13; };
  reader.Enable();
  for (std::uint16_t i = 0; i < 32; ++i) reader.Submit(opcode::sync, 0, 0, i);
  reader.Ring();
  Run(10);
  EXPECT_TRUE(reader.Status() & failed);
  Drain();
  CheckConservation({1}, 6400);
  WaitIdle();
}

TEST_F(ExallocCard, BadDoorbellsAreIgnored) {
  Portal p(card, 5, 4, 1);
  p.Put(regs::offset::doorbell, 1);  // not enabled: nothing
  p.Enable();
  const auto bad = [&](std::uint32_t value) {
    p.Put(regs::offset::doorbell, value);
    card.Cycles(30);
    const auto e = card.PopError();
    ASSERT_TRUE(e) << std::hex << value;
    EXPECT_EQ(*e, (Harness::Error{status::bad_doorbell, 0, 0, 5, 0}));
    EXPECT_FALSE(card.PopError());
  };
  bad(17);  // more than a ring
  bad(0x8000);
  bad(0x10000);  // consumed what was not written
  bad(0xffff0000);
  EXPECT_EQ(card.memory.reads(), 0u);
  for (std::uint16_t i = 0; i < 16; ++i) p.Submit(opcode::sync, 0, 0, i);
  p.Ring();
  for (std::uint16_t i = 0; i < 9; ++i) EXPECT_EQ(p.Next().cookie, i);
  card.Cycles(300);
  EXPECT_TRUE(p.Status() & regs::portal_status::stalled.mask());
  bad(15u | 4u << 16);  // the tail goes back
  bad(26u | 4u << 16);
  bad(16u | 10u << 16);
  p.Ring();
  for (std::uint16_t i = 9; i < 16; ++i) EXPECT_EQ(p.Next().cookie, i);
  bad(16u | 8u << 16);  // the head goes back
  WaitIdle();
  EXPECT_EQ(p.Status(), 16u | 1u << 16);
  EXPECT_EQ(card.Counter(regs::counter::refusals), 8u);
  EXPECT_EQ(card.Counter(regs::counter::doorbells), 2u);
}

TEST_F(ExallocCard, ResetInTheMiddleOfTraffic) {
  for (unsigned round = 0; round < 3; ++round) {
    card.OpenAndLink(1, 1, 1, 100);
    processors_.clear();
    hands_.clear();
    card.Write(regs::offset::interrupt_enable, 1);
    AddProcessors(0, 20, 5, {.lists = {1}});
    Run(8 + round);
    ASSERT_FALSE(card.memory.Quiet());
    card.Write(regs::offset::control, 1);
    EXPECT_FALSE(card.Ready());
    // The memory checks that no transfer is cut off; nothing new begins after them.
    for (unsigned wait = 0; !card.memory.Quiet(); ++wait) {
      ASSERT_LT(wait, 2000u);
      card.Cycle();
    }
    const std::uint64_t bursts = card.memory.bursts(), writes = card.memory.writes();
    card.WaitReady();
    EXPECT_EQ(card.memory.bursts(), bursts);
    EXPECT_EQ(card.memory.writes(), writes);
    EXPECT_EQ(processors_[0]->portal.Status(), 0u);
    EXPECT_EQ(card.Counter(regs::counter::blocks_granted), 0u);
    EXPECT_EQ(card.Read(regs::offset::interrupt_enable), 0u);
    EXPECT_FALSE(card.PopError());
    WaitIdle();
  }
}

TEST_F(ExallocCard, ResetWaitsForABusThatHangs) {
  card.OpenAndLink(1, 1, 1, 100);
  AddProcessors(0, 20, 5, {.lists = {1}});
  Run(8);
  const AxiTiming usual = card.memory.timing;
  card.memory.timing.ready_percent = 0;
  card.Cycles(20);
  ASSERT_FALSE(card.memory.Quiet());
  card.Write(regs::offset::control, 1);
  // Longer than a sweep of the memories takes; the card must be there for every answer, and must
  // not say that it is ready, nor idle.
  for (int i = 0; i < 30'000; ++i) {
    ASSERT_TRUE(card.model->m_axi_rready_o && card.model->m_axi_bready_o) << "cycle " << i;
    ASSERT_FALSE(card.model->idle_o);
    card.Cycle();
  }
  EXPECT_FALSE(card.Ready());
  card.memory.timing = usual;
  while (!card.memory.Quiet()) {
    ASSERT_TRUE(card.model->m_axi_rready_o && card.model->m_axi_bready_o);
    card.Cycle();
  }
  card.WaitReady();
  EXPECT_EQ(processors_[0]->portal.Status(), 0u);
}

// A write of which the card has one half when it closes its register port gets the other in.
TEST_F(ExallocCard, ResetWaitsForTheOtherHalfOfAWrite) {
  for (const bool address_first : {true, false}) {
    card.Write(regs::offset::control, 1);
    auto& m = *card.model;
    m.s_axil_awaddr_i = regs::offset::interrupt_enable;
    m.s_axil_wdata_i = 1;
    m.s_axil_awvalid_i = address_first;
    m.s_axil_wvalid_i = !address_first;
    card.Cycle();
    m.s_axil_awvalid_i = m.s_axil_wvalid_i = 0;
    card.Cycles(100);
    card.Write(regs::offset::interrupt_enable, 1,
               {.address = !address_first, .data = address_first});
    if (HasFailure()) return;
    card.WaitReady();
    EXPECT_EQ(card.Read(regs::offset::interrupt_enable), 0u);
  }
}

TEST_F(ExallocCard, BoardResetInTheMiddleOfTraffic) {
  card.OpenAndLink(1, 1, 1, 100);
  AddProcessors(0, 8, 5, {.lists = {1}});
  Run(8);
  while (!card.memory.Quiet()) card.Cycle();  // the memory here has no reset of its own
  card.model->rst_i = 1;
  card.Cycles(3);
  card.model->rst_i = 0;
  card.WaitReady();
  EXPECT_EQ(processors_[0]->portal.Status(), 0u);
  Portal p(card, 0, 4, 1);
  p.Enable();
  p.Submit(opcode::sync, 0, 0, 77);
  p.Ring();
  EXPECT_EQ(p.Next().cookie, 77);
}

// All that can be wrong in a line of lookaside lists or streams too, beside those who use them.
TEST_F(ExallocCard, GarbageHurtsNeitherLookasideListsNorStreams) {
  card.OpenAndLink(1, 1, 1, 100);
  AddProcessors(0, 4, 5, {.lists = {1}, .bad_percent = 0});
  LookasideUser user(card, 8, 3, 1, 32, seed_ + 1);
  Kernel kernel(card, hands_, {.pop_port = 0, .push_port = 1, .list = 1, .domain = 1}, seed_ + 2);
  Portal garbage(card, 6, 6, 2);
  garbage.Enable();
  unsigned sent = 0, answered = 0, errors = 0;
  for (unsigned round = 0; round < 60; ++round) {
    for (unsigned i = 0; i < 8; ++i, ++sent) {
      LineWords words;
      for (auto& w : words) w = static_cast<std::uint32_t>(rng_());
      if (rng_() % 4 != 0) {
        words[0] = garbage.Phase() | static_cast<std::uint32_t>(rng_() % 16) << 1 |
                   static_cast<std::uint32_t>(rng_() % 2) << 6 |
                   static_cast<std::uint32_t>(rng_() % (rng_() % 2 ? 8 : 120)) << 8 |
                   static_cast<std::uint32_t>(rng_() % 70) << 16;
        words[1] &= 0xffff;
        if (rng_() % 4 == 0) words[0] &= ~0xff00u;
      }
      garbage.SubmitRaw(words);
    }
    garbage.Ring();
    for (unsigned wait = 0; answered < sent; ++wait) {
      ASSERT_LT(wait, 2000u) << "a line was lost";
      Run(1);
      user.Step();
      while (const auto c = garbage.PollRaw()) {
        EXPECT_TRUE((*c)[0] >> 5 & 1) << "a line that is not the last of its answer";
        EXPECT_EQ((*c)[1] & 0xffff, static_cast<std::uint16_t>(++answered));
        // Nothing comes out of what it cannot own; a RELEASE names what it refused.
        if (((*c)[0] >> 1 & 15) != 2u) {
          EXPECT_EQ((*c)[0] >> 8 & 0xff, 0u);
        }
      }
      while (const auto e = card.PopError()) {
        EXPECT_EQ(e->portal, 6u);
        // Not a stream port's, though a line may call itself so.
        EXPECT_TRUE(e->opcode != static_cast<unsigned>(opcode::stream) ||
                    e->status == status::bad_opcode || e->status == status::bad_phase);
        ++errors;
      }
    }
  }
  EXPECT_GT(errors, 100u);
  EXPECT_GT(user.popped(), 100u);
  EXPECT_GT(kernel.popped(), 1000u);
  EXPECT_GT(kernel.pushed(), 1000u);
  user.Finish();
  kernel.Finish();
  Drain();
  CheckConservation({1}, 6400);
}

TEST_F(ExallocCard, AKernelsGarbageIsItsOwn) {
  card.OpenAndLink(1, 1, 1, 100);
  card.OpenAndLink(2, 1, 101, 100);
  AddProcessors(0, 4, 5, {.lists = {1, 2}, .bad_percent = 0});
  Kernel kernel(card, hands_, {.pop_port = 0, .push_port = 1, .list = 1, .domain = 1}, seed_ + 2);
  Kernel mad(card, hands_,
             {.pop_port = 2, .push_port = 3, .list = 2, .domain = 1, .garbage_percent = 30},
             seed_ + 3);
  std::uint64_t errors = 0;
  for (unsigned round = 0; round < 150; ++round) {
    Run(1);
    while (const auto e = card.PopError()) {
      EXPECT_EQ(e->opcode, static_cast<unsigned>(opcode::stream));
      EXPECT_EQ(e->portal, 3u);
      EXPECT_EQ(e->list, 2u);
      ASSERT_LT(e->token, Token(100'300, 0)) << "not what it pushed";
      ++errors;
    }
  }
  kernel.Finish();
  mad.Finish();
  while (card.PopError()) ++errors;
  errors += card.Read(regs::offset::error_lost);
  EXPECT_GT(errors, 100u);
  EXPECT_EQ(errors, mad.garbage());
  EXPECT_EQ(card.Read(regs::offset::streams_base + 3 * regs::offset::streams_stride +
                      regs::offset::stream_refused),
            mad.garbage());
  EXPECT_EQ(card.Read(regs::offset::streams_base + regs::offset::streams_stride +
                      regs::offset::stream_refused),
            0u);
  Drain();
  CheckConservation({1}, 6400);
  CheckConservation({2}, 6400);
}

TEST_F(ExallocCard, StreamsAndLinesUnderBackPressure) {
  card.OpenAndLink(1, 1, 1, 60);
  AddProcessors(0, 12, 4, {.lists = {1}, .bad_percent = 0, .recall_percent = 4});
  Kernel kernel(card, hands_,
                {.pop_port = 3, .push_port = 2, .list = 1, .domain = 1, .ready_percent = 20},
                seed_ + 2);
  card.memory.timing = {.read_latency = 40, .write_latency = 60, .jitter = 80, .ready_percent = 15};
  Run(60);
  card.memory.timing.ready_percent = 100;
  Drain();
  EXPECT_GT(card.Counter(regs::counter::recalls), 0u);
  kernel.Finish();
  Drain();
  CheckConservation({1}, 3840);
}

TEST_F(ExallocCard, ResetForgetsStreamsAndLookasideLists) {
  for (unsigned round = 0; round < 3; ++round) {
    card.OpenAndLink(1, 1, 1, 100);
    processors_.clear();
    hands_.clear();
    AddProcessors(0, 8, 5, {.lists = {1}});
    LookasideUser user(card, 9, 3, 1, 32, seed_ + 1);
    Kernel kernel(card, hands_, {.pop_port = 0, .push_port = 1, .list = 1, .domain = 1}, seed_ + 2);
    for (unsigned i = 0; i < 8 + round; ++i) {
      Run(1);
      user.Step();
    }
    kernel.Forget();
    card.Write(regs::offset::control, 1);
    card.WaitReady();
    EXPECT_EQ(card.model->m_axis_pop_tvalid_o, 0u);
    EXPECT_EQ(card.model->s_axis_push_tready_o, 0u);
    EXPECT_EQ(card.Read(regs::offset::streams_base), 0u);
    EXPECT_EQ(card.Read(regs::offset::lookasides_base + 3 * regs::offset::lookasides_stride), 0u);
    EXPECT_EQ(card.Counter(regs::counter::stream_popped), 0u);
    EXPECT_FALSE(card.PopError());
    WaitIdle();
  }
}

}  // namespace
}  // namespace exalloc::test
