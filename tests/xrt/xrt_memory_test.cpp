// The memories of the xrt card, by the addresses under which kernels find them. What zones in the
// card's own memory do is in ../host/card_memory_test.cpp.
#include <dlfcn.h>
#include <experimental/xrt-next.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xrt.h>

#include <cstdint>
#include <string>

#include "exalloc/card.hpp"
#include "exalloc/card_memory.h"
#include "exalloc/exalloc.h"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "on_the_simulated_card.hpp"

namespace {

using testing::AllOf;
using testing::HasSubstr;

// bitstream/xclbin/sim_card.json
constexpr std::uint64_t hbm_bytes = std::uint64_t{256} << 20, host_window = 0x20'0000'0000;
constexpr ULONG megabyte = 1U << 20, tag = 0x74736554;  // "Test"

TEST(xrt_memory, segments_on_the_card_lie_in_their_bank) {
  void* const one = exalloc_card_segment_create("HBM[0]", megabyte);
  void* const two = exalloc_card_segment_create(nullptr, megabyte);
  ASSERT_NE(one, nullptr) << exalloc_last_error();
  ASSERT_NE(two, nullptr) << exalloc_last_error();
  constexpr std::size_t bytes = megabyte - sizeof(ZONE_SEGMENT_HEADER);
  const auto at = [](void* s) {
    return exalloc_device_address(static_cast<ZONE_SEGMENT_HEADER*>(s) + 1, bytes);
  };
  EXPECT_LE(at(one) + bytes, hbm_bytes);
  EXPECT_LE(at(two) + bytes, hbm_bytes);
  EXPECT_TRUE(at(one) + bytes <= at(two) || at(two) + bytes <= at(one));
  EXPECT_EQ(exalloc_card_segment_delete(one), 0);
  EXPECT_EQ(exalloc_card_segment_delete(two), 0);
}

// As a kernel sees it: memory at the device address, whatever XRT keeps in the host.
class kernel_view {
 public:
  kernel_view() : library_(::dlopen(EXALLOC_XRT_PREFIX "/lib/libxrt_core.so.2", RTLD_NOW)) {}
  ~kernel_view() { ::dlclose(library_); }
  std::string read(std::uint64_t address, std::size_t bytes) {
    std::string out(bytes, '\0');
    const auto call =
        reinterpret_cast<decltype(&xclUnmgdPread)>(::dlsym(library_, "xclUnmgdPread"));
    EXPECT_EQ(call(nullptr, 0, out.data(), bytes, address), static_cast<ssize_t>(bytes));
    return out;
  }
  void write(std::uint64_t address, const std::string& bytes) {
    const auto call =
        reinterpret_cast<decltype(&xclUnmgdPwrite)>(::dlsym(library_, "xclUnmgdPwrite"));
    EXPECT_EQ(call(nullptr, 0, bytes.data(), bytes.size(), address),
              static_cast<ssize_t>(bytes.size()));
  }

 private:
  void* library_;
};

TEST(xrt_memory, what_is_copied_is_what_kernels_see) {
  void* const segment = exalloc_card_segment_create("HBM[0]", megabyte);
  ASSERT_NE(segment, nullptr) << exalloc_last_error();
  char* const block = static_cast<char*>(segment) + sizeof(ZONE_SEGMENT_HEADER) + 8192;
  kernel_view kernel;
  const std::uint64_t at = exalloc_device_address(block, 64);
  ASSERT_EQ(exalloc_card_write(block, "from the host", 13), 0);
  EXPECT_EQ(kernel.read(at, 13), "from the host");
  kernel.write(at + 5, "a kernel");
  char back[14] = {};
  ASSERT_EQ(exalloc_card_read(back, block, 13), 0);
  EXPECT_STREQ(back, "from a kernel");
  // What lies beside the bytes that are written stays the kernel's.
  kernel.write(at, "KERNEL");
  ASSERT_EQ(exalloc_card_write(block + 1, "xx", 2), 0);
  EXPECT_EQ(kernel.read(at, 6), "KxxNEL");
  EXPECT_EQ(exalloc_card_segment_delete(segment), 0);
}

TEST(xrt_memory, banks_that_are_not_there_or_full_are_refused) {
  EXPECT_EQ(exalloc_card_segment_create("HBM[7]", megabyte), nullptr);
  EXPECT_THAT(exalloc_last_error(), AllOf(HasSubstr("no memory HBM[7]"), HasSubstr("has HBM[0]")));
  // Host memory is none of the card's.
  EXPECT_EQ(exalloc_card_segment_create("HOST[0]", megabyte), nullptr);
  EXPECT_EQ(exalloc_card_segment_create("HBM[0]", 2 * hbm_bytes), nullptr);
  EXPECT_THAT(exalloc_last_error(), AllOf(HasSubstr("XRT has no"), HasSubstr("in HBM[0]")));
}

// Nonpaged pool has a device address; other memory of the program the card does not reach.
TEST(xrt_memory, a_kernel_is_told_where_segments_in_the_host_lie) {
  constexpr ULONG bytes = sizeof(ZONE_SEGMENT_HEADER) + 64 * 500;
  alignas(16) static char own[bytes];
  void* const pool = ExAllocatePoolWithTag(NonPagedPool, bytes, tag);
  ASSERT_NE(pool, nullptr);
  ZONE_HEADER zone{};
  ASSERT_EQ(ExInitializeZone(&zone, 64, pool, bytes), STATUS_SUCCESS);
  ASSERT_EQ(ExExtendZone(&zone, own, bytes), STATUS_SUCCESS);
  exalloc_segment s[2];
  ASSERT_EQ(exalloc_zone_segments(&zone, s, 2), 2U);
  EXPECT_GE(s[0].device_address, host_window);
  EXPECT_NE(s[0].device_address, EXALLOC_NO_DEVICE_ADDRESS);
  EXPECT_EQ(s[1].device_address, EXALLOC_NO_DEVICE_ADDRESS);
  // The mappings are the same memory: the second page is a page behind the first.
  EXPECT_EQ(exalloc_device_address(static_cast<char*>(pool) + 4096, 8),
            exalloc_device_address(pool, 8) + 4096);
  exalloc_zone_delete(&zone);
  ExFreePoolWithTag(pool, tag);
}

TEST(xrt_memory, a_card_that_has_gone_has_none) {
  void* const segment = exalloc_card_segment_create(nullptr, megabyte);
  ASSERT_NE(segment, nullptr);
  void* const block = static_cast<ZONE_SEGMENT_HEADER*>(segment) + 1;
  int value = 1;
  ASSERT_EQ(exalloc_card_write(block, &value, sizeof value), 0);
  exalloc_set_error_handler([](const exalloc_error*, void*) {}, nullptr);
  ::setenv("EXALLOC_XRT_SIM_VANISH", "0", 1);
  ZONE_HEADER zone{};
  alignas(16) static char own[sizeof(ZONE_SEGMENT_HEADER) + 64 * 10];
  ExInitializeZone(&zone, 64, own, sizeof own);  // asks the card, which is lost by that
  EXPECT_EQ(exalloc_card_read(&value, block, sizeof value), -1);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("the card is lost, and its memory with it"));
  EXPECT_EQ(exalloc_card_segment_create(nullptr, megabyte), nullptr);
  EXPECT_EQ(exalloc_card_segment_delete(segment), 0);
  exalloc_zone_delete(&zone);
}

}  // namespace
