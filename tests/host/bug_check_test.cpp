// Bug checks as a program's handler meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csetjmp>
#include <string>
#include <thread>
#include <vector>

#include "bug_trap.hpp"
#include "exalloc/bugcheck.h"
#include "exalloc/exalloc.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr ULONG tag = 'B' | 'u' << 8 | 'g' << 16 | 's' << 24;

// Freed twice, by any other thread or way of leaving.
void free_twice() {
  void* block = ExAllocatePoolWithTag(NonPagedPool, 40, tag);
  ASSERT_NE(block, nullptr);
  ExFreePoolWithTag(block, tag);
  ExFreePoolWithTag(block, tag);
}

class bug_check : public testing::Test {
 protected:
  ~bug_check() override { exalloc_set_bug_check_handler(nullptr, nullptr); }
};

TEST_F(bug_check, handler_is_told_everything) {
  struct seen {
    int calls = 0;
    exalloc_bug_check check{};
    std::string what, report;
  } told;
  exalloc_set_bug_check_handler(
      [](const exalloc_bug_check* c, void* context) {
        auto& t = *static_cast<seen*>(context);
        ++t.calls;
        t.check = *c;
        t.what = c->what;
        t.report = c->report;
      },
      &told);
  void* block = ExAllocatePoolWithTag(NonPagedPool, 40, tag);
  void* other = ExAllocatePoolWithTag(PagedPool, 5000, tag);
  testing::internal::CaptureStderr();
  ExFreePoolWithTag(block, tag + 1);
  const std::string printed = testing::internal::GetCapturedStderr();

  ASSERT_EQ(told.calls, 1);
  EXPECT_EQ(told.check.code, ULONG{BAD_POOL_CALLER});
  EXPECT_EQ(told.check.parameters[0], ULONG_PTR{POOL_CALLER_WRONG_TAG});
  EXPECT_EQ(told.check.parameters[1], reinterpret_cast<ULONG_PTR>(block));
  EXPECT_EQ(told.check.block, block);
  EXPECT_EQ(told.check.tag, tag);
  EXPECT_GE(told.check.processor, -1);
  EXPECT_NE(told.what, "");
  EXPECT_EQ(printed, told.report);
  EXPECT_THAT(told.report, AllOf(HasSubstr("bug check 0x000000C2 BAD_POOL_CALLER (0xa, 0x"),
                                 HasSubstr(told.what), HasSubstr("tag      \"Bugs\""),
                                 HasSubstr("process"), HasSubstr("thread")));
  EXPECT_THAT(told.report, AllOf(HasSubstr("header   42 75 67 73 28 00"),
                                 HasSubstr("40 bytes asked for"), HasSubstr("(right)")));
  EXPECT_THAT(told.report, testing::ContainsRegex("Bugs Nonp  "));
  EXPECT_THAT(told.report, testing::ContainsRegex("Bugs Paged  "));
  // Nothing was changed.
  ExFreePoolWithTag(block, tag);
  ExFreePoolWithTag(other, tag);
  EXPECT_EQ(told.calls, 1);
}

TEST_F(bug_check, handler_that_returns_makes_an_allocation_fail) {
  const bug_log log;
  EXPECT_EQ(ExAllocatePoolWithTag(NonPagedPool, 40, 0), nullptr);
  ASSERT_EQ(log.bugs().size(), 1U);
  EXPECT_EQ(log.bugs()[0].parameters[0], ULONG_PTR{POOL_CALLER_TAG_ZERO});
}

TEST_F(bug_check, own_ones_have_their_parameters) {
  const bug_trap trap;
  const bug b = bug_trap::of([] { KeBugCheckEx(0x1234, 1, 2, 3, 4); });
  EXPECT_EQ(b.code, 0x1234U);
  EXPECT_EQ(b.parameters, (std::array<ULONG_PTR, 4>{1, 2, 3, 4}));
  EXPECT_EQ(b.block, nullptr);
  EXPECT_EQ(bug_trap::of([] { KeBugCheck(7); }).code, 7U);
}

TEST_F(bug_check, throwing_leaves_nothing_behind) {
  const bug_trap trap;
  for (int i = 0; i < 200; ++i) {
    const bug b = bug_trap::of(free_twice);
    ASSERT_EQ(b.code, ULONG{BAD_POOL_CALLER});
    ASSERT_EQ(b.parameters[0], ULONG_PTR{POOL_CALLER_FREED_TWICE});
  }
}

std::jmp_buf back;

// Whether the handler came back here.
bool frees_with_the_wrong_tag(void* block) {
  if (setjmp(back) != 0) return true;
  ExFreePoolWithTag(block, tag + 1);
  return false;
}

TEST_F(bug_check, longjmp_leaves_nothing_behind) {
  exalloc_set_bug_check_handler([](const exalloc_bug_check*, void*) { std::longjmp(back, 1); },
                                nullptr);
  void* const block = ExAllocatePoolWithTag(NonPagedPool, 40, tag);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(frees_with_the_wrong_tag(block));
  // Other threads and handlers are not kept out by what was left.
  const bug_trap trap;
  std::thread([&] {
    EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(block, tag + 1); }).code,
              ULONG{BAD_POOL_CALLER});
  }).join();
  ExFreePoolWithTag(block, tag);
}

TEST_F(bug_check, threads_have_reports_of_their_own) {
  static std::atomic<int> wrong{0}, right{0};
  wrong = right = 0;
  exalloc_set_bug_check_handler(
      [](const exalloc_bug_check* c, void*) {
        char number[32];
        std::snprintf(number, sizeof number, "(0xb, 0x%lx, ",
                      static_cast<unsigned long>(c->parameters[1]));
        (std::string(c->report).find(number) != std::string::npos ? right : wrong)++;
        throw bug(*c);
      },
      nullptr);
  testing::internal::CaptureStderr();
  std::vector<std::thread> threads;
  for (ULONG_PTR t = 1; t <= 8; ++t) {
    threads.emplace_back([t] {
      for (ULONG_PTR i = 0; i < 50; ++i)
        (void)bug_trap::of([&] { KeBugCheckEx(0x99, 0xB, t << 16 | i, 0, 0); });
    });
  }
  for (auto& t : threads) t.join();
  (void)testing::internal::GetCapturedStderr();
  EXPECT_EQ(right, 8 * 50);
  EXPECT_EQ(wrong, 0);
}

TEST_F(bug_check, handler_within_a_handler) {
  static int depth = 0;
  depth = 0;
  exalloc_set_bug_check_handler(
      [](const exalloc_bug_check*, void*) {
        if (++depth < 20) ExFreePoolWithTag(nullptr, tag);
      },
      nullptr);
  ExFreePoolWithTag(nullptr, tag);
  EXPECT_EQ(depth, 20);
}

}  // namespace
