// What the pool notices of wrong use: every bug check of the contract, with its parameters.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <cstring>
#include <thread>
#include <vector>

#include "bug_trap.hpp"
#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/pool.h"
#include "pool_usage.hpp"

namespace {

constexpr std::size_t page = 4096;
constexpr ULONG tag = pool_tag("Chck");
ULONG_PTR number(const void* p) { return reinterpret_cast<ULONG_PTR>(p); }
unsigned char* bytes_of(void* p) { return static_cast<unsigned char*>(p); }

// One block of every way that blocks are kept: classes of both kinds, cache-aligned ones, big ones.
struct shape {
  POOL_TYPE type;
  std::size_t bytes;
};
const std::vector<shape> shapes = {
    {NonPagedPool, 1},
    {PagedPool, 1},
    {NonPagedPool, 97},
    {PagedPool, 97},
    {NonPagedPoolNx, 1025},
    {PagedPool, 2033},
    {NonPagedPool, 4001},
    {NonPagedPoolCacheAligned, 97},
    {PagedPoolCacheAligned, 97},
    {NonPagedPoolNxCacheAligned, 2000},
    {NonPagedPool, 4065},
    {PagedPool, 4097},
    {NonPagedPool, 3 * page - 1},
    {PagedPool, 5 * page - 100},
};

TEST(pool_checks, a_tag_that_is_none_is_refused) {
  const bug_trap trap;
  const auto allocate = [](ULONG t) { ExAllocatePoolWithTag(PagedPool, 100, t); };
  bug b = bug_trap::of([&] { allocate(0); });
  EXPECT_EQ(b.code, 0xC2U);
  EXPECT_EQ(b.parameters[0], 0x9BU);
  EXPECT_EQ(b.parameters[1], ULONG_PTR{PagedPool});
  EXPECT_EQ(b.parameters[2], 100U);
  EXPECT_NE(b.parameters[3], 0U);
  b = bug_trap::of([&] { allocate(PROTECTED_POOL); });
  EXPECT_EQ(b.parameters[0], 0x9BU);
  b = bug_trap::of([&] { allocate(pool_tag("BIG ")); });
  EXPECT_EQ(b.code, 0xC2U);
  EXPECT_EQ(b.parameters[0], 0x9CU);
  EXPECT_EQ(b.parameters[2], 100U);
  for (const ULONG none : {pool_tag("...."), pool_tag("    "), pool_tag("@[`{"), ULONG{1}}) {
    b = bug_trap::of([&] { allocate(none); });
    EXPECT_EQ(b.code, 0xC2U);
    EXPECT_EQ(b.parameters[0], 0x9DU);
    EXPECT_EQ(b.parameters[1], none);
    EXPECT_EQ(b.parameters[2], ULONG_PTR{PagedPool});
    EXPECT_NE(b.parameters[3], 0U);
  }
  for (const ULONG good : {pool_tag("a"), pool_tag("..Z."), pool_tag("   0"), pool_tag("9")}) {
    void* p = ExAllocatePoolWithTag(PagedPool, 100, good);
    ASSERT_NE(p, nullptr);
    ExFreePoolWithTag(p, good);
  }
}

TEST(pool_checks, a_quota_allocation_has_its_tag_checked_too) {
  const bug_trap trap;
  const bug b = bug_trap::of([] { ExAllocatePoolWithQuotaTag(PagedPool, 100, 0); });
  EXPECT_EQ(b.parameters[0], 0x9BU);
}

TEST(pool_checks, must_succeed_that_fails) {
  const bug_trap trap;
  constexpr std::size_t too_much = SIZE_MAX / 2;
  for (const POOL_TYPE type : {NonPagedPoolMustSucceed, NonPagedPoolCacheAlignedMustS}) {
    const bug b = bug_trap::of([&] { ExAllocatePoolWithTag(type, too_much, tag); });
    EXPECT_EQ(b.code, 0x41U);
    EXPECT_EQ(b.parameters[0], too_much);
    EXPECT_EQ(b.tag, tag);
  }
  void* p = ExAllocatePoolWithTag(NonPagedPoolMustSucceed, 100, tag);
  ASSERT_NE(p, nullptr);
  ExFreePool(p);
}

TEST(pool_checks, exhaustion_is_null_or_raises) {
  const raise_trap trap;
  EXPECT_EQ(ExAllocatePoolWithTag(PagedPool, SIZE_MAX / 2, tag), nullptr);
  for (const POOL_TYPE type : {NonPagedPool, PagedPool, NonPagedPoolNx})
    EXPECT_EQ(raise_trap::of([&] {
                ExAllocatePoolWithTag(
                    static_cast<POOL_TYPE>(type | POOL_RAISE_IF_ALLOCATION_FAILURE), SIZE_MAX / 2,
                    tag);
              }),
              STATUS_INSUFFICIENT_RESOURCES);
}

TEST(pool_checks, freeing_what_is_not_pool) {
  const bug_trap trap;
  int local = 0;
  auto* heap = new char[64];
  for (void* p : {static_cast<void*>(nullptr), static_cast<void*>(&local), static_cast<void*>(heap),
                  reinterpret_cast<void*>(8), reinterpret_cast<void*>(~std::uintptr_t{15})}) {
    const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, tag); });
    EXPECT_EQ(b.code, 0xC2U);
    EXPECT_EQ(b.parameters[0], 0x46U) << p;
    EXPECT_EQ(b.parameters[1], number(p));
  }
  delete[] heap;
}

