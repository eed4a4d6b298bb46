// Every row of the zone contract (docs/contract.md), in one thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace {

// Memory for a segment, with a pattern behind its header that nobody may change.
class segment {
 public:
  explicit segment(std::size_t bytes) : memory_((bytes + 7) / 8), bytes_(bytes) {
    std::memset(data(), 0x5A, bytes);
  }
  void* data() { return memory_.data(); }
  ULONG size() const { return static_cast<ULONG>(bytes_); }
  std::byte* block(std::size_t index, std::size_t block_size) {
    return static_cast<std::byte*>(data()) + sizeof(ZONE_SEGMENT_HEADER) + index * block_size;
  }
  bool untouched() {
    const auto* p = static_cast<unsigned char*>(data());
    return std::all_of(p + sizeof(ZONE_SEGMENT_HEADER), p + bytes_,
                       [](unsigned char c) { return c == 0x5A; });
  }

 private:
  std::vector<std::uint64_t> memory_;
  std::size_t bytes_;
};

// A header whose zone is deleted with it.
struct zone_header : ZONE_HEADER {
  zone_header() : ZONE_HEADER{} {}
  ~zone_header() {
    if (live) exalloc_zone_delete(this);
  }
  zone_header(const zone_header&) = delete;
  zone_header& operator=(const zone_header&) = delete;
  bool live = false;
};

void init(zone_header& z, ULONG block_size, segment& s) {
  ASSERT_EQ(ExInitializeZone(&z, block_size, s.data(), s.size()), STATUS_SUCCESS)
      << exalloc_last_error();
  z.live = true;
}

std::vector<void*> take_all(ZONE_HEADER& z) {
  std::vector<void*> blocks;
  while (void* p = ExAllocateFromZone(&z)) blocks.push_back(p);
  return blocks;
}

TEST(zone, initialize_refuses_wrong_sizes) {
  segment s(1024);
  zone_header z;
  EXPECT_EQ(ExInitializeZone(&z, 0, s.data(), s.size()), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExInitializeZone(&z, 12, s.data(), s.size()), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExInitializeZone(&z, 2048, s.data(), s.size()), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExInitializeZone(&z, 8, static_cast<char*>(s.data()) + 4, 512), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExInitializeZone(&z, 8, nullptr, 512), STATUS_UNSUCCESSFUL);
  EXPECT_STRNE(exalloc_last_error(), "");
}

TEST(zone, garbage_in_the_header_is_fine) {
  segment s(1024);
  zone_header z;
  std::memset(static_cast<ZONE_HEADER*>(&z), 0xC5, sizeof(ZONE_HEADER));
  init(z, 64, s);
  EXPECT_NE(ExAllocateFromZone(&z), nullptr);
}

TEST(zone, carves_whole_blocks_behind_the_header) {
  segment s(1000);
  zone_header z;
  init(z, 72, s);
  // (1000 - 16) / 72 = 13
  EXPECT_EQ(z.BlockSize, 72U);
  EXPECT_EQ(z.TotalSegmentSize, 16U + 13 * 72);
  EXPECT_EQ(z.SegmentList.Next, static_cast<PSINGLE_LIST_ENTRY>(s.data()));
  EXPECT_EQ(static_cast<PZONE_SEGMENT_HEADER>(s.data())->SegmentList.Next, nullptr);
  EXPECT_EQ(static_cast<PZONE_SEGMENT_HEADER>(s.data())->Reserved, nullptr);
  std::vector<void*> blocks = take_all(z);
  ASSERT_EQ(blocks.size(), 13U);
  std::sort(blocks.begin(), blocks.end());
  for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], s.block(i, 72));
  for (void* p : blocks) ExFreeToZone(&z, p);
  EXPECT_TRUE(s.untouched()) << "a zone never touches the contents of a block";
}

TEST(zone, many_sizes_give_every_block_once) {
  for (const std::size_t blocks : {1, 2, 13, 63, 64, 65, 128, 1000, 5000}) {
    segment s(sizeof(ZONE_SEGMENT_HEADER) + blocks * 24 + 8);
    zone_header z;
    init(z, 24, s);
    for (int round = 0; round < 3; ++round) {
      std::vector<void*> all = take_all(z);
      EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), blocks);
      EXPECT_EQ(all.size(), blocks);
      EXPECT_TRUE(ExIsFullZone(&z));
      for (void* p : all) ExFreeToZone(&z, p);
      EXPECT_FALSE(ExIsFullZone(&z));
    }
  }
}

