#include "Vquarter_bits_fast.h"  // with EXALLOC_FAST_SIM
#include "quarter_bits_check.hpp"

TEST(QuarterBits, CountsAndIsolatesEveryValueInWordArithmetic) {
  check_every_value<Vquarter_bits_fast>();
}
