// Zones shared with kernels on the card: tests/host runs them on the soft and on the sim card.
#include "exalloc/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "consumer.hpp"
#include "error_log.hpp"
#include "exalloc/card_memory.h"
#include "exalloc/exalloc.h"
#include "exalloc/kernel.hpp"
#include "exalloc/stats.hpp"
#include "pattern.hpp"
#include "producer.hpp"

namespace {

using exalloc::kernel::token;
using exalloc::sim::consumer;
using exalloc::sim::producer;

static_assert(sizeof(exalloc::kernel::segment) == sizeof(exalloc_segment));
static_assert(offsetof(exalloc::kernel::segment, first_token) ==
              offsetof(exalloc_segment, first_token));

constexpr ULONG block_size = 64;

// A zone of so many blocks, with a producer at stream port 0 and a consumer at port 1.
class SharedZone : public testing::Test {
 protected:
  void make(std::size_t blocks) {
    memory_.resize((sizeof(ZONE_SEGMENT_HEADER) + blocks * block_size) / 8);
    make(blocks, memory_.data(), static_cast<ULONG>(memory_.size() * 8));
  }
  void make(std::size_t blocks, void* segment, ULONG bytes) {
    ASSERT_EQ(ExInitializeZone(&zone_, block_size, segment, bytes), STATUS_SUCCESS)
        << exalloc_last_error();
    blocks_ = blocks;
    const std::vector<exalloc::kernel::segment> where = segments();
    producer_ = std::make_shared<producer>(card(), where);
    consumer_ = std::make_shared<consumer>(card(), where);
    card().attach(0, producer_);
    card().attach(1, consumer_);
    ASSERT_EQ(exalloc_stream_attach(0, &zone_, EXALLOC_STREAM_POP), 0) << exalloc_last_error();
    ASSERT_EQ(exalloc_stream_attach(1, &zone_, EXALLOC_STREAM_PUSH), 0) << exalloc_last_error();
  }
  void TearDown() override {
    EXPECT_EQ(exalloc_stream_detach(0), 0) << exalloc_last_error();
    EXPECT_EQ(exalloc_stream_detach(1), 0) << exalloc_last_error();
    card().attach(0, nullptr);
    card().attach(1, nullptr);
    exalloc_zone_delete(&zone_);
    EXPECT_EQ(errors_.errors(), expected_errors_);
    if (errors_.errors() != expected_errors_)
      for (const auto& e : errors_.entries()) ADD_FAILURE() << e.what << " [" << e.cause << "]";
  }
  static exalloc::card& card() { return exalloc::current_card(); }
  std::vector<exalloc::kernel::segment> segments() {
    std::vector<exalloc_segment> plain(exalloc_zone_segments(&zone_, nullptr, 0));
    exalloc_zone_segments(&zone_, plain.data(), static_cast<unsigned>(plain.size()));
    std::vector<exalloc::kernel::segment> result;
    for (const exalloc_segment& s : plain)
      result.push_back({s.device_address, s.first_token, s.blocks, s.block_size, 0});
    return result;
  }
  producer::product next_product() {
    for (int i = 0; i < 1'000'000; ++i) {
      if (const auto p = producer_->take()) return *p;
      card().relax();
    }
    ADD_FAILURE() << "the producer hands out nothing";
    return {};
  }
  void wait_consumed(std::uint64_t count) {
    for (int i = 0; i < 1'000'000 && consumer_->consumed() < count; ++i) card().relax();
    EXPECT_EQ(consumer_->consumed(), count);
  }
  // With the ports detached, every block is there, once.
  void expect_whole() {
    EXPECT_EQ(exalloc_stream_detach(0), 0);
    EXPECT_EQ(exalloc_stream_detach(1), 0);
    std::set<void*> blocks;
    while (void* p = ExAllocateFromZone(&zone_)) EXPECT_TRUE(blocks.insert(p).second);
    EXPECT_EQ(blocks.size(), blocks_);
    for (void* p : blocks) ExFreeToZone(&zone_, p);
  }

