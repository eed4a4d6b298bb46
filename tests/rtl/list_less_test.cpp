// list_less: numbers that differ in one half only, by one bit, or not at all.
#include "Vlist_less.h"
#include "ports.hpp"

namespace {

class ListLess : public ports::SeededTest {
 protected:
  ~ListLess() override { dut_.final(); }
  void Check(uint32_t a, uint32_t b) {
    dut_.a_i = a;
    dut_.b_i = b;
    dut_.eval();
    ASSERT_EQ(dut_.less_o != 0, a < b) << a << " < " << b;
  }
  Vlist_less dut_;
};

TEST_F(ListLess, ComparesNeighbours) {
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) {
    const auto a = static_cast<uint32_t>(rng_()) >> Random(32);
    Check(a, a);
    Check(a, a + 1);
    Check(a + 1, a);
    Check(a, a ^ 1u << Random(32));
  }
  Check(0, 0xffffffff);
  Check(0xffffffff, 0);
}

TEST_F(ListLess, ComparesHalvesThatSayTheOpposite) {
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) {
    const auto a = static_cast<uint32_t>(rng_()), b = static_cast<uint32_t>(rng_());
    Check(a, b);
    Check(a, (a & 0xffff0000) | (b & 0xffff));
    Check(a, (b & 0xffff0000) | (a & 0xffff));
  }
}

}  // namespace
