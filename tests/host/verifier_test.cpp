// Injected failures, guard pages, leak reports, and what the environment says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bug_trap.hpp"
#include "exalloc/pool.h"
#include "pool_usage.hpp"

namespace {

constexpr ULONG tag = pool_tag("Veri");
constexpr std::size_t page = 4096;
unsigned char* bytes_of(void* p) { return static_cast<unsigned char*>(p); }

struct injecting {
  explicit injecting(const exalloc_injection& i) { EXPECT_EQ(exalloc_pool_inject(&i), 0); }
  ~injecting() { EXPECT_EQ(exalloc_pool_inject(nullptr), 0); }
};
struct guarding {
  explicit guarding(ULONG t) { EXPECT_EQ(exalloc_pool_guard(1, t), 0); }
  ~guarding() { EXPECT_EQ(exalloc_pool_guard(0, 0), 0); }
};

bool fails(POOL_TYPE type, ULONG t) {
  void* p = ExAllocatePoolWithTag(type, 100, t);
  if (p != nullptr) ExFreePoolWithTag(p, t);
  return p == nullptr;
}

TEST(injection, every_nth_allocation_fails) {
  const std::uint64_t before = exalloc_pool_injected();
  {
    const injecting now({3, 0, 0});
    for (int i = 1; i <= 30; ++i) EXPECT_EQ(fails(PagedPool, tag), i % 3 == 0) << i;
    EXPECT_EQ(exalloc_pool_injected(), before + 10);
  }
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(fails(PagedPool, tag));
}

TEST(injection, one_tag_only) {
  const injecting now({1, 0, pool_tag("Foo")});
  EXPECT_FALSE(fails(PagedPool, tag));
  EXPECT_TRUE(fails(PagedPool, pool_tag("Foo")));
  EXPECT_TRUE(fails(NonPagedPool, pool_tag("Foo ")));
  EXPECT_FALSE(fails(NonPagedPool, pool_tag("Food")));
}

TEST(injection, fails_as_a_shortage_does) {
  const raise_trap raises;
  const bug_log bugs;
  const injecting now({1, 0, 0});
  EXPECT_EQ(raise_trap::of([] {
              ExAllocatePoolWithTag(
                  static_cast<POOL_TYPE>(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE), 10, tag);
            }),
            STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(raise_trap::of([] { ExAllocatePoolWithQuotaTag(PagedPool, 10, tag); }),
            STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(ExAllocatePoolZero(PagedPool, 10, tag), nullptr);
  EXPECT_THAT(exalloc_last_error(), testing::HasSubstr("made to fail"));
  EXPECT_EQ(ExAllocatePoolWithTagPriority(PagedPool, 10, tag, HighPoolPriority), nullptr);
  // Whoever asks for this cannot bear a failure.
  EXPECT_FALSE(fails(NonPagedPoolMustSucceed, tag));
  EXPECT_TRUE(bugs.bugs().empty());
}

TEST(injection, once_for_each_call_site) {
  const injecting now({0, 1, 0});
  int failures = 0;
  for (int i = 0; i < 20; ++i) {
    void* one = ExAllocatePoolWithTag(PagedPool, 20, tag);
    EXPECT_EQ(one == nullptr, i == 0);
    void* two = ExAllocatePool(PagedPool, 20);
    EXPECT_EQ(two == nullptr, i == 0);
    failures += (one == nullptr) + (two == nullptr);
    if (one != nullptr) ExFreePool(one);
    if (two != nullptr) ExFreePool(two);
  }
  EXPECT_EQ(failures, 2);
}

// A block for every size, its end at the inaccessible page.
TEST(guard, blocks_end_at_a_page_and_are_checked_like_others) {
  const bug_trap trap;
  const guarding now(tag);
  for (const std::size_t bytes : {1, 15, 16, 17, 100, 1000, 4000, 4064, 4065, 4096, 5000, 20'000}) {
    for (const POOL_TYPE type : {NonPagedPool, PagedPoolCacheAligned}) {
      unsigned char* p = bytes_of(ExAllocatePoolWithTag(type, bytes, tag));
      ASSERT_NE(p, nullptr);
      const auto address = reinterpret_cast<std::uintptr_t>(p);
      const std::size_t alignment = bytes > 4064 ? page : type == NonPagedPool ? 16 : 64;
      EXPECT_EQ(address % alignment, 0U);
      const std::size_t room = (bytes + alignment - 1) / alignment * alignment;
      EXPECT_EQ((address + room) % page, 0U) << bytes;
      std::memset(p, 0x77, bytes);
      EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag + 1); }).parameters[0], 0x0AU);
      EXPECT_EQ(bug_trap::of([&] { ExFreePool(p + 1); }).parameters[0], 0x41U);
      if (room > bytes) {
        const unsigned char behind = p[bytes];
        p[bytes] = 0;
        EXPECT_EQ(bug_trap::of([&] { ExFreePool(p); }).parameters[0], 0x21U);
        p[bytes] = behind;
      }
      ExFreePoolWithTag(p, tag);
      EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag); }).parameters[0], 0x07U);
    }
  }
  const exalloc_tag_usage u = usage_of(tag, NonPagedPool);
  EXPECT_EQ(u.allocations, u.frees);
  EXPECT_EQ(u.bytes, 0U);
}