  error_log errors_;
  std::size_t expected_errors_ = 0;
  std::vector<std::uint64_t> memory_;
  std::size_t blocks_ = 0;
  ZONE_HEADER zone_{};
  KSPIN_LOCK lock_ = 0;
  std::shared_ptr<producer> producer_;
  std::shared_ptr<consumer> consumer_;
};

TEST_F(SharedZone, BlocksAllocatedOnTheCardAreFreedByTheHost) {
  make(1000);
  producer_->produce(1500);
  for (int i = 0; i < 1500; ++i) {
    const auto p = next_product();
    void* block = exalloc_block(&zone_, p.block);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(exalloc_token(&zone_, block), p.block);
    EXPECT_EQ(exalloc::sim::read_pattern(static_cast<std::byte*>(block)), p.pattern);
    ExFreeToZone(&zone_, block);
  }
  EXPECT_EQ(producer_->strangers(), 0u);
  expect_whole();
}

TEST_F(SharedZone, BlocksAllocatedByTheHostAreFreedOnTheCard) {
  make(1000);
  std::uint64_t sent = 0;
  for (int round = 0; round < 5; ++round) {
    // The kernel frees meanwhile, so the zone need not run dry.
    for (int i = 0; i < 1000; ++i) {
      void* block = ExAllocateFromZone(&zone_);
      if (block == nullptr) break;
      const token t = exalloc_token(&zone_, block);
      const std::uint64_t pattern = exalloc::sim::pattern_of(t, static_cast<std::uint32_t>(++sent));
      exalloc::sim::write_pattern(static_cast<std::byte*>(block), pattern);
      consumer_->consume(t, pattern);
    }
    wait_consumed(sent);
    // What the port has taken is free once what it gathered has been executed.
    card().advance_to(card().now_ns() + 2'000);
  }
  EXPECT_GE(sent, 4000u);
  EXPECT_EQ(consumer_->spoiled(), 0u);
  expect_whole();
}

// The same in the card's own memory: the host copies what it wants to see.
TEST_F(SharedZone, KernelsShareBlocksInMemoryOnTheCard) {
  constexpr ULONG bytes = sizeof(ZONE_SEGMENT_HEADER) + 500 * block_size;
  void* const segment = exalloc_card_segment_create(nullptr, bytes);
  ASSERT_NE(segment, nullptr) << exalloc_last_error();
  make(500, segment, bytes);
  producer_->produce(700);
  for (unsigned i = 0; i < 700; ++i) {
    const auto p = next_product();
    void* const block = exalloc_block(&zone_, p.block);
    std::uint64_t seen = 0;
    ASSERT_EQ(exalloc_card_read(&seen, block, sizeof seen), 0) << exalloc_last_error();
    ASSERT_EQ(seen, p.pattern);
    // And back to the kernels, with something new in it.
    const std::uint64_t pattern = exalloc::sim::pattern_of(p.block, 1'000'000 + i);
    ASSERT_EQ(exalloc_card_write(block, &pattern, sizeof pattern), 0);
    consumer_->consume(p.block, pattern);
  }
  wait_consumed(700);
  card().advance_to(card().now_ns() + 2'000);
  EXPECT_EQ(consumer_->spoiled(), 0u);
  EXPECT_EQ(producer_->strangers(), 0u);
  expect_whole();
  exalloc_zone_delete(&zone_);
  EXPECT_EQ(exalloc_card_segment_delete(segment), 0) << exalloc_last_error();
  memory_.resize(100);
  ASSERT_EQ(ExInitializeZone(&zone_, block_size, memory_.data(), 800), STATUS_SUCCESS);
}

TEST_F(SharedZone, KernelsAndThreadsTogether) {
  make(2000);
  std::atomic<std::uint64_t> sent{0}, wrong{0};
  std::atomic<bool> done{false};
  constexpr int rounds = 400;
  const auto thread = [&](unsigned self) {
    std::vector<void*> mine;
    for (int i = 0; i < rounds; ++i) {
      for (int k = 0; k < 8; ++k)
        if (void* p = ExInterlockedAllocateFromZone(&zone_, &lock_)) {
          const token t = exalloc_token(&zone_, p);
          exalloc::sim::write_pattern(static_cast<std::byte*>(p),
                                      exalloc::sim::pattern_of(t, self));
          mine.push_back(p);
        }
      while (mine.size() > 20) {
        void* p = mine.back();
        mine.pop_back();
        const token t = exalloc_token(&zone_, p);
        const std::uint64_t pattern = exalloc::sim::pattern_of(t, self);
        if (exalloc::sim::read_pattern(static_cast<std::byte*>(p)) != pattern) ++wrong;
        if (i % 2 == 0) {
          ++sent;
          consumer_->consume(t, pattern);
        } else {
          ExInterlockedFreeToZone(&zone_, p, &lock_);
        }
      }
    }
    for (void* p : mine) ExInterlockedFreeToZone(&zone_, p, &lock_);
  };
  std::thread products([&] {
    std::uint64_t received = 0;
    while (!done || received < 2000) {
      if (received % 200 == 0) producer_->produce(200);
      const auto p = next_product();
      ++received;
      void* block = exalloc_block(&zone_, p.block);
      if (block == nullptr ||
          exalloc::sim::read_pattern(static_cast<std::byte*>(block)) != p.pattern) {
        ++wrong;
        continue;
      }
      ExInterlockedFreeToZone(&zone_, block, &lock_);
      if (received % 200 == 0 && done) break;
    }
    while (received % 200 != 0) {
      ExInterlockedFreeToZone(&zone_, exalloc_block(&zone_, next_product().block), &lock_);
      ++received;
    }
  });
  std::thread one(thread, 1), two(thread, 2);
  one.join();
  two.join();
  done = true;
  products.join();
  wait_consumed(sent);
  card().advance_to(card().now_ns() + 2'000);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(consumer_->spoiled(), 0u);
  EXPECT_EQ(producer_->strangers(), 0u);
  expect_whole();
}

TEST_F(SharedZone, TheHostGetsTheLastBlockWhileThePortIsFullOfTokens) {
  make(200);
  // The kernel takes nothing: the port holds what it fetched ahead, and one token is offered.
  card().advance_to(card().now_ns() + 5'000);
  std::set<void*> blocks;
  while (void* p = ExAllocateFromZone(&zone_)) EXPECT_TRUE(blocks.insert(p).second);
  EXPECT_GE(blocks.size(), 199u);
  for (void* p : blocks) ExFreeToZone(&zone_, p);
}

// Enough blocks that they are not scarce, however many processors there were.
TEST_F(SharedZone, DoubleFreesAreRefusedOnBothSides) {
  make(1000);
  producer_->produce(1);
  const auto p = next_product();
  // A block that the port may fetch again could be a kernel's when it is freed twice.
  ASSERT_EQ(exalloc_stream_detach(0), 0);
  void* block = exalloc_block(&zone_, p.block);
  ExFreeToZone(&zone_, block);
  EXPECT_EQ(errors_.count("double_free"), 0u);
  ExFreeToZone(&zone_, block);
  EXPECT_EQ(errors_.count("double_free"), 1u);
  // The kernel frees a block that is free.
  void* mine = ExAllocateFromZone(&zone_);
  const token t = exalloc_token(&zone_, mine);
  exalloc::sim::write_pattern(static_cast<std::byte*>(mine), 7);
  consumer_->consume(t, 7);
  consumer_->consume(t, 7);
  wait_consumed(2);
  card().advance_to(card().now_ns() + 5'000);
  // And so does the host, whose magazine gives it back to the card, which refuses it.
  ExFreeToZone(&zone_, mine);
  exalloc_processor_flush();
  EXPECT_EQ(errors_.count("double_free"), 3u);
  expected_errors_ = errors_.errors();
  const auto entries = errors_.entries();
  EXPECT_TRUE(std::any_of(entries.begin(), entries.end(), [](const auto& e) {
    return e.what.find("stream port 1") != std::string::npos;
  }));
}

// The second free asks for a block that was free before, and the one it frees comes with the
// others, in whichever line.
TEST_F(SharedZone, ADoubleFreeIsFoundInTheOwnRing) {
  make(100);
  ASSERT_EQ(exalloc_stream_detach(0), 0);
  std::vector<void*> all;
  while (void* p = ExAllocateFromZone(&zone_)) all.push_back(p);
  ASSERT_EQ(all.size(), 100u);
  for (void* p : all) ExFreeToZone(&zone_, p);
  exalloc_processor_flush();
  for (std::size_t i = 0; i < all.size(); i += 3, ++expected_errors_) {
    ExFreeToZone(&zone_, all[i]);
    EXPECT_EQ(errors_.count("double_free"), expected_errors_ + 1);
    exalloc_processor_flush();
  }
  expect_whole();
}

TEST(StreamApi, WrongArgumentsAreRefused) {
  ZONE_HEADER none{};
  EXPECT_EQ(exalloc_stream_attach(0, &none, EXALLOC_STREAM_POP), -1);
  EXPECT_NE(std::string(exalloc_last_error()).find("was not set up"), std::string::npos);
  std::vector<std::uint64_t> memory(200);
  ZONE_HEADER zone{};
  ASSERT_EQ(ExInitializeZone(&zone, 64, memory.data(), 1600), STATUS_SUCCESS);
  EXPECT_EQ(exalloc_stream_attach(exalloc_stream_ports(), &zone, EXALLOC_STREAM_POP), -1);
  EXPECT_NE(std::string(exalloc_last_error()).find("there is no number"), std::string::npos);
  EXPECT_EQ(exalloc_stream_attach(0, &zone, 0), -1);
  EXPECT_NE(std::string(exalloc_last_error()).find("directions"), std::string::npos);
  EXPECT_EQ(exalloc_stream_detach(99), -1);
  EXPECT_EQ(exalloc_block(&zone, 0), nullptr);
  EXPECT_EQ(exalloc_token(&zone, &zone), 0u);
  exalloc_zone_delete(&zone);
}

TEST(Kernel, AddressesFollowTheSegments) {
  using exalloc::kernel::address;
  const exalloc::kernel::segment s[] = {{0x1000, 64, 100, 48, 0}, {0x9000, 640, 10, 48, 0}};
  EXPECT_EQ(address(s, 2, 64), 0x1000u);
  EXPECT_EQ(address(s, 2, 163), 0x1000u + 99 * 48);
  EXPECT_EQ(address(s, 2, 164), 0u);
  EXPECT_EQ(address(s, 2, 649), 0x9000u + 9 * 48);
  EXPECT_EQ(address(s, 2, 63), 0u);
  EXPECT_EQ(address(s, 1, 640), 0u);
}

}  // namespace