TEST(pool_checks, freeing_inside_a_block) {
  const bug_trap trap;
  for (const shape& s : shapes) {
    unsigned char* p = bytes_of(ExAllocatePoolWithTag(s.type, s.bytes, tag));
    ASSERT_NE(p, nullptr);
    for (const std::size_t offset :
         {std::size_t{1}, std::size_t{8}, std::size_t{16}, s.bytes / 2, s.bytes - 1}) {
      if (offset == 0 || offset >= s.bytes) continue;
      const bug b = bug_trap::of([&] { ExFreePoolWithTag(p + offset, tag); });
      EXPECT_EQ(b.code, 0xC2U) << s.bytes << " + " << offset;
      EXPECT_EQ(b.parameters[0], 0x41U) << s.bytes << " + " << offset;
      EXPECT_EQ(b.parameters[1], number(p + offset));
    }
    ExFreePoolWithTag(p, tag);
  }
}

TEST(pool_checks, freeing_a_block_of_a_zone) {
  const bug_trap trap;
  alignas(16) static unsigned char own[4096];
  unsigned char* pool = bytes_of(ExAllocatePoolWithTag(NonPagedPool, 4000, tag));
  for (unsigned char* segment : {own, pool}) {
    ZONE_HEADER zone;
    ASSERT_EQ(ExInitializeZone(&zone, 64, segment, 4000), STATUS_SUCCESS);
    void* block = ExAllocateFromZone(&zone);
    ASSERT_NE(block, nullptr);
    const bug b = bug_trap::of([&] { ExFreePool(block); });
    EXPECT_EQ(b.code, 0xC2U);
    EXPECT_EQ(b.parameters[0], 0x41U);
    EXPECT_EQ(b.parameters[1], number(block));
    ExFreeToZone(&zone, block);
    exalloc_zone_delete(&zone);
  }
  ExFreePool(pool);
}

TEST(pool_checks, freeing_twice) {
  const bug_trap trap;
  for (const shape& s : shapes) {
    void* p = ExAllocatePoolWithTag(s.type, s.bytes, tag);
    ASSERT_NE(p, nullptr);
    ExFreePoolWithTag(p, tag);
    const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, tag); });
    EXPECT_EQ(b.code, 0xC2U) << s.bytes;
    EXPECT_EQ(b.parameters[0], 0x07U) << s.bytes;
    EXPECT_EQ(b.parameters[3], number(p)) << s.bytes;
    if (s.bytes <= 4064) {
      EXPECT_EQ(static_cast<ULONG>(b.parameters[2]), tag);
      EXPECT_EQ(b.parameters[2] >> 32 & 0xFFFF, s.bytes);
      EXPECT_EQ(b.tag, tag);
    }
  }
}

// Nothing changes: the block can be freed twice any number of times, and is handed out once.
TEST(pool_checks, a_second_free_changes_nothing) {
  const bug_log log;
  void* p = ExAllocatePoolWithTag(PagedPool, 48, tag);
  const exalloc_tag_usage before = usage_of(tag, PagedPool);
  ExFreePool(p);
  for (int i = 0; i < 5; ++i) ExFreePool(p);
  EXPECT_EQ(log.bugs().size(), 5U);
  EXPECT_EQ(usage_of(tag, PagedPool).frees, before.frees + 1);
  std::vector<void*> blocks(200);
  for (void*& b : blocks) b = ExAllocatePoolWithTag(PagedPool, 48, tag);
  EXPECT_LE(std::count(blocks.begin(), blocks.end(), p), 1);
  for (void* b : blocks) ExFreePool(b);
  EXPECT_EQ(log.bugs().size(), 5U);
}

