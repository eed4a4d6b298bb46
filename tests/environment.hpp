// What the environment asks of the tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace exalloc::test {

// Seed of random tests: fixed, so that a run can be repeated; EXALLOC_TEST_SEED gives another.
inline std::uint64_t seed(std::uint64_t usual = 1) {
  const char* text = std::getenv("EXALLOC_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : usual;
}

// How long each stress test runs; EXALLOC_STRESS_MS gives another time.
inline std::chrono::milliseconds stress_time() {
  const char* text = std::getenv("EXALLOC_STRESS_MS");
  return std::chrono::milliseconds(text != nullptr ? std::atoi(text) : 1500);
}

// So many rounds of a random test; EXALLOC_TEST_LENGTH multiplies them.
inline unsigned rounds(unsigned usual) {
  const char* text = std::getenv("EXALLOC_TEST_LENGTH");
  return text != nullptr ? usual * static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : usual;
}

}  // namespace exalloc::test
