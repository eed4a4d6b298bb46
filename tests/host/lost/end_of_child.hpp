// The end of a child process that ran a test's body.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace exalloc::test {

// Only what a child writes to stderr is shown: tells there what has failed.
[[noreturn]] inline void end_child() {
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