TEST(pool_checks, every_bit_of_a_header_is_watched) {
  const bug_trap trap;
  for (const shape& s : shapes) {
    // Others have it in a table, out of reach.
    if (s.bytes > 1024 || (s.type & NonPagedPoolCacheAligned) != 0) continue;
    unsigned char* p = bytes_of(ExAllocatePoolWithTag(s.type, s.bytes, tag));
    ASSERT_NE(p, nullptr);
    for (int bit = 0; bit < 128; ++bit) {
      unsigned char& byte = p[bit / 8 - 16];
      byte = static_cast<unsigned char>(byte ^ 1U << bit % 8);
      const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, tag); });
      EXPECT_EQ(b.code, 0x19U) << s.bytes << " bit " << bit;
      EXPECT_EQ(b.parameters[0], 0x20U) << bit;
      EXPECT_EQ(b.parameters[1], number(p));
      byte = static_cast<unsigned char>(byte ^ 1U << bit % 8);
    }
    // As after an overrun of the block before.
    unsigned char saved[16];
    std::memcpy(saved, p - 16, 16);
    for (const int filler : {0, 0xFF, 0x78}) {
      std::memset(p - 16, filler, 16);
      EXPECT_EQ(bug_trap::of([&] { ExFreePool(p); }).parameters[0], 0x20U) << filler;
    }
    // A header of another block is not this one's.
    unsigned char* other = bytes_of(ExAllocatePoolWithTag(s.type, s.bytes, tag));
    std::memcpy(p - 16, other - 16, 16);
    EXPECT_EQ(bug_trap::of([&] { ExFreePool(p); }).parameters[0], 0x20U);
    std::memcpy(p - 16, saved, 16);
    ExFreePoolWithTag(p, tag);
    ExFreePoolWithTag(other, tag);
  }
}

TEST(pool_checks, writing_beyond_the_end) {
  const bug_trap trap;
  for (const shape& s : shapes) {
    unsigned char* p = bytes_of(ExAllocatePoolWithTag(s.type, s.bytes, tag));
    ASSERT_NE(p, nullptr);
    std::memset(p, 0x5A, s.bytes);
    // At least so much is behind it: blocks are multiples of 16 bytes.
    const std::size_t behind = (16 - s.bytes % 16) % 16;
    for (std::size_t i = 0; i < behind; ++i) {
      const unsigned char was = p[s.bytes + i];
      for (const int value : {0, 1, 0x78, 0xFF}) {
        p[s.bytes + i] = static_cast<unsigned char>(value);
        const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, tag); });
        EXPECT_EQ(b.code, 0x19U) << s.bytes << " + " << i;
        EXPECT_EQ(b.parameters[0], 0x21U) << s.bytes << " + " << i;
        EXPECT_EQ(b.parameters[1], number(p));
        EXPECT_EQ(b.parameters[2], s.bytes);
      }
      p[s.bytes + i] = was;
    }
    ExFreePoolWithTag(p, tag);
  }
}

TEST(pool_checks, another_tag) {
  const bug_trap trap;
  constexpr ULONG other = pool_tag("Othr");
  for (const shape& s : shapes) {
    void* p = ExAllocatePoolWithTag(s.type, s.bytes, tag);
    ASSERT_NE(p, nullptr);
    for (const ULONG given : {other, tag | PROTECTED_POOL, pool_tag("Chc")}) {
      const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, given); });
      EXPECT_EQ(b.code, 0xC2U);
      EXPECT_EQ(b.parameters[0], 0x0AU);
      EXPECT_EQ(b.parameters[1], number(p));
      EXPECT_EQ(b.parameters[2], tag);
      EXPECT_EQ(b.parameters[3], given);
      EXPECT_EQ(b.tag, tag);
    }
    ExFreePoolWithTag(p, 0);
  }
  void* p = ExAllocatePool(PagedPool, 10);
  ExFreePoolWithTag(p, pool_tag("None"));
}

TEST(pool_checks, a_protected_block_needs_its_tag) {
  const bug_trap trap;
  constexpr ULONG secret = pool_tag("Prot") | PROTECTED_POOL;
  for (const shape& s : shapes) {
    void* p = ExAllocatePoolWithTag(s.type, s.bytes, secret);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(bug_trap::of([&] { ExFreePool(p); }).parameters[0], 0x0AU);
    EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, pool_tag("Prot")); }).parameters[0], 0x0AU);
    ExFreePoolWithTag(p, secret);
  }
  EXPECT_EQ(usage_of(pool_tag("Prot"), PagedPool).bytes, 0U);
  EXPECT_NE(usage_of(pool_tag("Prot"), PagedPool).allocations, 0U);
}

