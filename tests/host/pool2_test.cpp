// ExAllocatePool2, ExAllocatePool3 and ExFreePool2.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "exalloc/raise.hpp"
#include "exalloc/wdm.h"

namespace {

constexpr ULONG tag = 'P' | 'o' << 8 | 'o' << 16 | '2' << 24;

TEST(pool2, memory_is_zeroed_unless_asked_otherwise) {
  for (const POOL_FLAGS where :
       {POOL_FLAG_NON_PAGED, POOL_FLAG_NON_PAGED_EXECUTE, POOL_FLAG_PAGED}) {
    for (const SIZE_T size : {1U, 64U, 1000U, 4064U, 5000U, 100'000U}) {
      for (int round = 0; round < 3; ++round) {
        auto* p = static_cast<unsigned char*>(ExAllocatePool2(where, size, tag));
        ASSERT_NE(p, nullptr) << size;
        EXPECT_TRUE(std::all_of(p, p + size, [](unsigned char c) { return c == 0; })) << size;
        std::memset(p, 0xEE, size);
        ExFreePool2(p, tag, nullptr, 0);
      }
    }
  }
  auto* p = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED, 100, tag);
  ASSERT_NE(p, nullptr);
  ExFreePoolWithTag(p, tag);
}

TEST(pool2, cache_alignment) {
  std::vector<PVOID> all(50);
  for (PVOID& p : all) {
    p = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, 40, tag);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0U);
  }
  for (PVOID p : all) ExFreePool2(p, tag, nullptr, 0);
}

TEST(pool2, wrong_flags_give_null_or_raise) {
  exalloc::throw_raised_statuses();
  const POOL_FLAGS raise = POOL_FLAG_RAISE_ON_FAILURE;
  for (const POOL_FLAGS wrong : std::initializer_list<POOL_FLAGS>{
           POOL_FLAGS{0}, POOL_FLAG_NON_PAGED | POOL_FLAG_PAGED, POOL_FLAG_PAGED | 0x10ULL,
           POOL_FLAG_PAGED | 0x8000'0000ULL}) {
    EXPECT_EQ(ExAllocatePool2(wrong, 10, tag), nullptr) << wrong;
    EXPECT_THROW(ExAllocatePool2(wrong | raise, 10, tag), exalloc::nt_status_error) << wrong;
  }
  EXPECT_EQ(ExAllocatePool2(POOL_FLAG_PAGED, 0, tag), nullptr);
  // Optional flags that nobody knows do no harm.
  PVOID p =
      ExAllocatePool2(POOL_FLAG_PAGED | 0x4000'0000'0000'0000ULL | POOL_FLAG_SPECIAL_POOL, 10, tag);
  EXPECT_NE(p, nullptr);
  ExFreePool2(p, tag, nullptr, 0);
  try {
    ExAllocatePool2(POOL_FLAG_PAGED | raise, SIZE_MAX / 2, tag);
    ADD_FAILURE() << "nothing was raised";
  } catch (const exalloc::nt_status_error& e) {
    EXPECT_EQ(e.status(), STATUS_INSUFFICIENT_RESOURCES);
  }
  EXPECT_EQ(ExAllocatePool2(POOL_FLAG_PAGED, SIZE_MAX / 2, tag), nullptr);
  exalloc_set_raise_handler(nullptr, nullptr);
}

TEST(pool2, parameters) {
  POOL_EXTENDED_PARAMETER parameters[2] = {};
  parameters[0].Type = PoolExtendedParameterPriority;
  parameters[0].Priority = LowPoolPriority;
  parameters[1].Type = PoolExtendedParameterNumaNode;
  parameters[1].PreferredNode = 1;
  PVOID p = ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, tag, parameters, 2);
  ASSERT_NE(p, nullptr);
  ExFreePool2(p, tag, nullptr, 0);
  parameters[1].Type = PoolExtendedParameterSecurePool;
  EXPECT_EQ(ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, tag, parameters, 2), nullptr);
  parameters[1].Optional = 1;
  p = ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, tag, parameters, 2);
  ASSERT_NE(p, nullptr);
  ExFreePool2(p, tag, nullptr, 0);
  parameters[1] = {};
  EXPECT_EQ(ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, tag, parameters, 2), nullptr);
  EXPECT_EQ(ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, tag, nullptr, 1), nullptr);
}

}  // namespace
