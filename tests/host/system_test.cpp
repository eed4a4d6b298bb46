// MmQuerySystemSize and MmIsThisAnNtAsSystem: the machine, the environment, the setter.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace {

TEST(system, the_setter_overrides_the_machine) {
  const MM_SYSTEMSIZE machine = MmQuerySystemSize();
  const BOOLEAN server = MmIsThisAnNtAsSystem();
  for (const MM_SYSTEMSIZE size : {MmSmallSystem, MmMediumSystem, MmLargeSystem}) {
    exalloc_set_system(size, 1);
    EXPECT_EQ(MmQuerySystemSize(), size);
    EXPECT_EQ(MmIsThisAnNtAsSystem(), TRUE);
    exalloc_set_system(size, 0);
    EXPECT_EQ(MmIsThisAnNtAsSystem(), FALSE);
  }
  exalloc_set_system(-1, -1);
  EXPECT_EQ(MmQuerySystemSize(), machine);
  EXPECT_EQ(MmIsThisAnNtAsSystem(), server);
}

// The environment is read once a process.
int in_child(const char* size, const char* server) {
  ::setenv("EXALLOC_SYSTEM_SIZE", size, 1);
  ::setenv("EXALLOC_SERVER", server, 1);
  return 10 * MmQuerySystemSize() + MmIsThisAnNtAsSystem();
}

TEST(system_death, the_environment_overrides_the_machine) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(::_exit(in_child("small", "1")), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(::_exit(in_child("medium", "0")), testing::ExitedWithCode(10), "");
  EXPECT_EXIT(::_exit(in_child("large", "1")), testing::ExitedWithCode(21), "");
}

TEST(system_death, what_is_not_understood_is_told) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      {
        in_child("huge", "0");
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "EXALLOC_SYSTEM_SIZE=\"huge\" is not understood.*small, medium");
  EXPECT_EXIT(
      {
        in_child("small", "yes");
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "EXALLOC_SERVER=\"yes\" is not understood.*0 or 1");
}

}  // namespace
