// Bit fields of Verilated ports of any width, and what every test of a module needs.
#pragma once

#include <gtest/gtest.h>
#include <verilated.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

namespace ports {

template <typename T>
uint64_t Get(const T& port, unsigned lsb, unsigned width) {
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  return (static_cast<uint64_t>(port) >> lsb) & mask;
}

template <std::size_t Words>
uint64_t Get(const VlWide<Words>& port, unsigned lsb, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    value |= static_cast<uint64_t>(port[bit / 32] >> (bit % 32) & 1) << i;
  }
  return value;
}

template <typename T>
void Put(T& port, unsigned lsb, unsigned width, uint64_t value) {
  const uint64_t mask = (width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1) << lsb;
  port = static_cast<T>((static_cast<uint64_t>(port) & ~mask) | ((value << lsb) & mask));
}

template <std::size_t Words>
void Put(VlWide<Words>& port, unsigned lsb, unsigned width, uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    const uint32_t one = uint32_t{1} << (bit % 32);
    port[bit / 32] = (value >> i & 1) != 0 ? port[bit / 32] | one : port[bit / 32] & ~one;
  }
}

// One rising edge of the clock. The level before is evaluated too: the first evaluation of a model
// sees no edge, however the clock stands.
template <typename Dut>
void Clock(Dut& dut) {
  dut.clk_i = 0;
  dut.eval();
  dut.clk_i = 1;
  dut.eval();
  dut.clk_i = 0;
  dut.eval();
}

// Base of the tests here: a seeded generator, named when a test fails.
class SeededTest : public ::testing::Test {
 protected:
  SeededTest() : seed_(Seed()), rng_(seed_) {
    RecordProperty("seed", std::to_string(seed_));
    trace_ = std::make_unique<::testing::ScopedTrace>(__FILE__, __LINE__,
                                                      "EXALLOC_TEST_SEED=" + std::to_string(seed_));
  }
  // Fixed, so that a run can be repeated; EXALLOC_TEST_SEED gives another.
  static uint64_t Seed() {
    const char* text = std::getenv("EXALLOC_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : 20261123;
  }
  unsigned Random(unsigned below) { return static_cast<unsigned>(rng_() % below); }
  bool Chance(unsigned percent) { return Random(100) < percent; }

  uint64_t seed_;
  std::mt19937_64 rng_;

 private:
  std::unique_ptr<::testing::ScopedTrace> trace_;
};

}  // namespace ports