TEST(zone, a_segment_with_room_for_no_block_makes_an_empty_zone) {
  segment s(72);
  zone_header z;
  init(z, 64, s);
  EXPECT_EQ(z.TotalSegmentSize, 16U);
  EXPECT_TRUE(ExIsFullZone(&z));
  EXPECT_EQ(ExAllocateFromZone(&z), nullptr);
  segment more(1024);
  ASSERT_EQ(ExExtendZone(&z, more.data(), more.size()), STATUS_SUCCESS);
  void* p = ExAllocateFromZone(&z);
  EXPECT_NE(p, nullptr);
  EXPECT_FALSE(ExIsObjectInFirstZoneSegment(&z, p));
}

TEST(zone, extend_adds_blocks_and_goes_to_the_head_of_the_segments) {
  segment first(16 + 4 * 32), second(16 + 100 * 32 + 31), third(16 + 7 * 32);
  zone_header z;
  init(z, 32, first);
  std::vector<void*> old = take_all(z);
  EXPECT_EQ(old.size(), 4U);
  ASSERT_EQ(ExExtendZone(&z, second.data(), second.size()), STATUS_SUCCESS);
  EXPECT_FALSE(ExIsFullZone(&z));
  KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  ASSERT_EQ(ExInterlockedExtendZone(&z, third.data(), third.size(), &lock), STATUS_SUCCESS);
  EXPECT_EQ(lock, 0U);
  EXPECT_EQ(z.TotalSegmentSize, 3 * 16U + (4 + 100 + 7) * 32);
  EXPECT_EQ(z.SegmentList.Next, static_cast<PSINGLE_LIST_ENTRY>(third.data()));
  EXPECT_EQ(z.SegmentList.Next->Next, static_cast<PSINGLE_LIST_ENTRY>(second.data()));
  EXPECT_EQ(z.SegmentList.Next->Next->Next, static_cast<PSINGLE_LIST_ENTRY>(first.data()));
  const std::vector<void*> rest = take_all(z);
  EXPECT_EQ(rest.size(), 107U);
  for (void* p : old) EXPECT_TRUE(ExIsObjectInFirstZoneSegment(&z, p));
  for (void* p : rest) EXPECT_FALSE(ExIsObjectInFirstZoneSegment(&z, p));
  EXPECT_FALSE(ExIsObjectInFirstZoneSegment(&z, &z));
  for (void* p : rest) ExFreeToZone(&z, p);
  for (void* p : old) ExFreeToZone(&z, p);
  EXPECT_EQ(take_all(z).size(), 111U);
}

