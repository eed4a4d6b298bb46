// portal_ram against an array: written values, zeros after reset and clear, reads at any time.
#include <array>

#include "Vportal_ram.h"
#include "module_test.hpp"

namespace {

constexpr unsigned kPortals = 64;

using PortalRam = ports::ModuleTest<Vportal_ram>;

TEST_F(PortalRam, KeepsUntilClearedOrReset) {
  std::array<std::uint16_t, kPortals> model{};
  unsigned cleared = 0;
  for (int i = 0; i < 200'000; ++i) {
    dut_.rst_i = Chance(1) && Chance(10);
    // Few portals at a time, so that one meets the other.
    const unsigned range = i / 1000 % 2 == 0 ? 3 : kPortals;
    dut_.we_i = Chance(40);
    dut_.widx_i = static_cast<std::uint8_t>(Random(range));
    dut_.wdata_i = static_cast<std::uint16_t>(rng_());
    dut_.clear_idx_i = static_cast<std::uint8_t>(Random(range));
    dut_.clear_i = Chance(20) && !(dut_.we_i && dut_.clear_idx_i == dut_.widx_i);
    for (int read = 0; read < 3; ++read) {
      dut_.ridx_i = static_cast<std::uint8_t>(Random(range));
      Settle();
      ASSERT_EQ(dut_.rdata_o, model[dut_.ridx_i]) << "portal " << unsigned{dut_.ridx_i};
    }
    if (dut_.we_i) model[dut_.widx_i] = dut_.wdata_i;
    if (dut_.clear_i) {
      cleared += model[dut_.clear_idx_i] != 0;
      model[dut_.clear_idx_i] = 0;
    }
    if (dut_.rst_i) model = {};
    Cycle();
  }
  EXPECT_GT(cleared, 1000u);
}

}  // namespace
