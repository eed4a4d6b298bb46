// The thresholds of MmQuerySystemSize, and the chassis of servers.
#include "system_size.hpp"

#include <gtest/gtest.h>

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

TEST(system_size, thresholds_are_those_of_the_docs) {
  using exalloc::system_size_of;
  EXPECT_EQ(system_size_of(0, false), MmSmallSystem);
  EXPECT_EQ(system_size_of(9728 * mib, false), MmSmallSystem);
  EXPECT_EQ(system_size_of(9728 * mib + 1, false), MmMediumSystem);
  EXPECT_EQ(system_size_of(16384 * mib - 1, false), MmMediumSystem);
  EXPECT_EQ(system_size_of(16384 * mib, false), MmLargeSystem);
  EXPECT_EQ(system_size_of(16384 * mib, true), MmMediumSystem);
  EXPECT_EQ(system_size_of(32768 * mib - 1, true), MmMediumSystem);
  EXPECT_EQ(system_size_of(32768 * mib, true), MmLargeSystem);
}

TEST(system_size, servers_are_known_by_their_chassis) {
  for (const int type : {17, 23, 25, 28, 29}) EXPECT_TRUE(exalloc::is_server_chassis(type)) << type;
  for (const int type : {0, 1, 3, 8, 9, 10, 13, 30, 31, 32, -1})
    EXPECT_FALSE(exalloc::is_server_chassis(type)) << type;
}

}  // namespace
