// Threads that fork, vanish or are cancelled.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

namespace {

constexpr ULONG block_size = 64, tag = 0x6566694C;

class zone {
 public:
  explicit zone(std::size_t blocks) : memory_(16 + blocks * block_size) {
    EXPECT_EQ(
        ExInitializeZone(&header, block_size, memory_.data(), static_cast<ULONG>(memory_.size())),
        STATUS_SUCCESS)
        << exalloc_last_error();
    exalloc_zone_lockfree(&header, 1);
  }
  ~zone() { exalloc_zone_delete(&header); }
  zone(const zone&) = delete;
  zone& operator=(const zone&) = delete;

  void* allocate() { return ExInterlockedAllocateFromZone(&header, nullptr); }
  void free(void* p) { ExInterlockedFreeToZone(&header, p, nullptr); }
  // All that can be had; empty if one comes twice.
  std::set<void*> take_all() {
    std::set<void*> all;
    while (void* p = allocate())
      if (!all.insert(p).second) return {};
    return all;
  }
  ZONE_HEADER header{};

 private:
  std::vector<char> memory_;
};

// Runs `body` in a forked child: how it ended, 0 if body returned true.
int in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(120);  // a child that hangs is a failure, too
    ::_exit(body() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(fork, a_child_frees_and_allocates_and_the_parent_knows_nothing_of_it) {
  if (sanitized) GTEST_SKIP() << "sanitizers do not support it";
  constexpr std::size_t blocks = 3000;
  zone z(blocks);
  std::vector<void*> mine;
  for (int i = 0; i < 500; ++i) mine.push_back(z.allocate());
  void* pool = ExAllocatePoolWithTag(NonPagedPool, 100, tag);
  EXPECT_EQ(in_child([&] {
              const std::set<void*> rest = z.take_all();
              if (rest.size() != blocks - mine.size()) return false;
              for (void* p : mine)
                if (rest.contains(p)) return false;
              for (void* p : mine) z.free(p);
              for (void* p : rest) z.free(p);
              if (z.take_all().size() != blocks) return false;
              ExFreePoolWithTag(pool, tag);
              for (int i = 0; i < 2000; ++i)
                if (ExAllocatePoolWithTag(NonPagedPool, 100, tag) == nullptr) return false;
              zone fresh(100);
              return fresh.take_all().size() == 100;
            }),
            0);
  EXPECT_EQ(z.take_all().size(), blocks - mine.size());
  ExFreePoolWithTag(pool, tag);
}

TEST(fork, a_childs_threads_and_children_work_too) {
  if (sanitized) GTEST_SKIP() << "sanitizers do not support it";
  constexpr std::size_t blocks = 1000;
  zone z(blocks);
  void* before = z.allocate();
  EXPECT_EQ(in_child([&] {
              std::vector<std::thread> threads;
              for (int t = 0; t < 4; ++t)
                threads.emplace_back([&] {
                  for (int i = 0; i < 2000; ++i)
                    if (void* p = z.allocate()) z.free(p);
                });
              for (std::thread& t : threads) t.join();
              return in_child([&] {
                       z.free(before);
                       return z.take_all().size() == blocks;
                     }) == 0 &&
                     z.take_all().size() == blocks - 1;
            }),
            0);
  z.free(before);
  EXPECT_EQ(z.take_all().size(), blocks);
}

TEST(fork, children_of_a_busy_process_are_whole) {
  if (sanitized) GTEST_SKIP() << "sanitizers do not support it";
  constexpr std::size_t blocks = 2000;
  constexpr unsigned threads = 3, most = 400;
  zone z(blocks);
  NPAGED_LOOKASIDE_LIST list;
  ExInitializeNPagedLookasideList(&list, nullptr, nullptr, 0, 64, tag, 0);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      std::vector<void*> mine;
      for (unsigned i = t; !stop; ++i) {
        if (mine.size() < most && i % 7 < 4) {
          if (void* p = z.allocate()) mine.push_back(p);
        } else if (!mine.empty()) {
          z.free(mine.back());
          mine.pop_back();
        }
        ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPool, 16 + i % 4000, tag), tag);
        ExFreeToNPagedLookasideList(&list, ExAllocateFromNPagedLookasideList(&list));
      }
      for (void* p : mine) z.free(p);
    });
  }
  for (int round = 0; round < 20; ++round) {
    void* mine = z.allocate();
    EXPECT_EQ(in_child([&] {
                // What the other threads had in hand at the fork is nobody's any more.
                const std::set<void*> rest = z.take_all();
                if (rest.size() + threads * (most + 1) + 1 < blocks || rest.contains(mine))
                  return false;
                for (void* p : rest) z.free(p);
                z.free(mine);
                if (z.take_all().size() != rest.size() + 1) return false;
                for (int i = 0; i < 300; ++i) {
                  void* p = ExAllocatePoolWithTag(NonPagedPool, 16 + i * 10, tag);
                  void* e = ExAllocateFromNPagedLookasideList(&list);
                  if (p == nullptr || e == nullptr) return false;
                  ExFreePoolWithTag(p, tag);
                  ExFreeToNPagedLookasideList(&list, e);
                }
                return true;
              }),
              0)
        << "fork " << round;
    z.free(mine);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stop = true;
  for (std::thread& t : workers) t.join();
  EXPECT_EQ(z.take_all().size(), blocks);
  ExDeleteNPagedLookasideList(&list);
}