// What is looked at first is told: inside before twice, twice before damage, damage before overrun,
// overrun before the tag.
TEST(pool_checks, the_order_of_the_checks) {
  const bug_trap trap;
  unsigned char* p = bytes_of(ExAllocatePoolWithTag(PagedPool, 97, tag));
  const unsigned char behind = p[97];
  p[97] = 0;
  EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag + 1); }).parameters[0], 0x21U);
  p[-16] = static_cast<unsigned char>(p[-16] ^ 1);
  EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag + 1); }).parameters[0], 0x20U);
  p[-16] = static_cast<unsigned char>(p[-16] ^ 1);
  p[97] = behind;
  ExFreePoolWithTag(p, tag);
  p[97] = 0;
  EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag + 1); }).parameters[0], 0x07U);
}

TEST(pool_checks, a_handler_that_returns_leaves_the_block_as_it_was) {
  const bug_log log;
  unsigned char* p = bytes_of(ExAllocatePoolWithTag(PagedPool, 97, tag));
  std::memset(p, 0x33, 97);
  EXPECT_EQ(ExAllocatePoolWithTag(PagedPool, 97, 0), nullptr);
  const exalloc_tag_usage before = usage_of(tag, PagedPool);
  ExFreePoolWithTag(p, tag + 1);
  ExFreePool(p + 16);
  const unsigned char behind = p[97];
  p[97] = 0;
  ExFreePool(p);
  p[97] = behind;
  ASSERT_EQ(log.bugs().size(), 4U);
  const exalloc_tag_usage after = usage_of(tag, PagedPool);
  EXPECT_EQ(after.frees, before.frees);
  EXPECT_EQ(after.bytes, before.bytes);
  for (int i = 0; i < 97; ++i) ASSERT_EQ(p[i], 0x33);
  ExFreePoolWithTag(p, tag);
  EXPECT_EQ(log.bugs().size(), 4U);
}

// As a program in C leaves a bug check.
std::jmp_buf way_out;
ULONG_PTR seen_cause;
// Not compiled into a function that calls setjmp: the compiler fears for its variables.
[[gnu::noinline]] void* allocate_100(ULONG with) {
  return ExAllocatePoolWithTag(PagedPool, 100, with);
}
TEST(pool_checks, a_handler_may_jump) {
  exalloc_set_bug_check_handler(
      [](const exalloc_bug_check* c, void*) {
        seen_cause = c->parameters[0];
        std::longjmp(way_out, 1);
      },
      nullptr);
  void* const p = allocate_100(tag);
  if (setjmp(way_out) == 0) {
    ExFreePoolWithTag(p, tag + 1);
    ADD_FAILURE() << "no bug check";
  }
  EXPECT_EQ(seen_cause, 0x0AU);
  if (setjmp(way_out) == 0) {
    allocate_100(0);
    ADD_FAILURE() << "no bug check";
  }
  EXPECT_EQ(seen_cause, 0x9BU);
  exalloc_set_bug_check_handler(nullptr, nullptr);
  ExFreePoolWithTag(p, tag);
}

// Of two threads that free one block at the same moment both may get past the host's checks; then
// the card finds it, when the block comes back a second time.
TEST(pool_checks, two_threads_that_free_one_block_at_once) {
  const bug_log log;
  const error_log errors;
  constexpr int rounds = 2000;
  std::vector<void*> blocks(rounds);
  for (void*& p : blocks) p = ExAllocatePoolWithTag(NonPagedPool, 64, tag);
  std::atomic<int> arrived{0};
  const auto free_all = [&] {
    for (int i = 0; i < rounds; ++i) {
      // Spinning brings the two closer together than sleeping would.
      arrived.fetch_add(1);
      for (int spins = 0; arrived.load() < 2 * (i + 1); ++spins)
        if (spins > 1000) std::this_thread::yield();
      ExFreePool(blocks[static_cast<std::size_t>(i)]);
    }
    exalloc_processor_flush();
  };
  std::thread other(free_all);
  free_all();
  other.join();
  exalloc_processor_flush();
  // What the card found is told by the next call at the latest.
  ExFreePool(ExAllocatePool(NonPagedPool, 64));
  std::vector<void*> told;
  for (const bug& b : log.bugs()) {
    EXPECT_EQ(b.code, 0xC2U) << b.text;
    EXPECT_EQ(b.parameters[0], 0x07U) << b.text;
    EXPECT_NE(b.token, 0U);
    told.push_back(reinterpret_cast<void*>(b.parameters[3]));
  }
  std::sort(told.begin(), told.end());
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(told, blocks);
  EXPECT_EQ(errors.errors(), 0U);
}

}  // namespace
