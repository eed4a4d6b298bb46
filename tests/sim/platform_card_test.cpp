// The whole platform: latencies between their bounds, the same times from the same seed, order
// across the link, violations that end the run.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "card/process_memory.hpp"
#include "exalloc/regs.hpp"
#include "platform/platform.hpp"
#include "raw_portal.hpp"
#include "sim_card.hpp"

namespace exalloc {
namespace {

using regs::opcode;
using sim::link_preset;
using sim::link_settings;
using sim::sim_card;
using test::make_line;
using test::raw_portal;

link_settings seeded(const char* preset, std::uint64_t seed) {
  link_settings s = link_preset(preset);
  s.seed = seed;
  return s;
}

TEST(PlatformCard, RegisterReadsLieInTheirRange) {
  sim_card card(link_preset("gen3x16"));
  test::wait_ready(card);
  std::uint64_t fastest = ~std::uint64_t{0}, slowest = 0;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t start = card.now_ns();
    card.read(regs::offset::id);
    const std::uint64_t ns = card.now_ns() - start;
    fastest = std::min(fastest, ns);
    slowest = std::max(slowest, ns);
  }
  EXPECT_GE(fastest, 800u);
  EXPECT_LE(fastest, 930u);
  EXPECT_GT(slowest, fastest + 50);
  EXPECT_LE(slowest, 4'000u);  // the sum of all maxima
}

TEST(PlatformCard, AMissTakesTheSumOfItsLatencies) {
  const link_settings link = link_preset("gen3x16");
  sim_card card(link);
  test::wait_ready(card);
  raw_portal portal(card, 0, 6, 0);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 100);
  const std::uint64_t sum = link.doorbell_ns() + link.memory_read_ns(64) + link.memory_write_ns(64);
  std::uint64_t total = 0;
  constexpr unsigned times = 40;
  for (unsigned i = 0; i < times; ++i) {
    card.read(regs::offset::id);
    const std::uint64_t start = card.now_ns();
    portal.push(make_line(opcode::grant, 3, 14));
    portal.doorbell();
    portal.wait();
    total += card.now_ns() - start;
  }
  // The latencies' means lie above their medians; the card itself may take 100 cycles.
  EXPECT_LE(static_cast<double>(total) / times, 1.1 * static_cast<double>(sum) + 333);
}

std::vector<std::uint64_t> times_of(const link_settings& link) {
  sim_card card(link);
  test::wait_ready(card);
  raw_portal portal(card, 0, 6, 0);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 100);
  std::vector<std::uint64_t> out;
  for (unsigned i = 0; i < 20; ++i) {
    portal.push(make_line(opcode::grant, 3, 1 + i));
    portal.doorbell();
    while (regs::completion_header::last.get(portal.wait().header) == 0) {
    }
    out.push_back(card.now_ns());
  }
  return out;
}

TEST(PlatformCard, OneSeedGivesTheSameTimesAnotherGivesOthers) {
  const auto first = times_of(seeded("gen3x16", 1));
  EXPECT_EQ(times_of(seeded("gen3x16", 1)), first);
  EXPECT_NE(times_of(seeded("gen3x16", 2)), first);
}

TEST(PlatformCard, TwoPlatformsAtATime) {
  const auto alone = times_of(seeded("gen4x8", 3));
  sim_card other(link_preset("gen3x8"));
  test::wait_ready(other);
  const std::uint64_t other_time = other.now_ns();
  EXPECT_EQ(times_of(seeded("gen4x8", 3)), alone);
  EXPECT_EQ(other.now_ns(), other_time);
  EXPECT_EQ(other.read(regs::offset::id), 0x4C415845u);
}

