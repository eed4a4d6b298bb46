// A zone, and a card that a test may lose: both are gone with the child process that has them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../child_process.hpp"
#include "../error_log.hpp"
#include "core.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"
#include "trick_card.hpp"

namespace exalloc::test {

inline constexpr ULONG block_size = 64;

class zone_under_test {
 public:
  explicit zone_under_test(std::size_t blocks) : memory_(16 + blocks * block_size) {
    EXPECT_EQ(
        ExInitializeZone(&header, block_size, memory_.data(), static_cast<ULONG>(memory_.size())),
        STATUS_SUCCESS)
        << exalloc_last_error();
  }
  // All that can be had, each once.
  std::set<void*> take_all() {
    std::set<void*> all;
    while (void* p = ExAllocateFromZone(&header)) EXPECT_TRUE(all.insert(p).second);
    return all;
  }
  void free_all(const std::set<void*>& blocks) {
    for (void* p : blocks) ExFreeToZone(&header, p);
  }
  ZONE_HEADER header{};

 private:
  std::vector<char> memory_;
};

inline void in_thread(const std::function<void()>& what) { std::thread(what).join(); }

// Runs `body` in a child process with a trick card of its own.
template <class Body>
[[noreturn]] void with_card(Body&& body, std::uint32_t patience_ms = 100) {
  auto made = std::make_unique<trick_card>(patience_ms);
  trick_card& card = *made;
  error_log log;
  run_child([&] {
    core::open_with(std::move(made));
    body(card, log);
  });
}
#define IN_A_CHILD(...) \
  EXPECT_EXIT(exalloc::test::with_card(__VA_ARGS__), testing::ExitedWithCode(0), "")

}  // namespace exalloc::test
