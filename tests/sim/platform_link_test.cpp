// The PCIe link against closed forms: rates, latencies, credits, order.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <vector>

#include "platform/latency.hpp"
#include "platform/link_direction.hpp"
#include "platform/link_settings.hpp"

namespace exalloc::sim {
namespace {

link_settings constant(const char* preset, unsigned wire_ns) {
  link_settings s = link_preset(preset);
  s.wire = latency_table::fixed(wire_ns);
  return s;
}

// Back to back, each of one TLP.
double posted_writes_per_second(const link_settings& s, unsigned payload) {
  return static_cast<double>(s.bytes_per_second()) / (payload + request_overhead);
}

TEST(PlatformLink, PublishedFiguresOfGen3x16) {
  const link_settings s = link_preset("gen3x16");
  EXPECT_NEAR(posted_writes_per_second(s, 64) / 1e6, 165, 1);
  EXPECT_NEAR(posted_writes_per_second(s, 64) * 64 / 1e9, 10.5, 0.05);
  EXPECT_GE(s.register_read_ns(), 800u);
  EXPECT_LE(s.register_read_ns(), 1600u);
}

TEST(PlatformLink, LanesAndGenerationsDouble) {
  const double one = static_cast<double>(link_preset("gen3x8").bytes_per_second());
  EXPECT_NEAR(static_cast<double>(link_preset("gen3x16").bytes_per_second()) / one, 2, 1e-6);
  EXPECT_NEAR(static_cast<double>(link_preset("gen4x8").bytes_per_second()) / one, 2, 1e-6);
  EXPECT_NEAR(static_cast<double>(link_preset("gen4x16").bytes_per_second()) / one, 4, 1e-6);
}

TEST(PlatformLink, BackToBackWritesReachTheClosedForm) {
  for (const link_settings& preset : link_presets()) {
    if (!preset.has_rate()) continue;
    for (const unsigned bytes : {4u, 64u, 256u}) {
      const link_settings s = constant(preset.name.data(), 100);
      link_direction up(s, 0);
      constexpr unsigned writes = 100'000;
      picoseconds last = 0;
      for (unsigned i = 0; i < writes; ++i) last = up.send(write_tlps(s, bytes), 0);
      const double rate = writes / (static_cast<double>(last - 100 * ps_per_ns) * 1e-12);
      // A credit goes round in two latencies.
      const double bound =
          std::min(posted_writes_per_second(s, bytes), s.posted_credits / 200.0 * 1e9);
      EXPECT_NEAR(rate / bound, 1, 0.01) << preset.name << ' ' << bytes;
      EXPECT_EQ(up.bytes(), writes * (bytes + request_overhead));
      EXPECT_EQ(up.tlps(), writes);
    }
  }
}

TEST(PlatformLink, CreditsBoundWhatIsUnderWay) {
  link_settings s = constant("gen3x16", 1'000);
  s.posted_credits = 8;
  link_direction up(s, 0);
  picoseconds last = 0;
  for (unsigned i = 0; i < 8'000; ++i) last = up.send(write_tlps(s, 64), 0);
  // Eight in flight at any time; one comes round in two latencies.
  EXPECT_NEAR(static_cast<double>(last) * 1e-12 / (1'000 * 2'006e-9), 1, 0.01);
  // Completions need no credit.
  EXPECT_LT(up.send(completion_tlps(s, 64), last), last + 1'100 * ps_per_ns);
}

TEST(PlatformLink, LongTransfersAreCut) {
  link_settings s = link_preset("gen3x16");
  s.max_payload = 128;
  s.max_read_request = 256;
  EXPECT_EQ(write_tlps(s, 256).tlps, 2u);
  EXPECT_EQ(write_tlps(s, 256).bytes, 256 + 2 * request_overhead);
  EXPECT_EQ(read_tlps(s, 512).tlps, 2u);
  EXPECT_EQ(completion_tlps(s, 260).tlps, 3u);
  EXPECT_EQ(completion_tlps(s, 260).bytes, 260 + 3 * completion_overhead);
}

TEST(PlatformLink, OrderHolds) {
  link_settings s = link_preset("gen3x16");
  s.wire = {{100, 200, 800, 2'000, 4'000, 9'000}};
  link_direction up(s, 0);
  std::mt19937_64 random(7);
  picoseconds now = 0, last_posted = 0, last_read = 0, last_completion = 0;
  bool write_passed_read = false, completions_crossed = false;
  for (unsigned i = 0; i < 20'000; ++i) {
    now += random() % 100'000;
    switch (random() % 3) {
      case 0: {
        const picoseconds at = up.send(write_tlps(s, 64), now);
        EXPECT_GE(at, last_posted);
        write_passed_read |= at < last_read;
        last_posted = at;
        break;
      }
      case 1: {
        const picoseconds at = up.send(read_tlps(s, 64), now);
        EXPECT_GE(at, last_posted);  // a read pushes writes
        EXPECT_GE(at, last_read);
        last_read = at;
        break;
      }
      default: {
        const picoseconds at = up.send(completion_tlps(s, 4), now);
        EXPECT_GE(at, last_posted);
        completions_crossed |= at < last_completion;
        last_completion = at;
      }
    }
  }
  EXPECT_TRUE(write_passed_read);
  EXPECT_TRUE(completions_crossed);
}

TEST(PlatformLink, LatenciesFollowTheirQuantilesAndTheSeed) {
  const latency_table table{{100, 200, 300, 500, 900, 2'000}};
  latency_source source(table, 5, 0);
  std::vector<picoseconds> drawn(200'000);
  for (picoseconds& ps : drawn) ps = source.next();
  std::vector<picoseconds> sorted = drawn;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_GE(sorted.front(), 100 * ps_per_ns);
  EXPECT_LE(sorted.back(), 2'000 * ps_per_ns);
  const auto at = [&](double share) {
    return static_cast<double>(sorted[static_cast<std::size_t>(share * 200'000)]) / ps_per_ns;
  };
  EXPECT_NEAR(at(0.5), 200, 2);
  EXPECT_NEAR(at(0.9), 300, 5);
  EXPECT_NEAR(at(0.99), 500, 20);
  EXPECT_NEAR(at(0.999), 900, 120);

  latency_source same(table, 5, 0), other_seed(table, 6, 0), other_stream(table, 5, 1);
  unsigned differ_by_seed = 0, differ_by_stream = 0;
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(same.next(), drawn[i]);
    differ_by_seed += other_seed.next() != drawn[i];
    differ_by_stream += other_stream.next() != drawn[i];
  }
  EXPECT_GT(differ_by_seed, 90u);
  EXPECT_GT(differ_by_stream, 90u);
}

TEST(PlatformLink, TheZeroLinkTakesNoTime) {
  const link_settings s = link_preset("zero");
  link_direction down(s, 0);
  for (unsigned i = 0; i < 1'000; ++i) EXPECT_EQ(down.send(write_tlps(s, 64), 7), 7u);
  EXPECT_EQ(s.register_read_ns() + s.doorbell_ns() + s.memory_read_ns(64), 0u);
}

TEST(PlatformLink, AnUnknownPresetIsRefused) {
  EXPECT_THROW(link_preset("gen9x99"), std::invalid_argument);
}

}  // namespace
}  // namespace exalloc::sim
