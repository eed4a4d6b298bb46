// portal_picker: every request is served, once a round, and none that is not there when its round
// begins.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <random>

#include "Vportal_picker.h"

namespace {

TEST(PortalPicker, ServesEverybodyFairly) {
  Vportal_picker m;
  std::mt19937_64 rng(7);
  const auto cycle = [&] {
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  };
  m.rst_i = 1;
  for (int i = 0; i < 3; ++i) cycle();  // of the first evaluation there is no edge yet
  m.rst_i = 0;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 64> since{};
  std::array<unsigned, 64> others{};
  std::uint64_t served = 0;
  m.advance_i = 1;
  for (std::uint64_t now = 1; now < 200'000; ++now) {
    const unsigned density = now / 20'000 % 3;
    std::uint64_t fresh = rng() & rng() & rng();
    if (density > 0) fresh &= rng() & rng();
    if (density > 1) fresh &= rng();
    for (unsigned i = 0; i < 64; ++i) {
      if ((fresh & ~requests) >> i & 1) {
        since[i] = now;
        others[i] = 0;
      }
    }
    requests |= fresh;
    m.req_i = requests;
    m.advance_i = rng() % 4 != 0;
    m.eval();
    if (m.pick_o) {
      ASSERT_EQ(m.onehot_o, std::uint64_t{1} << m.idx_o);
    } else {
      ASSERT_EQ(m.onehot_o, 0u);
    }
    const bool taken = m.pick_o && m.advance_i;
    const unsigned who = m.idx_o;
    cycle();
    if (taken) {
      ASSERT_TRUE(requests >> who & 1) << "picked without a request";
      requests &= ~(std::uint64_t{1} << who);
      ++served;
      for (unsigned i = 0; i < 64; ++i) {
        // The rest of its round, and the whole of the next.
        if (requests >> i & 1) {
          ASSERT_LE(++others[i], 128u) << "portal " << i << " starves";
        }
      }
    }
  }
  EXPECT_GT(served, 100'000u);
  m.final();
}

}  // namespace
