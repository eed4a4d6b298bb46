// Zones in the card's own memory: tests/CMakeLists.txt runs them on the soft, the sim and the xrt
// card.
#include "exalloc/card_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/kernel.hpp"
#include "exalloc/stream.h"

namespace {

using testing::HasSubstr;

constexpr ULONG header = sizeof(ZONE_SEGMENT_HEADER), block_size = 192, blocks = 100;
constexpr ULONG segment_size = header + blocks * block_size;

class card_memory : public testing::Test {
 protected:
  void SetUp() override {
    segment_ = exalloc_card_segment_create(nullptr, segment_size);
    ASSERT_NE(segment_, nullptr) << exalloc_last_error();
    ASSERT_EQ(ExInitializeZone(&zone_, block_size, segment_, segment_size), STATUS_SUCCESS)
        << exalloc_last_error();
  }
  void TearDown() override {
    exalloc_zone_delete(&zone_);
    EXPECT_EQ(exalloc_card_segment_delete(segment_), 0) << exalloc_last_error();
    EXPECT_EQ(log_.errors(), expected_errors_);
  }
  exalloc_segment only_segment() {
    exalloc_segment s{};
    EXPECT_EQ(exalloc_zone_segments(&zone_, &s, 1), 1U);
    return s;
  }
  static std::array<std::uint8_t, block_size> contents(unsigned n) {
    std::array<std::uint8_t, block_size> out;
    for (unsigned i = 0; i < block_size; ++i) out[i] = static_cast<std::uint8_t>(n * 31 + i);
    return out;
  }

  error_log log_;
  std::size_t expected_errors_ = 0;
  void* segment_ = nullptr;
  ZONE_HEADER zone_{};
};

TEST_F(card_memory, every_block_keeps_what_is_copied_there) {
  std::vector<void*> all;
  while (void* const p = ExAllocateFromZone(&zone_)) all.push_back(p);
  ASSERT_EQ(all.size(), blocks);
  for (unsigned i = 0; i < blocks; ++i)
    ASSERT_EQ(exalloc_card_write(all[i], contents(i).data(), block_size), 0)
        << exalloc_last_error();
  // Free and allocated again, in another order: nothing of exalloc's lies in the blocks.
  for (void* const p : all) EXPECT_EQ(ExFreeToZone(&zone_, p) == nullptr, p == all[0]);
  std::set<void*> again;
  while (void* const p = ExAllocateFromZone(&zone_)) again.insert(p);
  EXPECT_EQ(again, std::set<void*>(all.begin(), all.end()));
  for (unsigned i = 0; i < blocks; ++i) {
    std::array<std::uint8_t, block_size> back{};
    ASSERT_EQ(exalloc_card_read(back.data(), all[i], block_size), 0);
    ASSERT_EQ(back, contents(i)) << i;
  }
  for (void* const p : all) ExFreeToZone(&zone_, p);
}

TEST_F(card_memory, a_part_of_a_block_is_copied_alone) {
  auto* const block = static_cast<std::byte*>(ExAllocateFromZone(&zone_));
  auto expected = contents(1);
  ASSERT_EQ(exalloc_card_write(block, expected.data(), block_size), 0);
  const std::uint8_t few[] = {9, 8, 7};
  ASSERT_EQ(exalloc_card_write(block + 13, few, sizeof few), 0);
  std::memcpy(expected.data() + 13, few, sizeof few);
  std::array<std::uint8_t, block_size> back{};
  ASSERT_EQ(exalloc_card_read(back.data(), block, block_size), 0);
  EXPECT_EQ(back, expected);
  std::uint8_t middle[3] = {};
  ASSERT_EQ(exalloc_card_read(middle, block + 13, sizeof middle), 0);
  EXPECT_EQ(std::memcmp(middle, few, sizeof few), 0);
  ExFreeToZone(&zone_, block);
}

// A kernel finds a block by its token, with the arithmetic of kernel.hpp.
TEST_F(card_memory, tokens_lead_to_device_addresses) {
  const exalloc_segment s = only_segment();
  ASSERT_NE(s.device_address, EXALLOC_NO_DEVICE_ADDRESS);
  EXPECT_EQ(s.device_address % 4096, 0U);
  EXPECT_NE(s.device_address, reinterpret_cast<std::uintptr_t>(segment_) + header);
  const exalloc::kernel::segment k{s.device_address, s.first_token, s.blocks, s.block_size, 0};
  std::vector<void*> all;
  while (void* const p = ExAllocateFromZone(&zone_)) {
    all.push_back(p);
    const std::uint32_t token = exalloc_token(&zone_, p);
    ASSERT_TRUE(exalloc::kernel::holds(k, token));
    EXPECT_EQ(exalloc_device_address(p, block_size), exalloc::kernel::address_in(k, token));
    EXPECT_EQ(exalloc_block(&zone_, token), p);
  }
  EXPECT_EQ(all.size(), blocks);
  for (void* const p : all) ExFreeToZone(&zone_, p);
}

TEST_F(card_memory, a_zone_grows_on_the_card) {
  void* const more = exalloc_card_segment_create(nullptr, segment_size);
  ASSERT_NE(more, nullptr);
  ASSERT_EQ(ExExtendZone(&zone_, more, segment_size), STATUS_SUCCESS);
  exalloc_segment s[2];
  ASSERT_EQ(exalloc_zone_segments(&zone_, s, 2), 2U);
  EXPECT_NE(s[0].device_address, s[1].device_address);
  unsigned count = 0;
  std::vector<void*> all;
  while (void* const p = ExAllocateFromZone(&zone_)) {
    all.push_back(p);
    ASSERT_EQ(exalloc_card_write(p, &++count, sizeof count), 0);
  }
  EXPECT_EQ(count, 2 * blocks);
  for (unsigned i = 0; i < count; ++i) {
    unsigned back = 0;
    ASSERT_EQ(exalloc_card_read(&back, all[i], sizeof back), 0);
    ASSERT_EQ(back, i + 1);
    ExFreeToZone(&zone_, all[i]);
  }
  // Its blocks are the zone's.
  EXPECT_EQ(exalloc_card_segment_delete(more), -1);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("exalloc_zone_delete"));
  exalloc_zone_delete(&zone_);
  EXPECT_EQ(exalloc_card_segment_delete(more), 0) << exalloc_last_error();
  EXPECT_EQ(exalloc_card_segment_delete(more), -1);
  ASSERT_EQ(ExInitializeZone(&zone_, block_size, segment_, segment_size), STATUS_SUCCESS);
}