// ---- Threads that do not end as they should ----

// Called in the middle of a call: what a test wants to do there.
std::function<void()> in_handler;
void handle(const exalloc_error*, void*) {
  if (in_handler) in_handler();
}
class handler {
 public:
  explicit handler(std::function<void()> what) {
    in_handler = std::move(what);
    exalloc_set_error_handler(handle, nullptr);
  }
  ~handler() {
    exalloc_set_error_handler(nullptr, nullptr);
    in_handler = nullptr;
  }
};

// A call that tells the handler of an error.
void free_twice(zone& z) {
  void* p = z.allocate();
  z.free(p);
  z.free(p);
}

TEST(vanishing, threads_without_an_end_leave_their_processors_and_blocks) {
  if (sanitized) GTEST_SKIP() << "the end of a thread is the sanitizer's, too";
  constexpr std::size_t blocks = 4000;
  zone z(blocks);
  std::atomic<int> held{0};
  error_log log;
  {
    // Twice as many as a card has portals.
    for (int i = 0; i < 130; ++i) {
      std::thread([&] {
        for (int k = 0; k < 20; ++k)
          if (z.allocate() != nullptr) ++held;
        z.free(z.allocate());
        ::syscall(SYS_exit, 0);  // no destructor runs
      }).join();
    }
  }
  EXPECT_EQ(log.size(), 0u) << "no processor had to be shared";
  EXPECT_EQ(z.take_all().size() + static_cast<std::size_t>(held.load()), blocks);
}

TEST(vanishing, a_thread_ends_inside_the_error_handler) {
  if (sanitized) GTEST_SKIP() << "the end of a thread is the sanitizer's, too";
  constexpr std::size_t blocks = 500;
  zone z(blocks);
  const handler h([] { ::syscall(SYS_exit, 0); });
  for (int i = 0; i < 80; ++i) std::thread([&] { free_twice(z); }).join();
  EXPECT_EQ(z.take_all().size(), blocks);
}

TEST(vanishing, a_cancelled_thread_leaves_the_library_first) {
  constexpr std::size_t blocks = 500;
  zone z(blocks);
  static std::atomic<int> after_call{0};
  after_call = 0;
  const handler h([] {
    ::pthread_cancel(::pthread_self());
    ::pthread_testcancel();  // would end here, in the middle of a free
  });
  for (int i = 0; i < 80; ++i) {
    pthread_t thread;
    ASSERT_EQ(::pthread_create(
                  &thread, nullptr,
                  [](void* zone_of_test) -> void* {
                    free_twice(*static_cast<zone*>(zone_of_test));
                    ++after_call;
                    ::pthread_testcancel();
                    ++after_call;
                    return nullptr;
                  },
                  &z),
              0);
    void* result = nullptr;
    ASSERT_EQ(::pthread_join(thread, &result), 0);
    EXPECT_EQ(result, PTHREAD_CANCELED);
  }
  EXPECT_EQ(after_call, 80);
  EXPECT_EQ(z.take_all().size(), blocks);
}

}  // namespace