TEST(zone, extend_checks_like_initialize) {
  segment s(1024);
  zone_header z;
  init(z, 64, s);
  const ULONG before = z.TotalSegmentSize;
  EXPECT_EQ(ExExtendZone(&z, nullptr, 1024), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExExtendZone(&z, static_cast<char*>(s.data()) + 4, 512), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExExtendZone(&z, s.data(), 56), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(z.TotalSegmentSize, before);
}

TEST(zone, free_returns_the_previous_head) {
  segment s(16 + 3 * 64);
  zone_header z;
  init(z, 64, s);
  void* a = ExAllocateFromZone(&z);
  void* b = ExAllocateFromZone(&z);
  void* c = ExAllocateFromZone(&z);
  EXPECT_TRUE(ExIsFullZone(&z));
  EXPECT_EQ(ExAllocateFromZone(&z), nullptr);
  EXPECT_EQ(ExFreeToZone(&z, a), nullptr);
  EXPECT_EQ(ExFreeToZone(&z, b), a);
  EXPECT_NE(ExFreeToZone(&z, c), nullptr);
  EXPECT_EQ(take_all(z).size(), 3U);
}

TEST(zone, free_to_a_zone_with_free_blocks_only_in_the_card_is_not_null) {
  segment s(16 + 1000 * 64);
  zone_header z;
  init(z, 64, s);
  void* a = ExAllocateFromZone(&z);
  exalloc_processor_flush();
  EXPECT_NE(ExFreeToZone(&z, a), nullptr);
}

TEST(zone, interlocked_forms_take_the_lock_unless_told_otherwise) {
  segment s(16 + 10 * 64);
  zone_header z;
  init(z, 64, s);
  KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  KIRQL irql = PASSIVE_LEVEL;
  KeAcquireSpinLock(&lock, &irql);
  EXPECT_EQ(irql, PASSIVE_LEVEL);
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  std::atomic<bool> done{false};
  std::thread waiter([&] {
    void* p = ExInterlockedAllocateFromZone(&z, &lock);
    done = true;
    ExInterlockedFreeToZone(&z, p, &lock);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(done);
  KeReleaseSpinLock(&lock, irql);
  waiter.join();
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  exalloc_zone_lockfree(&z, 1);
  KeAcquireSpinLock(&lock, &irql);
  void* p = ExInterlockedAllocateFromZone(&z, &lock);
  EXPECT_NE(p, nullptr);
  ExInterlockedFreeToZone(&z, p, &lock);
  KeReleaseSpinLock(&lock, irql);
}

TEST(zone, wrong_frees_are_refused_and_change_nothing) {
  segment s(16 + 200 * 48), other_segment(16 + 10 * 48);
  zone_header z, other;
  init(z, 48, s);
  init(other, 48, other_segment);
  auto* a = static_cast<char*>(ExAllocateFromZone(&z));
  auto* b = static_cast<char*>(ExAllocateFromZone(&z));
  void* c = ExAllocateFromZone(&other);
  error_log log;
  ExFreeToZone(&z, a);
  EXPECT_EQ(log.size(), 0U);
  EXPECT_EQ(ExFreeToZone(&z, a), nullptr);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log.entries()[0].cause, "double_free");
  EXPECT_EQ(log.entries()[0].address, a);
  ExFreeToZone(&z, b + 8);
  ExFreeToZone(&z, c);
  ExFreeToZone(&z, &z);
  ExFreeToZone(&z, nullptr);
  ExFreeToZone(&z, s.data());
  ASSERT_EQ(log.size(), 6U);
  EXPECT_EQ(log.entries()[1].cause, "range");
  EXPECT_EQ(log.count("foreign"), 4U);
  // A block that was never handed out is free too.
  ExFreeToZone(&z, s.block(199, 48));
  EXPECT_EQ(log.count("double_free"), 2U);
  ExFreeToZone(&z, b);
  ExFreeToZone(&other, c);
  EXPECT_EQ(take_all(z).size(), 200U);
  EXPECT_EQ(take_all(other).size(), 10U);
  EXPECT_EQ(log.size(), 7U);
}

// Above the newest block of a magazine there may be a slot that was never used.
TEST(zone, null_is_no_block) {
  for (const std::size_t blocks : {1U, 7U, 200U, 3'000U}) {
    error_log log;
    segment s(16 + blocks * 48);
    zone_header z;
    init(z, 48, s);
    EXPECT_EQ(ExFreeToZone(&z, nullptr), nullptr);
    std::vector<void*> all;
    while (void* p = ExAllocateFromZone(&z)) all.push_back(p);
    EXPECT_EQ(all.size(), blocks);
    while (!all.empty()) {
      ExFreeToZone(&z, all.back());
      all.pop_back();
      ExFreeToZone(&z, nullptr);
    }
    EXPECT_EQ(log.count("foreign"), blocks + 1);
    EXPECT_EQ(take_all(z).size(), blocks);
    EXPECT_EQ(log.size(), blocks + 1);
  }
}

// A thread's first call on a zone whose blocks are scarce makes a magazine that serves nothing yet.
TEST(zone, null_is_no_block_while_blocks_are_scarce) {
  error_log log;
  segment s(16 + 10 * 48);
  zone_header z;
  init(z, 48, s);
  EXPECT_EQ(take_all(z).size(), 10U);
  std::thread([&] {
    EXPECT_EQ(ExAllocateFromZone(&z), nullptr);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ExFreeToZone(&z, nullptr), nullptr);
  }).join();
  EXPECT_EQ(log.count("foreign"), 3U);
  EXPECT_EQ(log.size(), 3U);
}

TEST(zone, a_header_never_initialised_is_told) {
  error_log log;
  zone_header z;
  std::memset(static_cast<ZONE_HEADER*>(&z), 0xC5, sizeof(ZONE_HEADER));
  EXPECT_EQ(ExAllocateFromZone(&z), nullptr);
  EXPECT_EQ(ExFreeToZone(&z, &log), nullptr);
  EXPECT_TRUE(ExIsFullZone(&z));
  static_cast<ZONE_HEADER&>(z) = {};
  EXPECT_EQ(ExAllocateFromZone(&z), nullptr);
  EXPECT_EQ(ExExtendZone(&z, &z, 64), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(ExAllocateFromZone(nullptr), nullptr);
  EXPECT_EQ(log.size(), 6U);
  segment s(1024);
  init(z, 64, s);
  ZONE_HEADER copy = z;
  EXPECT_EQ(ExAllocateFromZone(&copy), nullptr);
  EXPECT_EQ(log.size(), 7U);
}

TEST(zone, initialising_again_retires_the_old_zone) {
  segment s(16 + 300 * 64);
  zone_header z;
  // More often than the card has lists: they must come back.
  for (int i = 0; i < 300; ++i) {
    const ULONG size = 64 + 8 * static_cast<ULONG>(i % 3);
    ASSERT_EQ(ExInitializeZone(&z, size, s.data(), s.size()), STATUS_SUCCESS);
    for (int k = 0; k < 30; ++k) ASSERT_NE(ExAllocateFromZone(&z), nullptr);
  }
  z.live = true;
  EXPECT_EQ(take_all(z).size(), (s.size() - 16) / z.BlockSize - 30);
}

TEST(zone, deleted_zones_give_everything_back) {
  segment s(16 + 1000 * 64);
  error_log log;
  for (int i = 0; i < 300; ++i) {
    ZONE_HEADER z;
    ASSERT_EQ(ExInitializeZone(&z, 64, s.data(), s.size()), STATUS_SUCCESS);
    std::vector<void*> blocks;
    for (int k = 0; k < 200; ++k) blocks.push_back(ExAllocateFromZone(&z));
    ASSERT_EQ(std::count(blocks.begin(), blocks.end(), nullptr), 0);
    for (int k = 0; k < 150; ++k) ExFreeToZone(&z, blocks[static_cast<std::size_t>(k)]);
    exalloc_zone_delete(&z);
  }
  EXPECT_EQ(log.size(), 0U);
  ZONE_HEADER z{};
  exalloc_zone_delete(&z);
  EXPECT_EQ(log.size(), 1U);
}

TEST(zone, more_zones_than_the_card_has_lists) {
  constexpr std::size_t zones = 300, blocks = 70;
  std::vector<zone_header> headers(zones);
  std::vector<segment> segments;
  segments.reserve(zones);
  error_log log;
  for (auto& z : headers) {
    segments.emplace_back(16 + blocks * 32);
    init(z, 32, segments.back());
  }
  EXPECT_GT(log.size(), 0U) << "lists in the host are reported";
  const std::size_t reported = log.size();
  for (auto& z : headers) {
    std::vector<void*> all = take_all(z);
    ASSERT_EQ(std::set<void*>(all.begin(), all.end()).size(), blocks);
    EXPECT_TRUE(ExIsFullZone(&z));
    EXPECT_EQ(ExFreeToZone(&z, all[0]), nullptr);
    EXPECT_EQ(ExFreeToZone(&z, all[1]), all[0]);
    ExFreeToZone(&z, all[1]);
    EXPECT_EQ(take_all(z).size(), 2U);
  }
  EXPECT_EQ(log.size(), reported + zones) << "a double free each";
  EXPECT_EQ(log.count("double_free"), zones);
}

TEST(zone, too_few_slabs_is_an_error_that_leaves_the_zone_as_it_was) {
  // 80 Ki slabs of 64 blocks of 8 bytes: 40 MB, more than the card names.
  const std::size_t bytes = std::size_t{80} * 1024 * 64 * 8;
  const std::unique_ptr<std::byte[]> memory(new std::byte[bytes]);
  zone_header z;
  EXPECT_EQ(ExInitializeZone(&z, 8, memory.get(), bytes), STATUS_INSUFFICIENT_RESOURCES);
  segment s(16 + 5 * 8);
  init(z, 8, s);
  EXPECT_EQ(ExExtendZone(&z, memory.get(), bytes), STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(z.TotalSegmentSize, s.size());
  EXPECT_EQ(take_all(z).size(), 5U);
}

}  // namespace