// Reads of several processors are under way together; the card takes one access at a time.
TEST(PlatformCard, ReadsOverlap) {
  process_memory memory;
  sim::platform platform(link_preset("gen3x16"), memory);
  platform.run(100'000 * sim::ps_per_ns);  // the memories are swept
  const sim::picoseconds start = platform.now();
  constexpr unsigned reads = 16;
  unsigned answered = 0;
  for (unsigned i = 0; i < reads; ++i) {
    platform.read(regs::offset::id, [&](const sim::register_answer& a) {
      EXPECT_TRUE(a.ok);
      EXPECT_EQ(a.value, 0x4C415845u);
      if (++answered == reads) platform.pause();
    });
  }
  while (answered < reads) platform.run_what_is_under_way(start + 1'000'000 * sim::ps_per_ns);
  EXPECT_LT(platform.now() - start, 3'000 * sim::ps_per_ns);
}

// A read finds what was written before it, whatever the latencies: it pushes the writes.
TEST(PlatformCard, ARegisterReadPushesTheWritesBeforeIt) {
  link_settings link = link_preset("gen3x16");
  link.wire = {{100, 500, 2'000, 5'000, 9'000, 20'000}};
  link.register_issue = link.wire;
  sim_card card(link);
  test::wait_ready(card);
  for (std::uint32_t i = 1; i < 30; ++i) {
    card.write(regs::offset::governor_period, i - 1);
    card.write(regs::offset::governor_period, i);
    ASSERT_EQ(card.read(regs::offset::governor_period), i);
  }
}

// Breaks the AXI-Stream protocol: offers a token and takes it back.
class breaking_kernel final : public stream_kernel {
 public:
  void clock(stream_pins& pins) override {
    pins.push_valid = edges == 3;
    pins.push_token = edges;
    ++edges;
  }
  bool busy() const override { return edges < 10; }
  unsigned edges = 0;
};

TEST(PlatformCard, AViolationEndsTheRun) {
  sim_card card(link_preset("zero"));
  test::wait_ready(card);
  card.attach(1, std::make_shared<breaking_kernel>());
  std::string why;
  try {
    card.advance_to(card.now_ns() + 1'000);
  } catch (const std::runtime_error& e) {
    why = e.what();
  }
  EXPECT_NE(why.find("AXI-Stream, push"), std::string::npos) << why;
  EXPECT_THROW(card.read(regs::offset::id), std::runtime_error);
}

// What a kernel throws reaches whoever lets the platform run.
class throwing_kernel final : public stream_kernel {
 public:
  void clock(stream_pins&) override { throw std::logic_error("enough"); }
  bool busy() const override { return true; }
};

TEST(PlatformCard, AKernelMayThrow) {
  sim_card card(link_preset("zero"));
  test::wait_ready(card);
  card.attach(0, std::make_shared<throwing_kernel>());
  EXPECT_THROW(card.advance_to(card.now_ns() + 1'000), std::logic_error);
}

// Notes where each transaction goes.
class notes final : public sim::transaction_watcher {
 public:
  void begins(const sim::transaction& t, sim::transaction_place place,
              sim::picoseconds at) override {
    put(t, "begins " + sim::name_of(t) + ": " + to_string(place), at);
  }
  void moves(const sim::transaction& t, sim::transaction_place to, sim::picoseconds at) override {
    put(t, to_string(to), at);
  }
  void ends(const sim::transaction& t, sim::picoseconds at) override { put(t, "ends", at); }

  std::vector<std::vector<std::string>> steps;
  std::vector<sim::picoseconds> last;

 private:
  void put(const sim::transaction& t, std::string step, sim::picoseconds at) {
    if (t.number > steps.size()) steps.resize(t.number);
    last.resize(steps.size());
    EXPECT_GE(at, last[t.number - 1]) << step;
    last[t.number - 1] = at;
    steps[t.number - 1].push_back(std::move(step));
  }
};

TEST(PlatformCard, TransactionsAreToldPlaceByPlace) {
  process_memory memory;
  sim::platform platform(link_preset("gen3x16"), memory);
  platform.run(100'000 * sim::ps_per_ns);
  platform.write(regs::offset::governor_period, 1);  // nobody watches yet
  const auto watcher = std::make_shared<notes>();
  platform.watch(watcher);
  platform.write(regs::offset::governor_period, 7);
  platform.write(
      regs::offset::portals_base + 3 * regs::offset::portals_stride + regs::offset::doorbell, 5);
  platform.read(regs::offset::id, [](const sim::register_answer&) {});
  platform.run(platform.now() + 10'000 * sim::ps_per_ns);
  using list = std::vector<std::string>;
  ASSERT_EQ(watcher->steps.size(), 3u);
  EXPECT_EQ(watcher->steps[1], (list{"begins doorbell of portal 3 = 0x5: root complex",
                                     "link to card", "card shell", "card", "ends"}));
  EXPECT_EQ(watcher->steps[2],
            (list{"begins read of register 0x0000: root complex", "link to card", "card shell",
                  "card", "card shell", "link to host", "root complex", "ends"}));
  platform.watch(nullptr);
  platform.write(regs::offset::governor_period, 0);
  platform.run(platform.now() + 10'000 * sim::ps_per_ns);
  EXPECT_EQ(watcher->steps.size(), 3u);
}

// The card sleeps while lines are under way on the bus, and no time is lost by it.
TEST(PlatformCard, TheClockStandsStillWhileTheCardWaitsForMemory) {
  link_settings link = link_preset("gen3x16");
  link.host_read = sim::latency_table::fixed(10'000);
  sim_card card(link);
  test::wait_ready(card);
  raw_portal portal(card, 0, 6, 0);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 100);
  const std::uint64_t clocked = card.clocked_cycles(), start = card.now_ns();
  portal.push(make_line(opcode::grant, 3, 14));
  portal.doorbell();
  portal.wait();
  EXPECT_GT(card.now_ns() - start, 10'000u);
  EXPECT_LT(card.clocked_cycles() - clocked, 1'000u);
}

TEST(PlatformCard, TrafficIsCounted) {
  process_memory memory;
  sim::platform platform(link_preset("gen3x16"), memory);
  platform.run(100'000 * sim::ps_per_ns);
  const auto before = platform.counted();
  platform.write(regs::offset::governor_period, 0);
  platform.read(regs::offset::id, [](const sim::register_answer&) {});
  platform.run(platform.now() + 10'000 * sim::ps_per_ns);
  const auto after = platform.counted();
  EXPECT_EQ(after.down_bytes - before.down_bytes,
            2 * sim::request_overhead + sizeof(std::uint32_t));
  EXPECT_EQ(after.up_bytes - before.up_bytes, sim::completion_overhead + sizeof(std::uint32_t));
}

}  // namespace
}  // namespace exalloc
