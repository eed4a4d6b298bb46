// Faults on the platform: what of the text is understood, which TLPs are hit, and what a card and
// its caller see of each. What programs see: tests/host/lost.
#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "exalloc/regs.hpp"
#include "platform/fault_plan.hpp"
#include "platform/fault_source.hpp"
#include "platform/platform.hpp"
#include "raw_portal.hpp"
#include "sim_card.hpp"

namespace exalloc {
namespace {

using sim::axi_fault;
using sim::direction;
using sim::fault_plan;
using sim::fault_source;
using sim::link_preset;
using sim::parse_faults;
using sim::picoseconds;
using sim::ps_per_ns;
using sim::sim_card;
using sim::tlp_fault;
using sim::tlp_kind;

constexpr picoseconds us = 1'000 * ps_per_ns;

// ---- The grammar ----

TEST(PlatformFault, TheTextIsUnderstood) {
  const fault_plan p = parse_faults(
      "late:any@2.5%+5us,lost:completion.up@7,dup:write.down@100us,poison:write@1%x3,"
      "seed=9,start=1ms,timeout=20us,slverr:read@2,decerr:write@0.0001%,"
      "reset@3ms,down@50us+20us,retrain@60us+800ns,down@9ms");
  ASSERT_EQ(p.tlps.size(), 4u);
  EXPECT_EQ(p.tlps[0].what, tlp_fault::late);
  EXPECT_FALSE(p.tlps[0].kind || p.tlps[0].way);
  EXPECT_EQ(p.tlps[0].which.per_million, 25'000u);
  EXPECT_EQ(p.tlps[0].delay, 5 * us);
  EXPECT_EQ(p.tlps[1].text, "lost:completion.up@7");
  EXPECT_EQ(p.tlps[1].kind, tlp_kind::completion);
  EXPECT_EQ(p.tlps[1].way, direction::up);
  EXPECT_EQ(p.tlps[1].which.first, 7u);
  EXPECT_EQ(p.tlps[1].which.most, 1u);
  EXPECT_EQ(p.tlps[2].kind, tlp_kind::posted);
  EXPECT_EQ(p.tlps[2].way, direction::down);
  EXPECT_EQ(p.tlps[2].which.from, 100 * us);
  EXPECT_EQ(p.tlps[3].which.most, 3u);
  EXPECT_EQ(p.seed, 9u);
  EXPECT_EQ(p.start, 1'000 * us);
  EXPECT_EQ(p.completion_timeout, 20 * us);
  ASSERT_EQ(p.axi.size(), 2u);
  EXPECT_FALSE(p.axi[0].write);
  EXPECT_EQ(p.axi[1].which.per_million, 1u);
  ASSERT_EQ(p.events.size(), 4u);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_LE(p.events[i - 1].at, p.events[i].at);
  EXPECT_EQ(p.events[0].lasts, 20 * us);
  EXPECT_EQ(p.events[3].lasts, sim::event_rule::for_good);
  EXPECT_TRUE(parse_faults("").empty());
}

TEST(PlatformFault, WhatIsNotUnderstoodIsToldWithWhatIs) {
  const struct {
    const char *text, *told;
  } cases[] = {{"lsot:write@1", "known are late, lost, dup"},
               {"lost", "lost:completion.up@2%"},
               {"lost:compleation@2%", "known are write, read, completion and any"},
               {"lost:write.left@2%", "known are down (to the card) and up"},
               {"lost:write", "which ones are missing: a share (2%)"},
               {"lost:write@", "which ones?"},
               {"lost:write@0", "the first one has number 1"},
               {"lost:write@0%", "more than 0%"},
               {"lost:write@101%", "at most 100%"},
               {"lost:write@1.00001%", "four decimal places"},
               {"lost:write@1.5", "ends with %"},
               {"lost:write@5s", "needs a unit: ns, us or ms"},
               {"lost:write@5x0", "how many at most"},
               {"lost:write@5+3us", "nothing is expected at \"+3us\""},
               {"late:write@5+3", "the delay needs a unit"},
               {"poison:read@1%", "poison its completion"},
               {"slverr:fetch@1", "known are read and write"},
               {"reset", "reset@100us"},
               {"reset@5us+2us", "nothing is expected"},
               {"retrain@5us", "retrain@50us+5us"},
               {"down@5000000ms", "longer than 1,000 s"},
               {"seed=x", "a seed is a number"},
               {"timeout=0ns", "more than 0"},
               {"lost:write@1,,dup:read@1", "the fault \"\""}};
  for (const auto& c : cases) {
    std::string what;
    try {
      parse_faults(c.text);
    } catch (const std::invalid_argument& e) {
      what = e.what();
    }
    EXPECT_NE(what.find(c.told), std::string::npos) << c.text << ": " << what;
  }
}

// ---- Which are hit ----

std::vector<unsigned> hits(const char* text, unsigned tlps, picoseconds step = us) {
  fault_source source(parse_faults(text));
  std::vector<unsigned> out;
  for (unsigned i = 1; i <= tlps; ++i)
    if (source.of_tlps(tlp_kind::posted, direction::up, i * step).what != tlp_fault::none)
      out.push_back(i);
  return out;
}

TEST(PlatformFault, ChoicesHitWhatTheySay) {
  using numbers = std::vector<unsigned>;
  EXPECT_EQ(hits("start=0ns,lost:write@7", 100), (numbers{7}));
  EXPECT_EQ(hits("start=0ns,lost:write.up@7x3", 100), (numbers{7, 8, 9}));
  EXPECT_EQ(hits("start=0ns,lost:any@50us", 100), (numbers{50}));
  EXPECT_EQ(hits("start=90us,lost:any@100%", 91), (numbers{90, 91}));
  EXPECT_EQ(hits("start=90us,lost:any@2", 100), (numbers{91}));
  EXPECT_EQ(hits("start=0ns,lost:write.down@7,lost:read@7", 100), numbers{});
  const numbers some = hits("start=0ns,lost:any@2%", 100'000);
  EXPECT_NEAR(static_cast<double>(some.size()), 2'000, 200);
  EXPECT_EQ(hits("start=0ns,lost:any@2%", 100'000), some);
  EXPECT_NE(hits("start=0ns,lost:any@2%,seed=2", 100'000), some);
  EXPECT_EQ(hits("start=0ns,lost:any@2%x5", 100'000).size(), 5u);
}

TEST(PlatformFault, TheFirstHarmIsTold) {
  fault_source source(parse_faults("start=0ns,late:any@1,lost:any@2,slverr:write@1"));
  source.of_tlps(tlp_kind::posted, direction::up, 1'234'567);
  EXPECT_EQ(source.harm(), "");
  source.of_tlps(tlp_kind::posted, direction::up, 2'345'678);
  EXPECT_EQ(source.harm(), "the fault \"lost:any@2\" at 2.345 us");
  EXPECT_EQ(source.of_access(true, 3'000'000), axi_fault::slave_error);
  EXPECT_EQ(source.harm(), "the fault \"lost:any@2\" at 2.345 us");
}

// ---- What the card and its caller see ----

// A ready card at 200 us, with list 3 of 101 blocks.
sim_card& prepared(sim_card& card) {
  test::wait_ready(card);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 2, 36);
  EXPECT_LT(card.now_ns(), 200'000u);
  card.advance_to(200'000);
  return card;
}

std::string failure_of(sim_card& card, std::uint32_t offset) {
  try {
    card.read(offset);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

TEST(PlatformFault, ALostCompletionIsATimeout) {
  sim_card card(link_preset("gen3x16"), parse_faults("lost:completion.up@1"));
  prepared(card);
  const std::uint64_t start = card.now_ns();
  const std::string why = failure_of(card, regs::offset::id);
  EXPECT_NE(why.find("0x0000: no completion came within the completion timeout, after the fault "
                     "\"lost:completion.up@1\" at 200."),
            std::string::npos)
      << why;
  EXPECT_GE(card.now_ns() - start, 50'000u);
  EXPECT_LE(card.now_ns() - start, 52'000u);
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845u);
  for (const auto& [name, count] : card.injected_faults()) {
    const bool it =
        name == "lost:completion.up@1" || name == "lost TLPs" || name == "completion timeouts";
    EXPECT_EQ(count, it ? 1u : 0u) << name;
  }
}

TEST(PlatformFault, LateArrivesLaterAndInOrder) {
  sim_card card(link_preset("gen3x16"), parse_faults("late:write.down@1+20us"));
  prepared(card);
  const std::uint64_t start = card.now_ns();
  card.write(regs::offset::governor_period, 1);
  card.write(regs::offset::governor_period, 2);
  EXPECT_EQ(card.read(regs::offset::governor_period), 2u);
  EXPECT_GE(card.now_ns() - start, 20'000u);
  EXPECT_LE(card.now_ns() - start, 23'000u);
}

TEST(PlatformFault, ALostWriteIsSilent) {
  sim_card card(link_preset("gen3x16"), parse_faults("lost:write.down@1,poison:write.down@3"));
  prepared(card);
  card.write(regs::offset::governor_period, 5);
  EXPECT_EQ(card.read(regs::offset::governor_period), 0u);
  card.write(regs::offset::governor_period, 6);
  EXPECT_EQ(card.read(regs::offset::governor_period), 6u);
  card.write(regs::offset::governor_period, 7);
  EXPECT_EQ(card.read(regs::offset::governor_period), 6u);
}

TEST(PlatformFault, ARetrainedLinkLosesNothing) {
  sim_card card(link_preset("gen3x16"), parse_faults("retrain@210us+30us"));
  prepared(card);
  card.advance_to(211'000);
  card.write(regs::offset::governor_period, 5);
  EXPECT_EQ(card.read(regs::offset::governor_period), 5u);
  EXPECT_GE(card.now_ns(), 240'000u);
}

TEST(PlatformFault, ALinkThatWasDownLeadsToACardThatWasReset) {
  sim_card card(link_preset("gen3x16"), parse_faults("down@210us+300us"));
  prepared(card);
  card.write(regs::offset::governor_period, 5);
  card.advance_to(211'000);
  EXPECT_NE(failure_of(card, regs::offset::id).find("\"down@210us+300us\" at 210."),
            std::string::npos);
  card.advance_to(520'000);
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845u);
  EXPECT_EQ(card.read(regs::offset::governor_period), 0u);
}

// A write is on the wire when the link goes down, and would come to the card after its reset.
TEST(PlatformFault, WhatIsUnderWayIsLostWithTheLink) {
  sim::link_settings link = link_preset("gen3x16");
  for (sim::latency_table* t : {&link.wire, &link.register_issue})
    *t = sim::latency_table::fixed(t->median_ns());
  sim_card card(link, parse_faults("down@200100ns+10ns"));
  prepared(card);
  card.write(regs::offset::governor_period, 5);
  card.advance_to(300'000);
  EXPECT_EQ(card.read(regs::offset::governor_period), 0u);
  card.write(regs::offset::governor_period, 5);
  EXPECT_EQ(card.read(regs::offset::governor_period), 5u);
}

// A GRANT of 14 blocks; what its completion line says, or the reason why there is none.
std::string granted(sim_card& card) {
  test::raw_portal portal(card, 0, 6, 0);
  portal.push(test::make_line(regs::opcode::grant, 3, 14));
  portal.doorbell();
  std::string out = "granted";
  try {
    portal.wait();
  } catch (const std::runtime_error& e) {
    out = e.what();
  }
  const std::uint32_t status = portal.read(regs::offset::portal_status);
  if (regs::portal_status::failed.get(status)) out = "failed";
  return out;
}

TEST(PlatformFault, BusErrorsStopThePortal) {
  for (const char* fault : {"slverr:read@1", "decerr:read@1", "slverr:write@1", "decerr:write@1",
                            "lost:read.up@1", "poison:completion.down@1"}) {
    sim_card card(link_preset("gen3x16"), parse_faults(fault));
    EXPECT_EQ(granted(prepared(card)), "failed") << fault;
  }
}

TEST(PlatformFault, ALostLineIsWaitedForInVain) {
  for (const char* fault : {"lost:write.up@1", "poison:write.up@1"}) {
    sim_card card(link_preset("gen3x16"), parse_faults(fault));
    const std::string why = granted(prepared(card));
    EXPECT_NE(why.find("nothing is under way any more"), std::string::npos) << why;
    EXPECT_NE(why.find(fault), std::string::npos) << why;
  }
}

TEST(PlatformFault, DuplicatesCostBandwidthOnly) {
  sim_card card(link_preset("gen3x16"),
                parse_faults("dup:write.up@100%,dup:read@100%,dup:completion@100%"));
  prepared(card);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(granted(card), "granted");
  EXPECT_EQ(card.read(test::list_register(3, regs::offset::list_in_use)), 70u);
}

// Wherever it hits a line on its way: submission, execution, completion.
TEST(PlatformFault, AResetForgetsAll) {
  for (unsigned ns = 200'300; ns < 202'600; ns += 290) {
    sim_card card(link_preset("gen3x16"), parse_faults("reset@" + std::to_string(ns) + "ns"));
    prepared(card);
    test::raw_portal portal(card, 0, 6, 0);
    portal.push(test::make_line(regs::opcode::grant, 3, 64));
    portal.doorbell();
    card.advance_to(400'000);
    test::wait_ready(card);
    EXPECT_EQ(card.read(test::list_register(3, regs::offset::list_total)), 0u);
    EXPECT_EQ(test::status_of(test::command(card, regs::command::open, 3)), regs::status::ok);
    EXPECT_EQ(regs::portal_status::enabled.get(portal.read(regs::offset::portal_status)), 0u);
  }
}

TEST(PlatformFault, AReadIsAnsweredWhenTheCardIsReset) {
  sim_card card(link_preset("gen3x16"), parse_faults("reset@250us"));
  prepared(card);
  std::string why = "none";
  while (why == "none" && card.now_ns() < 260'000) why = failure_of(card, regs::offset::id);
  // It may hit the read on the card's bus, on its way there, or none.
  if (why != "none") {
    EXPECT_NE(why.find("the card was reset"), std::string::npos) << why;
  }
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845u);
}

}  // namespace
}  // namespace exalloc
