// Requestors and their quotas.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "bug_trap.hpp"
#include "error_log.hpp"
#include "exalloc/pool.h"
#include "pool_usage.hpp"

namespace {

constexpr ULONG tag = pool_tag("Quot");
constexpr std::size_t page = 4096;

exalloc_requestor_usage usage(const exalloc_requestor* r) {
  exalloc_requestor_usage u{};
  EXPECT_EQ(exalloc_requestor_query(r, &u), 0);
  return u;
}

// The calling thread acts for it while this lives.
class acting {
 public:
  explicit acting(exalloc_requestor* r) : former_(exalloc_requestor_enter(r)) {}
  ~acting() { exalloc_requestor_enter(former_); }
  acting(const acting&) = delete;
  acting& operator=(const acting&) = delete;

 private:
  exalloc_requestor* former_;
};

constexpr POOL_TYPE or_null(POOL_TYPE type) {
  return static_cast<POOL_TYPE>(type | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
}

TEST(quota, the_rounded_block_is_charged_and_released) {
  exalloc_requestor* r = exalloc_requestor_create("one", 1 << 20, 1 << 20);
  ASSERT_NE(r, nullptr);
  const acting self(r);
  for (const std::size_t bytes : {0, 1, 16, 17, 100, 1000, 2000, 4000, 4064, 4065, 4095}) {
    for (const POOL_TYPE type : {NonPagedPool, PagedPool, PagedPoolCacheAligned, NonPagedPoolNx}) {
      void* p = ExAllocatePoolWithQuotaTag(type, bytes, tag);
      ASSERT_NE(p, nullptr);
      const exalloc_requestor_usage u = usage(r);
      const auto& a = (type & 1) != 0 ? u.paged : u.nonpaged;
      const auto& other = (type & 1) != 0 ? u.nonpaged : u.paged;
      EXPECT_GE(a.used, bytes);
      EXPECT_LE(a.used, std::max<std::size_t>(64, bytes) * 9 / 8 + 16 + (bytes > 1000 ? 2048 : 64))
          << bytes;
      EXPECT_EQ(a.blocks, 1U);
      EXPECT_GE(a.peak, a.used);
      EXPECT_EQ(other.used, 0U);
      ExFreePoolWithTag(p, tag);
      EXPECT_EQ(usage(r).paged.used + usage(r).nonpaged.used, 0U);
      EXPECT_EQ(usage(r).paged.blocks + usage(r).nonpaged.blocks, 0U);
    }
  }
  // Pool without quota is nobody's.
  void* p = ExAllocatePoolWithTag(PagedPool, 100, tag);
  EXPECT_EQ(usage(r).paged.used, 0U);
  ExFreePool(p);
  exalloc_requestor_enter(nullptr);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

TEST(quota, a_page_or_more_is_never_charged) {
  exalloc_requestor* r = exalloc_requestor_create("large", 0, 0);
  const acting self(r);
  for (const std::size_t bytes : {page, page + 1, 10 * page}) {
    void* p = ExAllocatePoolWithQuotaTag(PagedPool, bytes, tag);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(usage(r).paged.used, 0U);
    ExFreePoolWithTag(p, tag);
  }
  EXPECT_EQ(ExAllocatePoolWithQuotaTag(or_null(PagedPool), page - 1, tag), nullptr);
  exalloc_requestor_enter(nullptr);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

TEST(quota, over_quota_raises_or_is_null) {
  const raise_trap trap;
  exalloc_requestor* r = exalloc_requestor_create("small", 1000, EXALLOC_UNLIMITED);
  const acting self(r);
  std::vector<void*> blocks;
  void* p;
  while ((p = ExAllocatePoolWithQuotaTag(or_null(PagedPool), 100, tag)) != nullptr)
    blocks.push_back(p);
  EXPECT_GE(blocks.size(), 6U);
  EXPECT_LE(blocks.size(), 8U);
  EXPECT_LE(usage(r).paged.used, 1000U);
  EXPECT_EQ(usage(r).paged.refused, 1U);
  EXPECT_NE(std::strstr(exalloc_last_error(), "quota"), nullptr);
  EXPECT_EQ(raise_trap::of([] { ExAllocatePoolWithQuotaTag(PagedPool, 100, tag); }),
            STATUS_QUOTA_EXCEEDED);
  EXPECT_EQ(raise_trap::of([] { ExAllocatePoolWithQuota(PagedPool, 100); }), STATUS_QUOTA_EXCEEDED);
  EXPECT_EQ(usage(r).paged.refused, 3U);
  EXPECT_EQ(usage(r).paged.blocks, blocks.size());
  // The other kind has its own limit, and other requestors theirs.
  p = ExAllocatePoolWithQuotaTag(or_null(NonPagedPool), 100, tag);
  EXPECT_NE(p, nullptr);
  ExFreePool(p);
  {
    const acting other(nullptr);
    p = ExAllocatePoolWithQuotaTag(or_null(PagedPool), 100, tag);
    EXPECT_NE(p, nullptr);
    ExFreePool(p);
  }
  // What is freed can be allocated again.
  ExFreePool(blocks.back());
  blocks.back() = ExAllocatePoolWithQuotaTag(or_null(PagedPool), 100, tag);
  EXPECT_NE(blocks.back(), nullptr);
  for (void* b : blocks) ExFreePoolWithTag(b, tag);
  EXPECT_EQ(usage(r).paged.used, 0U);
  exalloc_requestor_enter(nullptr);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

TEST(quota, a_shortage_raises_another_status) {
  const raise_trap trap;
  EXPECT_EQ(raise_trap::of([] { ExAllocatePoolWithQuotaTag(PagedPool, SIZE_MAX / 2, tag); }),
            STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(ExAllocatePoolWithQuotaTag(or_null(PagedPool), SIZE_MAX / 2, tag), nullptr);
}

TEST(quota, the_system_is_never_charged) {
  exalloc_requestor* system = exalloc_requestor_system();
  ASSERT_NE(system, nullptr);
  const acting self(system);
  std::vector<void*> blocks(100);
  for (void*& p : blocks) p = ExAllocatePoolWithQuotaTag(NonPagedPool, 500, tag);
  EXPECT_EQ(usage(system).nonpaged.used, 0U);
  EXPECT_STREQ(usage(system).name, "system");
  for (void* p : blocks) ExFreePool(p);
}

TEST(quota, another_thread_may_free_and_nothing_inherits_it) {
  exalloc_requestor* r = exalloc_requestor_create("mine", EXALLOC_UNLIMITED, EXALLOC_UNLIMITED);
  const acting self(r);
  const exalloc_requestor_usage before = usage(nullptr);
  std::vector<void*> blocks(1000);
  for (void*& p : blocks) p = ExAllocatePoolWithQuotaTag(PagedPool, 60, tag);
  EXPECT_EQ(usage(r).paged.blocks, 1000U);
  std::thread([&] {
    for (void* p : blocks) ExFreePool(p);
    // A new thread acts for the default one.
    void* p = ExAllocatePoolWithQuotaTag(PagedPool, 60, tag);
    EXPECT_EQ(usage(nullptr).paged.blocks, before.paged.blocks + 1);
    ExFreePool(p);
  }).join();
  EXPECT_EQ(usage(r).paged.used, 0U);
  EXPECT_EQ(usage(nullptr).paged.used, before.paged.used);
  exalloc_requestor_enter(nullptr);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

TEST(quota, a_destroyed_requestor_keeps_its_record_until_the_last_free) {
  const error_log errors;
  exalloc_requestor* r = exalloc_requestor_create("gone", EXALLOC_UNLIMITED, EXALLOC_UNLIMITED);
  void* p;
  {
    const acting self(r);
    p = ExAllocatePoolWithQuotaTag(PagedPool, 60, tag);
  }
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
  EXPECT_EQ(exalloc_requestor_destroy(r), -1);
  exalloc_requestor_usage u;
  EXPECT_EQ(exalloc_requestor_query(r, &u), -1);
  EXPECT_EQ(exalloc_requestor_enter(r), nullptr);
  EXPECT_EQ(errors.errors() + errors.count("ok"), 1U);
  // Its record is not given to another one meanwhile.
  exalloc_requestor* other = exalloc_requestor_create("new", EXALLOC_UNLIMITED, EXALLOC_UNLIMITED);
  EXPECT_NE(other, r);
  ExFreePoolWithTag(p, tag);
  EXPECT_EQ(usage(other).paged.used, 0U);
  // Then it is.
  exalloc_requestor* third = exalloc_requestor_create("third", 1, 2);
  EXPECT_EQ(third, r);
  EXPECT_EQ(usage(third).paged.limit, 1U);
  EXPECT_EQ(usage(third).nonpaged.limit, 2U);
  EXPECT_EQ(usage(third).paged.used + usage(third).paged.peak + usage(third).paged.refused, 0U);
  EXPECT_EQ(exalloc_requestor_destroy(other), 0);
  EXPECT_EQ(exalloc_requestor_destroy(third), 0);
}

TEST(quota, a_thread_that_ends_leaves_its_requestor) {
  exalloc_requestor* r = exalloc_requestor_create("thread", 1, 1);
  std::thread([&] { exalloc_requestor_enter(r); }).join();
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
  exalloc_requestor* next = exalloc_requestor_create("next", 1, 1);
  EXPECT_EQ(next, r);
  EXPECT_EQ(exalloc_requestor_destroy(next), 0);
}

TEST(quota, what_is_no_requestor_is_refused) {
  int local = 0;
  auto* wrong = reinterpret_cast<exalloc_requestor*>(&local);
  EXPECT_EQ(exalloc_requestor_destroy(wrong), -1);
  EXPECT_EQ(exalloc_requestor_destroy(nullptr), -1);
  EXPECT_EQ(exalloc_requestor_destroy(exalloc_requestor_system()), -1);
  exalloc_requestor_usage u;
  EXPECT_EQ(exalloc_requestor_query(wrong, &u), -1);
  EXPECT_EQ(exalloc_requestor_query(nullptr, &u), 0);
  EXPECT_STREQ(u.name, "default");
}

// Never more than the limit, whatever threads do at once, and nothing is left over.
TEST(quota, threads_share_a_limit_exactly) {
  constexpr std::uint64_t limit = 20'000;
  exalloc_requestor* r = exalloc_requestor_create("shared", limit, limit);
  std::atomic<bool> above{false};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed)
    threads.emplace_back([&, seed] {
      const acting self(r);
      std::mt19937 random(seed);
      std::vector<void*> own;
      for (int i = 0; i < 5000; ++i) {
        if (random() % 2 == 0 || own.empty()) {
          void* p = ExAllocatePoolWithQuotaTag(
              or_null(random() % 2 == 0 ? PagedPool : NonPagedPool), random() % 1000, tag);
          if (p != nullptr) own.push_back(p);
        } else {
          std::swap(own[random() % own.size()], own.back());
          ExFreePoolWithTag(own.back(), tag);
          own.pop_back();
        }
        const exalloc_requestor_usage u = usage(r);
        if (u.paged.used > limit || u.nonpaged.used > limit) above = true;
      }
      for (void* p : own) ExFreePool(p);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_FALSE(above);
  const exalloc_requestor_usage u = usage(r);
  EXPECT_EQ(u.paged.used + u.nonpaged.used + u.paged.blocks + u.nonpaged.blocks, 0U);
  EXPECT_LE(std::max(u.paged.peak, u.nonpaged.peak), limit);
  EXPECT_GT(u.paged.refused + u.nonpaged.refused, 0U);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

}  // namespace
