// quarter_bits: every value on both inputs, paired so that neither depends on the other.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

template <class Model>
void check_every_value() {
  Model dut;
  for (unsigned pairing : {1u, 40503u, 0u}) {
    for (unsigned n = 0; n < 65536; ++n) {
      const unsigned counted = pairing == 0 ? 0xFFFFu : n * pairing & 0xFFFF;
      dut.count_bits_i = static_cast<uint16_t>(counted);
      dut.bits_i = static_cast<uint16_t>(n);
      dut.eval();
      ASSERT_EQ(dut.count_o, std::popcount(counted)) << counted;
      ASSERT_EQ(dut.lowest_o, n & ~(n - 1)) << n;
      ASSERT_EQ(dut.highest_o, std::bit_floor(n)) << n;
      if (n != 0) {
        ASSERT_EQ(dut.lowest_idx_o, std::countr_zero(n)) << n;
      }
    }
  }
  dut.final();
}