using guard_death = ::testing::Test;
TEST(guard_death, a_write_beyond_the_end_and_a_use_after_the_free_fault) {
  const guarding now(tag);
  for (const std::size_t bytes : {16, 4064, 8192}) {
    volatile unsigned char* p = bytes_of(ExAllocatePoolWithTag(PagedPool, bytes, tag));
    const std::size_t end = bytes == 4064 ? 4064 : bytes;
    p[end - 1] = 1;
    EXPECT_DEATH(p[end] = 1, "");
    ExFreePoolWithTag(const_cast<unsigned char*>(p), tag);
    EXPECT_DEATH(p[0] = 1, "");
    EXPECT_DEATH(static_cast<void>(p[end - 1]), "");
  }
}

TEST(guard, other_tags_are_as_usual_and_old_blocks_can_be_freed_later) {
  std::vector<void*> blocks;
  {
    const guarding now(tag);
    for (int i = 0; i < 100; ++i) blocks.push_back(ExAllocatePoolWithTag(PagedPool, 48, tag));
    for (int i = 0; i < 100; ++i)
      blocks.push_back(ExAllocatePoolWithTag(PagedPool, 48, pool_tag("Usua")));
  }
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks[i]) % page, page - 48);
  }
  // The others share pages.
  const auto first = reinterpret_cast<std::uintptr_t>(blocks[100]) / page;
  EXPECT_TRUE(std::any_of(blocks.begin() + 101, blocks.end(), [&](void* p) {
    return reinterpret_cast<std::uintptr_t>(p) / page == first;
  }));
  const bug_trap trap;
  for (void* p : blocks) ExFreePool(p);
}

// Addresses come back when enough other blocks were freed meanwhile.
TEST(guard, more_blocks_than_are_kept) {
  const guarding now(tag);
  for (int i = 0; i < 20'000; ++i) {
    void* p = ExAllocatePoolWithTag(PagedPool, 100, tag);
    ASSERT_NE(p, nullptr);
    std::memset(p, i, 100);
    ExFreePoolWithTag(p, tag);
  }
}

TEST(guard, quota_is_charged_for_them_too) {
  exalloc_requestor* r = exalloc_requestor_create("guard", 1000, 1000);
  exalloc_requestor_enter(r);
  const guarding now(0);
  void* p = ExAllocatePoolWithQuotaTag(PagedPool, 800, tag);
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(ExAllocatePoolWithQuotaTag(
                static_cast<POOL_TYPE>(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), 800, tag),
            nullptr);
  ExFreePool(p);
  exalloc_requestor_usage u;
  EXPECT_EQ(exalloc_requestor_query(r, &u), 0);
  EXPECT_EQ(u.paged.used, 0U);
  exalloc_requestor_enter(nullptr);
  EXPECT_EQ(exalloc_requestor_destroy(r), 0);
}

TEST(leaks, are_reported_by_tag) {
  constexpr ULONG leaky = pool_tag("Leak");
  const std::uint64_t before = exalloc_pool_report_leaks();
  std::vector<void*> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(ExAllocatePoolWithTag(PagedPool, 100, leaky));
  blocks.push_back(ExAllocatePoolWithTag(NonPagedPool, 10 * page, leaky));
  testing::internal::CaptureStderr();
  EXPECT_EQ(exalloc_pool_report_leaks(), before + 4);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::ContainsRegex("Leak Paged +3 "));
  EXPECT_THAT(text, testing::ContainsRegex("Leak Nonp +1 +40960"));
  for (void* p : blocks) ExFreePool(p);
  EXPECT_EQ(exalloc_pool_report_leaks(), before);
}

// ---- What the environment says: in a process of its own, as it is read once ----

// Runs one of the tests below, and returns what it printed.
std::string run(const std::string& environment, const std::string& test) {
  const std::string command = environment + " /proc/" + std::to_string(getpid()) +
                              "/exe --gtest_also_run_disabled_tests --gtest_filter=" + test +
                              " 2>&1";
  std::FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) return "popen failed";
  std::string text;
  char piece[4096];
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, output)) != 0;) text.append(piece, n);
  const int status = pclose(output);
  if (status != 0) text += "\nfailed with status " + std::to_string(status);
  return text;
}

