// list_add: sums around the seam of its halves, and at random.
#include <initializer_list>

#include "Vlist_add.h"
#include "ports.hpp"

namespace {

class ListAdd : public ports::SeededTest {
 protected:
  ~ListAdd() override { dut_.final(); }
  void Check(uint32_t a, uint32_t b, bool carry) {
    dut_.a_i = a;
    dut_.b_i = b;
    dut_.carry_i = carry;
    dut_.eval();
    ASSERT_EQ(dut_.sum_o, a + b + carry) << a << " + " << b << " + " << carry;
  }
  Vlist_add dut_;
};

TEST_F(ListAdd, CarriesIntoAndThroughTheUpperHalf) {
  const std::initializer_list<uint32_t> edges = {0,          1,          0x7fff,     0x8000,
                                                 0xffff,     0x10000,    0x7fffffff, 0x80000000,
                                                 0xffff0000, 0xfffffffe, 0xffffffff};
  for (uint32_t a : edges) {
    for (uint32_t b : edges) {
      Check(a, b, false);
      Check(a, b, true);
      Check(a, ~b, true);
    }
  }
}

TEST_F(ListAdd, AddsAnything) {
  for (int i = 0; i < 100'000 && !HasFailure(); ++i) {
    Check(static_cast<uint32_t>(rng_()) >> Random(32), static_cast<uint32_t>(rng_()) >> Random(32),
          Chance(50));
  }
}

}  // namespace
