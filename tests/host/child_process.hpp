// Test bodies that run in a child process.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace exalloc::test {

// Only what a child writes to stderr is shown: tells there what has failed.
template <class Body>
[[noreturn]] void run_child(Body&& body) {
  try {
    body();
  } catch (const std::exception& e) {
    ADD_FAILURE() << e.what();
  }
  const testing::TestResult& result =
      *testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.total_part_count(); ++i) {
    const testing::TestPartResult& part = result.GetTestPartResult(i);
    if (part.failed()) std::fprintf(stderr, "line %d: %s\n", part.line_number(), part.message());
  }
  std::fflush(nullptr);
  std::_Exit(testing::Test::HasFailure() ? 1 : 0);
}

}  // namespace exalloc::test

// For what a process does once, or keeps for good: the program is started again for this test
// alone, so the test finds and leaves no state, whatever else runs in its program.
#define IN_A_FRESH_PROCESS(...)                         \
  testing::GTEST_FLAG(death_test_style) = "threadsafe"; \
  EXPECT_EXIT(exalloc::test::run_child(__VA_ARGS__), testing::ExitedWithCode(0), "")