TEST(DISABLED_in_a_process, leak) {
  ExAllocatePoolWithTag(PagedPool, 100, pool_tag("Left"));
  ExFreePool(ExAllocatePoolWithTag(PagedPool, 100, pool_tag("Fine")));
}
TEST(DISABLED_in_a_process, inject) {
  for (int i = 1; i <= 8; ++i) EXPECT_EQ(fails(PagedPool, pool_tag("Foo")), i % 4 == 0);
  EXPECT_FALSE(fails(PagedPool, tag));
}
TEST(DISABLED_in_a_process, inject_once) {
  for (int i = 1; i <= 8; ++i) EXPECT_EQ(fails(PagedPool, tag), i == 1);
}
TEST(DISABLED_in_a_process, guard) {
  for (const ULONG t : {tag, pool_tag("Foo ")}) {
    void* p = ExAllocatePoolWithTag(PagedPool, 16, t);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % page == page - 16,
              t != tag || std::getenv("EXALLOC_GUARD") == std::string("all"));
    ExFreePool(p);
  }
}
TEST(DISABLED_in_a_process, limits) {
  exalloc_pool_usage u;
  EXPECT_EQ(exalloc_pool_query(PagedPool, &u), 0);
  EXPECT_EQ(u.limit, std::uint64_t{3} << 20);
  EXPECT_EQ(ExAllocatePoolWithTag(PagedPool, 4 << 20, tag), nullptr);
  EXPECT_EQ(exalloc_pool_query(NonPagedPool, &u), 0);
  EXPECT_EQ(u.limit, std::uint64_t{65536});
  exalloc_requestor_usage r;
  EXPECT_EQ(exalloc_requestor_query(nullptr, &r), 0);
  EXPECT_EQ(r.paged.limit, 2048U);
  EXPECT_EQ(r.nonpaged.limit, 1000U);
}
TEST(DISABLED_in_a_process, nothing) {
  void* p = ExAllocatePoolWithTag(PagedPool, 16, tag);
  EXPECT_NE(p, nullptr);
  ExFreePool(p);
  p = ExAllocatePoolWithQuotaTag(PagedPool, 16, tag);
  ExFreePool(p);
}

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST(pool_environment, leaks_at_the_end) {
  const std::string text = run("EXALLOC_LEAKS=1", "*in_a_process.leak");
  EXPECT_THAT(text, HasSubstr("1 pool blocks of 128 bytes were not freed"));
  EXPECT_THAT(text, ContainsRegex("Left Paged +1 +128"));
  EXPECT_THAT(text, Not(HasSubstr("Fine")));
  EXPECT_THAT(run("EXALLOC_LEAKS=0", "*in_a_process.leak"), Not(HasSubstr("Left")));
}

TEST(pool_environment, injection_guard_and_limits) {
  EXPECT_THAT(run("EXALLOC_INJECT=every=4,tag=Foo", "*in_a_process.inject"), HasSubstr("PASSED"));
  EXPECT_THAT(run("EXALLOC_INJECT=once", "*in_a_process.inject_once"), HasSubstr("1 test."));
  EXPECT_THAT(run("EXALLOC_GUARD=all", "*in_a_process.guard"), HasSubstr("[  PASSED  ] 1 test."));
  EXPECT_THAT(run("EXALLOC_GUARD=tag=Foo", "*in_a_process.guard"),
              HasSubstr("[  PASSED  ] 1 test."));
  EXPECT_THAT(run("EXALLOC_PAGED_LIMIT=3M EXALLOC_NONPAGED_LIMIT=64K EXALLOC_QUOTA_PAGED=2k "
                  "EXALLOC_QUOTA_NONPAGED=1000",
                  "*in_a_process.limits"),
              HasSubstr("[  PASSED  ] 1 test."));
}

TEST(pool_environment, what_is_not_understood_is_reported_once) {
  for (const char* wrong :
       {"EXALLOC_LEAKS=maybe", "EXALLOC_INJECT=every=0", "EXALLOC_INJECT=every=9x",
        "EXALLOC_INJECT=often", "EXALLOC_INJECT=once,tag=", "EXALLOC_INJECT=once,tag=Longer",
        "EXALLOC_GUARD=1", "EXALLOC_GUARD=tag=", "EXALLOC_PAGED_LIMIT=much",
        "EXALLOC_NONPAGED_LIMIT=-1", "EXALLOC_PAGED_LIMIT=99999999999T", "EXALLOC_QUOTA_PAGED=1KB",
        "EXALLOC_QUOTA_NONPAGED=K"}) {
    const std::string text = run(wrong, "*in_a_process.nothing");
    EXPECT_THAT(text, HasSubstr("[  PASSED  ] 1 test.")) << wrong;
    const std::string setting(wrong);
    const std::string message = setting.substr(0, setting.find('=')) + "=\"" +
                                setting.substr(setting.find('=') + 1) + "\" is not understood";
    const std::size_t first = text.find(message);
    EXPECT_NE(first, std::string::npos) << wrong << "\n" << text;
    EXPECT_EQ(text.find("is not understood", first + message.size()), std::string::npos) << text;
  }
}

}  // namespace
