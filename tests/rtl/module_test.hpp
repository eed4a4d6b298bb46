// Base of the tests of one clocked module: reset, clock, seeded randomness.
#pragma once

#include "ports.hpp"

namespace ports {

// One Cycle() is a rising edge; what a test sets before it is what the module sees at it, and
// Settle() shows the combinational outputs for the inputs set so far.
template <class Model>
class ModuleTest : public SeededTest {
 protected:
  ModuleTest() { Reset(); }
  ~ModuleTest() override { dut_.final(); }

  void Settle() { dut_.eval(); }
  void Cycle() {
    Clock(dut_);
    ++now_;
  }
  void Cycles(unsigned n) {
    while (n-- > 0) Cycle();
  }
  void Reset() {
    if constexpr (requires { dut_.rst_i; }) dut_.rst_i = 1;
    Cycles(3);
    if constexpr (requires { dut_.rst_i; }) dut_.rst_i = 0;
    Settle();
  }

  Model dut_;
  std::uint64_t now_ = 0;
};

}  // namespace ports
