// Events of the card reach the program: depletion of a zone, errors at once, counts of a zone.
#include "exalloc/watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/exalloc.h"

namespace {

using namespace std::chrono_literals;

// What the depletion handler was told.
class event_log {
 public:
  event_log() { exalloc_set_depletion_handler(&event_log::take, this); }
  ~event_log() { exalloc_set_depletion_handler(nullptr, nullptr); }
  event_log(const event_log&) = delete;
  event_log& operator=(const event_log&) = delete;

  // Waits for so many events; false if they do not come.
  bool wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return events_.size() >= count; });
  }
  std::vector<std::pair<PZONE_HEADER, int>> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  static void take(PZONE_HEADER zone, int depleted, void* self) {
    auto* log = static_cast<event_log*>(self);
    const std::lock_guard lock(log->mutex_);
    log->events_.emplace_back(zone, depleted);
    log->changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<PZONE_HEADER, int>> events_;
};

class Watch : public testing::Test {
 protected:
  void SetUp() override {
    memory_.resize(2 + 1000 * 8);
    ASSERT_EQ(ExInitializeZone(&zone_, 64, memory_.data(), static_cast<ULONG>(memory_.size() * 8)),
              STATUS_SUCCESS)
        << exalloc_last_error();
    ASSERT_EQ(exalloc_watch(1), 0) << exalloc_last_error();
  }
  void TearDown() override {
    EXPECT_EQ(exalloc_watch(0), 0);
    exalloc_zone_delete(&zone_);
  }
  void allocate(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      blocks_.push_back(ExAllocateFromZone(&zone_));
      ASSERT_NE(blocks_.back(), nullptr);
    }
  }
  void free_all() {
    for (void* p : blocks_) ExFreeToZone(&zone_, p);
    blocks_.clear();
    exalloc_processor_flush();
  }

  std::vector<std::uint64_t> memory_;
  ZONE_HEADER zone_{};
  std::vector<void*> blocks_;
  event_log events_;
};

TEST_F(Watch, DepletionIsToldWithHysteresis) {
  ASSERT_EQ(exalloc_zone_threshold(&zone_, 200, 900), 0) << exalloc_last_error();
  allocate(600);
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(events_.events().empty());
  allocate(350);
  ASSERT_TRUE(events_.wait(1));
  EXPECT_EQ(events_.events().front(), (std::pair<PZONE_HEADER, int>(&zone_, 1)));
  exalloc_zone_counts counts{};
  ASSERT_EQ(exalloc_zone_card_counts(&zone_, &counts), 0);
  EXPECT_EQ(counts.total, 1000u);
  EXPECT_EQ(counts.depleted, 1);
  EXPECT_GE(counts.in_use, 950u);
  EXPECT_GE(counts.high_water, counts.in_use);
  // Half of them back is not enough.
  for (int i = 0; i < 400; ++i) {
    ExFreeToZone(&zone_, blocks_.back());
    blocks_.pop_back();
  }
  exalloc_processor_flush();
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(events_.events().size(), 1u);
  free_all();
  ASSERT_TRUE(events_.wait(2));
  EXPECT_EQ(events_.events().back(), (std::pair<PZONE_HEADER, int>(&zone_, 0)));
  ASSERT_EQ(exalloc_zone_card_counts(&zone_, &counts), 0);
  EXPECT_EQ(counts.in_use, 0u);
  EXPECT_EQ(counts.depleted, 0);
  EXPECT_GE(counts.granted, counts.high_water);
}

TEST_F(Watch, AHandlerMayExtendTheZone) {
  struct extension {
    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(2 + 2000 * 8);
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  } more;
  ASSERT_EQ(exalloc_zone_threshold(&zone_, 500, 500), 0);
  exalloc_set_depletion_handler(
      [](PZONE_HEADER zone, int depleted, void* context) {
        auto& e = *static_cast<extension*>(context);
        const std::lock_guard lock(e.mutex);
        if (depleted == 0 || e.done) return;
        EXPECT_EQ(ExExtendZone(zone, e.memory.data(), static_cast<ULONG>(e.memory.size() * 8)),
                  STATUS_SUCCESS)
            << exalloc_last_error();
        e.done = true;
        e.changed.notify_all();
      },
      &more);
  allocate(800);
  {
    std::unique_lock lock(more.mutex);
    ASSERT_TRUE(more.changed.wait_for(lock, 20s, [&] { return more.done; }));
  }
  allocate(2200);
  EXPECT_EQ(ExAllocateFromZone(&zone_), nullptr);
  // The zone goes before the memory of its second segment.
  exalloc_set_depletion_handler(nullptr, nullptr);
  free_all();
  exalloc_zone_delete(&zone_);
  ASSERT_EQ(ExInitializeZone(&zone_, 64, memory_.data(), 64 * 10), STATUS_SUCCESS);
}

TEST_F(Watch, WrongArgumentsAreRefused) {
  EXPECT_EQ(exalloc_zone_threshold(&zone_, 10, 9), -1);
  EXPECT_NE(std::string(exalloc_last_error()).find("less than"), std::string::npos);
  ZONE_HEADER none{};
  exalloc_zone_counts counts{};
  EXPECT_EQ(exalloc_zone_threshold(&none, 1, 2), -1);
  EXPECT_EQ(exalloc_zone_card_counts(&none, &counts), -1);
}

TEST_F(Watch, StartingTwiceAndStoppingTwiceIsHarmless) {
  EXPECT_EQ(exalloc_watch(1), 0);
  EXPECT_EQ(exalloc_watch(0), 0);
  EXPECT_EQ(exalloc_watch(0), 0);
}

}  // namespace
