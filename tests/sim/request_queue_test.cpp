// Requests are served one at a time, in the order they came, by whoever is at it.
#include "request_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace exalloc::sim {
namespace {

TEST(RequestQueue, GivesWhatTheWorkGives) {
  request_queue queue;
  EXPECT_EQ(queue.run([] { return std::string("answer"); }), "answer");
  bool ran = false;
  queue.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(RequestQueue, OneThreadServesItself) {
  request_queue queue;
  const auto me = std::this_thread::get_id();
  for (int i = 0; i < 100; ++i) queue.run([&] { EXPECT_EQ(std::this_thread::get_id(), me); });
}

TEST(RequestQueue, WhatIsThrownReachesWhoAsked) {
  request_queue queue;
  EXPECT_THROW(queue.run([] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(queue.run([] { return 7; }), 7);
}

// While one is served, others come one after the other, each known to wait before the next comes.
TEST(RequestQueue, ServesInTheOrderOfArrival) {
  request_queue queue;
  constexpr unsigned threads = 8;
  std::vector<unsigned> order;
  std::vector<std::thread> others;
  queue.run([&] {
    for (unsigned i = 0; i < threads; ++i) {
      others.emplace_back([&, i] { queue.run([&, i] { order.push_back(i); }); });
      while (queue.waiting() != i + 1) std::this_thread::yield();
    }
  });
  for (std::thread& t : others) t.join();
  EXPECT_EQ(order, (std::vector<unsigned>{0, 1, 2, 3, 4, 5, 6, 7}));
}

// Those that wait need no thread of theirs to run, but nobody serves others for ever.
TEST(RequestQueue, AServerServesOthersToo) {
  request_queue queue;
  constexpr unsigned threads = request_queue::most_for_others + 3;
  std::vector<std::thread::id> servers(threads);
  std::vector<std::thread> others;
  queue.run([&] {
    for (unsigned i = 0; i < threads; ++i) {
      others.emplace_back(
          [&, i] { queue.run([&, i] { servers[i] = std::this_thread::get_id(); }); });
      while (queue.waiting() != i + 1) std::this_thread::yield();
    }
  });
  const std::thread::id heir = others[request_queue::most_for_others].get_id();
  for (std::thread& t : others) t.join();
  for (unsigned i = 0; i < threads; ++i)
    EXPECT_EQ(servers[i], i < request_queue::most_for_others ? std::this_thread::get_id() : heir);
}

TEST(RequestQueue, ThrowsInTheThreadThatAskedAlsoWhenAnotherServes) {
  request_queue queue;
  std::atomic<bool> caught{false};
  std::thread other;
  queue.run([&] {
    other = std::thread([&] {
      try {
        queue.run([] { throw std::runtime_error("no"); });
      } catch (const std::runtime_error&) {
        caught = true;
      }
    });
    while (queue.waiting() != 1) std::this_thread::yield();
  });
  other.join();
  EXPECT_TRUE(caught);
}

TEST(RequestQueue, OneAtATime) {
  request_queue queue;
  constexpr unsigned threads = 4, each = 5'000;
  unsigned inside = 0, sum = 0;  // plain: the queue orders all accesses
  std::vector<std::thread> all;
  for (unsigned i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      for (unsigned k = 0; k < each; ++k) {
        queue.run([&] {
          EXPECT_EQ(++inside, 1u);
          ++sum;
          --inside;
        });
      }
    });
  }
  for (std::thread& t : all) t.join();
  EXPECT_EQ(sum, threads * each);
}

}  // namespace
}  // namespace exalloc::sim
