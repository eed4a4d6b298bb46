// card_idle: never idle within 63 cycles of anything, always soon after.
#include <algorithm>

#include "Vcard_idle.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kPortals = 64, kUnits = 15;

using CardIdle = ports::ModuleTest<Vcard_idle>;

TEST_F(CardIdle, WaitsLongEnoughAfterAnything) {
  unsigned quiet = 0;  // cycles without activity
  unsigned busy = 0;   // cycles with it
  unsigned rises = 0;
  bool was = false;
  for (unsigned i = 0; i < 200'000;) {
    // Gaps around the limit; every portal and every unit alone keeps the card busy.
    const unsigned gap = Chance(70) ? 55 + Random(20) : Random(200);
    const unsigned burst = 1 + (Chance(20) ? Random(10) : 0);
    for (unsigned k = 0; k < gap + burst; ++k, ++i) {
      dut_.portals_i = 0;
      dut_.units_i = 0;
      if (k >= gap) {
        if (Chance(50)) {
          dut_.portals_i = std::uint64_t{1} << Random(kPortals);
        } else {
          dut_.units_i = static_cast<std::uint16_t>(1u << Random(kUnits));
        }
      }
      const bool active = dut_.portals_i != 0 || dut_.units_i != 0;
      quiet = active ? 0 : quiet + 1;
      busy = active ? busy + 1 : std::min(busy, 1u);
      if (quiet > 0) busy = 0;
      Cycle();
      // One cycle to see what is new; that is why an access counts as a unit before it begins.
      if (quiet < 63 && busy != 1) {
        ASSERT_FALSE(dut_.idle_o) << quiet;
      }
      if (quiet > 66) {
        ASSERT_TRUE(dut_.idle_o) << quiet;
      }
      rises += dut_.idle_o && !was;
      was = dut_.idle_o;
    }
  }
  EXPECT_GT(rises, 500u);
}

TEST_F(CardIdle, IsNotIdleAfterReset) {
  for (int round = 0; round < 3; ++round) {
    Cycles(100);
    EXPECT_TRUE(dut_.idle_o);
    dut_.rst_i = 1;
    Cycle();
    EXPECT_FALSE(dut_.idle_o);
    dut_.rst_i = 0;
    for (int i = 0; i < 63; ++i) {
      Cycle();
      EXPECT_FALSE(dut_.idle_o) << i;
    }
  }
}

}  // namespace