TEST_F(card_memory, threads_copy_their_blocks_at_once) {
  exalloc_zone_lockfree(&zone_, 1);
  std::array<std::atomic<unsigned>, 4> wrong{};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      KSPIN_LOCK unused = 0;
      for (unsigned i = 0; i < 50; ++i) {
        void* const p = ExInterlockedAllocateFromZone(&zone_, &unused);
        if (p == nullptr) continue;
        const auto mine = contents(100 * t + i);
        std::array<std::uint8_t, block_size> back{};
        if (exalloc_card_write(p, mine.data(), block_size) != 0 ||
            exalloc_card_read(back.data(), p, block_size) != 0 || back != mine)
          ++wrong[t];
        ExInterlockedFreeToZone(&zone_, p, &unused);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const auto& w : wrong) EXPECT_EQ(w, 0U);
}

TEST_F(card_memory, copies_stay_in_their_segment) {
  auto* const first = static_cast<std::byte*>(segment_) + header;
  auto* const end = first + blocks * block_size;
  std::array<std::byte, 64> here{};
  EXPECT_EQ(exalloc_card_write(end - 64, here.data(), 64), 0);
  EXPECT_EQ(exalloc_card_write(end - 63, here.data(), 64), -1);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("exalloc_card_write: no segment on the card"));
  EXPECT_EQ(exalloc_card_read(here.data(), first - 1, 2), -1);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("exalloc_card_read: no segment on the card"));
  EXPECT_EQ(exalloc_card_read(here.data(), here.data(), 1), -1);
  EXPECT_EQ(exalloc_card_read(here.data(), first, SIZE_MAX), -1);
  EXPECT_EQ(exalloc_device_address(end - 1, 1), only_segment().device_address + (end - first) - 1);
}

TEST_F(card_memory, wrong_frees_are_found_there_too) {
  auto* const block = static_cast<std::byte*>(ExAllocateFromZone(&zone_));
  ExFreeToZone(&zone_, block);
  EXPECT_EQ(log_.count("double_free"), 0U);
  ExFreeToZone(&zone_, block);
  EXPECT_EQ(log_.count("double_free"), 1U);
  ExFreeToZone(&zone_, block + 8);
  EXPECT_EQ(log_.count("range"), 1U);
  expected_errors_ = 2;
}

TEST_F(card_memory, a_child_has_none_of_it) {
  void* const block = ExAllocateFromZone(&zone_);
  unsigned value = 7;
  ASSERT_EQ(exalloc_card_write(block, &value, sizeof value), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    value = 8;
    const bool refused = exalloc_card_write(block, &value, sizeof value) == -1 &&
                         exalloc_card_read(&value, block, sizeof value) == -1 &&
                         exalloc_card_segment_create(nullptr, segment_size) == nullptr;
    exalloc_zone_delete(&zone_);
    ::_exit(refused && exalloc_card_segment_delete(segment_) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_EQ(exalloc_card_read(&value, block, sizeof value), 0) << exalloc_last_error();
  EXPECT_EQ(value, 7U);
  ExFreeToZone(&zone_, block);
}

TEST(card_memory_segment, wrong_arguments_are_refused) {
  EXPECT_EQ(exalloc_card_segment_create(nullptr, header), nullptr);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("no room for blocks"));
  int here = 0;
  EXPECT_EQ(exalloc_card_segment_delete(&here), -1);
  EXPECT_THAT(exalloc_last_error(), HasSubstr("is no segment on the card"));
  EXPECT_EQ(exalloc_card_segment_delete(nullptr), -1);
}

TEST(card_memory_death, a_block_is_not_to_be_followed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_DFL);
        auto* const s =
            static_cast<volatile char*>(exalloc_card_segment_create("HBM[0]", segment_size));
        if (s == nullptr) ::_exit(1);
        s[0] = 1;  // the header is the program's
        s[header] = 1;
        ::_exit(2);
      },
      testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
