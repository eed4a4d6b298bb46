// The pool's tag table, settings and findings, which cannot be provoked from outside.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <set>
#include <vector>

#include "../bug_trap.hpp"
#include "../error_log.hpp"
#include "core.hpp"
#include "exalloc/pool.h"
#include "pool/header_words.hpp"
#include "pool/pool_memory.hpp"
#include "pool/settings.hpp"
#include "pool/tag_counters.hpp"
#include "pool/tag_table.hpp"
#include "pool/trailing.hpp"

namespace exalloc {
namespace {

constexpr ULONG tag = 'I' | 'n' << 8 | 's' << 16 | 'd' << 24;

// A block that two threads freed at the same moment, both getting past the host's checks: as if the
// second one had looked before the first one was done.
struct freed_twice {
  explicit freed_twice(POOL_TYPE type) {
    block = ExAllocatePoolWithTag(type, 64, tag);
    const pool_finding f = pool_memory::get().find(block);
    token = f.token;
    const header_words header = header_words::load(f.block.header);
    ExFreePoolWithTag(block, tag);
    header.store(f.block.header);
    core::get().tokens.states()[token].store(block_state::allocated, std::memory_order_relaxed);
    ExFreePoolWithTag(block, tag);
  }
  void* block;
  std::uint32_t token;
};

TEST(pool_findings, the_card_s_finding_is_a_bug_check) {
  const bug_trap trap;
  const error_log errors;
  for (const POOL_TYPE type : {NonPagedPool, PagedPool}) {
    exalloc_processor_flush();
    const freed_twice f(type);
    const bug b = bug_trap::of([] { exalloc_processor_flush(); });
    EXPECT_EQ(b.code, 0xC2U);
    EXPECT_EQ(b.parameters[0], 0x07U);
    EXPECT_EQ(b.parameters[3], reinterpret_cast<ULONG_PTR>(f.block));
    EXPECT_EQ(b.token, f.token);
    EXPECT_EQ(b.tag, tag);
    EXPECT_EQ(bug_trap::of([] { exalloc_processor_flush(); }).code, 0U);
  }
  EXPECT_EQ(errors.errors(), 0U);
}

// The handler throws, and an allocation that is told of somebody else's double free loses nothing.
TEST(pool_findings, what_an_allocation_meets_is_told_by_the_next_call) {
  const bug_trap trap;
  const error_log errors;
  exalloc_processor_flush();
  const freed_twice f(PagedPool);
  std::vector<void*> blocks;
  std::set<void*> distinct;
  int told = 0;
  for (int i = 0; i < 400; ++i) {
    const bug b = bug_trap::of([&] {
      void* p = ExAllocatePoolWithTag(PagedPool, 64, tag);
      blocks.push_back(p);
      distinct.insert(p);
    });
    if (b.code != 0) {
      EXPECT_EQ(b.parameters[0], 0x07U);
      EXPECT_EQ(b.parameters[3], reinterpret_cast<ULONG_PTR>(f.block));
      ++told;
    }
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(distinct.size(), blocks.size());
  for (void* p : blocks) ExFreePool(p);
  EXPECT_EQ(errors.errors(), 0U);
}

TEST(tag_counters, a_slot_for_each_tag_until_there_are_none_left) {
  std::set<std::uint32_t> slots;
  std::vector<std::uint32_t> lost;
  const auto name = [](std::uint32_t i) { return 0x4141'4141U + i * 0x0001'0003U; };
  for (std::uint32_t i = 0; i < 4000; ++i) {
    EXPECT_EQ(tag_counters::find(name(i)), tag_counters::no_slot);
    const std::uint32_t slot = tag_counters::find_or_make(name(i));
    if (slot == tag_counters::overflow_slot) {
      lost.push_back(name(i));
      EXPECT_EQ(tag_counters::find(name(i)), tag_counters::no_slot);
      EXPECT_EQ(tag_counters::slot_of(name(i)), slot);
    } else {
      EXPECT_TRUE(slots.insert(slot).second);
      EXPECT_EQ(tag_counters::find(name(i)), slot);
      EXPECT_EQ(tag_counters::find(name(i) | 0x8000'0000U), slot);
    }
  }
  EXPECT_GE(slots.size(), 1900U);
  EXPECT_LT(slots.size(), status::tag_slots);
  ASSERT_FALSE(lost.empty());
  // They are counted together, and their blocks are checked like others.
  const auto rest = [] {
    for (const tag_usage& u : tag_usages())
      if (u.tag == tag_overflow && u.kind == pool_kind::paged) return u;
    return tag_usage{};
  };
  const tag_usage before = rest();
  void* p = ExAllocatePoolWithTag(PagedPool, 100, lost.front());
  void* q = ExAllocatePoolWithTag(PagedPool, 100, lost.back());
  EXPECT_EQ(rest().allocations, before.allocations + 2);
  {
    const bug_trap trap;
    EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, lost.back()); }).parameters[0], 0x0AU);
    EXPECT_EQ(bug_trap::of([] { ExAllocatePoolWithTag(PagedPool, 1, 0); }).parameters[0], 0x9BU);
    EXPECT_EQ(bug_trap::of([] { ExAllocatePoolWithTag(PagedPool, 1, 0x2E2E'2E2E); }).parameters[0],
              0x9DU);
  }
  ExFreePoolWithTag(p, lost.front());
  ExFreePoolWithTag(q, lost.back());
  EXPECT_EQ(rest().bytes, before.bytes);
  EXPECT_EQ(rest().frees, before.frees + 2);
}

TEST(header_words, are_the_header) {
  alignas(16) std::byte block[16];
  const header_words w = header_words::make(0x6C6F6F50, 1234, 0x85, 77, 1280, block);
  const auto h = std::bit_cast<pool_header>(w);
  EXPECT_EQ(h.tag, 0x6C6F6F50U);
  EXPECT_EQ(h.size, 1234);
  EXPECT_EQ(h.type, 0x85);
  EXPECT_EQ(h.state, pool_state::allocated);
  EXPECT_EQ(h.requestor, 77);
  EXPECT_EQ(h.room, 1280);
  EXPECT_TRUE(h.intact(block));
  EXPECT_FALSE(h.intact(block + 1));
  const auto freed = std::bit_cast<pool_header>(w.freed(block));
  EXPECT_EQ(freed.state, pool_state::free);
  EXPECT_EQ(freed.tag, h.tag);
  EXPECT_EQ(freed.room, h.room);
  EXPECT_TRUE(freed.intact(block));
}

TEST(trailing, every_byte_is_filled_and_watched) {
  for (std::size_t room = 16; room <= 64; room += 16)
    for (std::size_t bytes = 0; bytes <= room; ++bytes) {
      std::vector<std::byte> memory(room + 32, std::byte{0x11});
      fill_trailing(memory.data() + 16, bytes, room);
      const std::size_t watched = std::min<std::size_t>(room - bytes, 16);
      for (std::size_t i = 0; i < memory.size(); ++i) {
        const bool inside = i >= 16 + bytes && i < 16 + bytes + watched;
        EXPECT_EQ(memory[i] != std::byte{0x11}, inside) << room << " " << bytes << " " << i;
        memory[i] ^= std::byte{0x10};
        EXPECT_EQ(trailing_intact(memory.data() + 16, bytes, room), !inside);
        memory[i] ^= std::byte{0x10};
      }
    }
}

TEST(settings, sizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("1k"), 1024U);
  EXPECT_EQ(parse_size("64M"), std::uint64_t{64} << 20);
  EXPECT_EQ(parse_size("2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("3t"), std::uint64_t{3} << 40);
  EXPECT_EQ(parse_size("18446744073709551615"), UINT64_MAX);
  for (const char* wrong : {"", "K", "-1", "+1", " 1", "1 ", "1KB", "0x10", "18446744073709551616",
                            "16777216T", "1.5G"})
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
}

TEST(settings, names_of_tags) {
  EXPECT_EQ(parse_tag("Foo"), 0x006F6F46U);
  EXPECT_EQ(parse_tag(""), std::nullopt);
  EXPECT_EQ(parse_tag("Fiver"), std::nullopt);
  EXPECT_EQ(parse_tag("a\tb"), std::nullopt);
  EXPECT_TRUE(same_name(*parse_tag("Foo"), *parse_tag("Foo ")));
  EXPECT_TRUE(same_name(*parse_tag("Foo"), *parse_tag("Foo ") | 0x8000'0000U));
  EXPECT_FALSE(same_name(*parse_tag("Foo"), *parse_tag("Fo")));
  EXPECT_FALSE(same_name(*parse_tag(" Foo"), *parse_tag("Foo")));
}

}  // namespace
}  // namespace exalloc
