#include "Vquarter_bits.h"
#include "quarter_bits_check.hpp"

TEST(QuarterBits, CountsAndIsolatesEveryValue) { check_every_value<Vquarter_bits>(); }
