// The pool's tag table, settings and findings, which cannot be provoked from outside.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <set>
#include <vector>

#include "../bug_trap.hpp"
#include "../child_process.hpp"
#include "../error_log.hpp"
#include "core.hpp"
#include "exalloc/pool.h"
#include "pool/attention.hpp"
#include "pool/header_words.hpp"
#include "pool/pool_memory.hpp"
#include "pool/pool_use.hpp"
#include "pool/settings.hpp"
#include "pool/short_way.hpp"
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

// What the short way finds of an address: the token and the pool_use's place; 0 if it may not be
// taken.
std::uint64_t found_shortly(const void* block) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(block) - short_way::first_data();
  if (offset >= short_way::address_limit()) return 0;
  return detail::pool_short_way.pages.load()[offset / page_size];
}

TEST(short_way, leads_where_the_page_map_does) {
  for (const POOL_TYPE type : {NonPagedPool, PagedPool, NonPagedPoolCacheAligned}) {
    for (std::size_t bytes = 0; bytes <= 2 * page_size; bytes += bytes < 1024 ? 8 : 500) {
      void* p = ExAllocatePoolWithTag(type, bytes, tag);
      const pool_finding f = pool_memory::get().find(p);
      if (f.block.header != static_cast<pool_header*>(p) - 1) {
        // Where a page begins, the page before it is looked at: there only the header tells.
        if (reinterpret_cast<std::uintptr_t>(p) % page_size != 0) {
          EXPECT_EQ(found_shortly(p), 0U) << bytes;
        }
      } else {
        const auto index = size_classes::of(bytes, false);
        const std::size_t place =
            (reinterpret_cast<std::uintptr_t>(p) % page_size) / size_classes::sizes[index].stride;
        EXPECT_EQ((found_shortly(p) >> front_token_lsb) + place, f.token) << bytes;
        EXPECT_EQ(static_cast<std::uint16_t>(found_shortly(p)),
                  pool_use_numbers::of(f.kind, index) * sizeof(pool_use));
        EXPECT_EQ(pool_use_numbers::of_request(type, bytes), pool_use_numbers::of(f.kind, index));
      }
      ExFreePool(p);
    }
  }
}

// A free that did not know would put the block into the magazine, and the page would never be
// empty.
TEST(short_way, is_not_for_frees_of_a_class_that_drains) {
  constexpr std::size_t bytes = 80;
  std::vector<void*> blocks(4000);
  for (void*& p : blocks) p = ExAllocatePoolWithTag(PagedPool, bytes, tag);
  if (fast_processor == nullptr) GTEST_SKIP() << "no thread has a short way here";
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (i % 40 != 0) ExFreePoolWithTag(blocks[i], tag);
  pool_memory& m = pool_memory::get();
  m.trim();
  const auto number = pool_use_numbers::of(pool_kind::paged, size_classes::of(bytes, false));
  const pool_use& use = fast_processor->uses[number];
  EXPECT_EQ(use.draining, 1U);
  const std::uint64_t held = m.usage(pool_kind::paged).held;
  for (std::size_t i = 0; i < blocks.size(); i += 40) ExFreePoolWithTag(blocks[i], tag);
  EXPECT_EQ(use.draining, 0U);
  EXPECT_LE(m.usage(pool_kind::paged).held + 50 * page_size, held);
}

// What it takes for granted of a block, the header has to say: the block's own token, too.
TEST(short_way, refuses_a_header_that_names_another_block) {
  const bug_trap trap;
  void* p = ExAllocatePoolWithTag(PagedPool, 64, tag);
  void* q = ExAllocatePoolWithTag(PagedPool, 64, tag);
  auto& header = static_cast<pool_header*>(p)[-1];
  const pool_header right = header;
  header.owner = static_cast<pool_header*>(q)[-1].owner;
  EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag); }).code, 0x19U);
  header = static_cast<pool_header*>(q)[-1];
  EXPECT_EQ(bug_trap::of([&] { ExFreePoolWithTag(p, tag); }).code, 0x19U);
  header = right;
  ExFreePoolWithTag(p, tag);
  ExFreePoolWithTag(q, tag);
}

TEST(short_way, is_closed_while_there_is_any_reason) {
  void* p = ExAllocatePoolWithTag(PagedPool, 64, tag);
  const auto open = [] {
    return short_way::request_limit() != 0 && short_way::address_limit() != 0;
  };
  const auto closed = [] {
    return short_way::request_limit() == 0 && short_way::address_limit() == 0;
  };
  EXPECT_TRUE(open());
  attention::set(attention::injection, true);
  EXPECT_TRUE(closed());
  attention::set(attention::guard, true);
  attention::set(attention::injection, false);
  EXPECT_TRUE(closed());
  ExFreePoolWithTag(p, tag);  // the long way
  attention::set(attention::guard, false);
  EXPECT_TRUE(open());
}

TEST(short_way, tags_and_types_of_a_class_that_take_turns_are_counted_apart) {
  constexpr std::uint32_t one = tag ^ 0x0200'0000, other = tag ^ 0x0100'0000;
  const auto of = [](std::uint32_t t, pool_kind kind) {
    for (const tag_usage& u : tag_usages())
      if (u.tag == t && u.kind == kind) return u;
    return tag_usage{};
  };
  const auto before = of(one, pool_kind::nonpaged), other_before = of(other, pool_kind::nonpaged);
  std::vector<void*> mine, others;
  for (int i = 0; i < 100; ++i) {
    for (const POOL_TYPE type : {NonPagedPool, NonPagedPoolNx}) {
      mine.push_back(ExAllocatePoolWithTag(type, 100, one));
      others.push_back(ExAllocatePoolWithTag(type, 112, other));
      others.push_back(ExAllocatePoolWithTag(type, 97, other | 0x8000'0000));
    }
  }
  EXPECT_EQ(of(one, pool_kind::nonpaged).allocations, before.allocations + 200);
  EXPECT_EQ(of(one, pool_kind::nonpaged).bytes, before.bytes + 200 * 128);
  EXPECT_EQ(of(other, pool_kind::nonpaged).allocations, other_before.allocations + 400);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    ExFreePool(mine[i]);
    ExFreePoolWithTag(others[2 * i], other);
    ExFreePoolWithTag(others[2 * i + 1], other | 0x8000'0000);
  }
  EXPECT_EQ(of(one, pool_kind::nonpaged).frees, before.frees + 200);
  EXPECT_EQ(of(one, pool_kind::nonpaged).bytes, before.bytes);
  EXPECT_EQ(of(other, pool_kind::nonpaged).frees, other_before.frees + 400);
  EXPECT_EQ(of(other, pool_kind::nonpaged).bytes, other_before.bytes);
}

TEST(short_way, notices_all_that_the_long_way_does) {
  const bug_trap trap;
  for (const std::size_t bytes : {64U, 52U, 61U, 100U, 300U}) {
    // The class's tag and type have been seen, so that the last of these goes the short way.
    for (int i = 0; i < 3; ++i)
      ExFreePoolWithTag(ExAllocatePoolWithTag(PagedPool, bytes, tag), tag);
    auto* const p = static_cast<std::uint8_t*>(ExAllocatePoolWithTag(PagedPool, bytes, tag));
    const auto code = [&](void* block, std::uint32_t with) {
      return bug_trap::of([&] { ExFreePoolWithTag(block, with); });
    };
    for (int bit = 0; bit < 128; ++bit) {
      std::uint8_t& byte = p[bit / 8 - 16];
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
      EXPECT_EQ(code(p, tag).parameters[0], 0x20U) << bytes << " bit " << bit;
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
    }
    const std::size_t room = pool_memory::get().find(p).block.room;
    for (std::size_t i = bytes; i < std::min(room, bytes + most_trailing); ++i) {
      p[i] = static_cast<std::uint8_t>(p[i] ^ 0x40);
      EXPECT_EQ(code(p, tag).parameters[0], 0x21U) << bytes << " byte " << i;
      p[i] = static_cast<std::uint8_t>(p[i] ^ 0x40);
    }
    for (std::size_t i = 1; i < bytes; ++i) EXPECT_EQ(code(p + i, tag).parameters[0], 0x41U) << i;
    EXPECT_EQ(code(p, tag + 1).parameters[0], 0x0AU);
    EXPECT_EQ(code(p, tag).code, 0U);
    EXPECT_EQ(code(p, tag).parameters[0], 0x07U);
  }
}

void fill_the_table() {
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

// No tag ever leaves the table: later tests would find no slot.
TEST(tag_counters, a_slot_for_each_tag_until_there_are_none_left) {
  IN_A_FRESH_PROCESS(fill_the_table);
}

TEST(header_words, are_the_header) {
  alignas(16) std::byte block[16];
  const header_words w = header_words::make(0x6C6F6F50, 1234, 0x85, 77, block);
  const auto h = std::bit_cast<pool_header>(w);
  EXPECT_EQ(h.tag, 0x6C6F6F50U);
  EXPECT_EQ(h.size, 1234);
  EXPECT_EQ(h.type, 0x85);
  EXPECT_EQ(h.state, pool_state::allocated);
  EXPECT_EQ(h.owner, 77U);
  EXPECT_EQ(w.requestor(), 77);
  EXPECT_TRUE(w.names(5));  // whatever the block
  EXPECT_TRUE(h.intact(block));
  EXPECT_FALSE(h.intact(block + 1));
  EXPECT_FALSE(w.plainly_allocated());  // somebody is charged for it
  auto freed = h;
  header_words::mark_free(&freed);
  EXPECT_EQ(freed.state, pool_state::free);
  EXPECT_EQ(freed.tag, h.tag);
  EXPECT_EQ(freed.owner, h.owner);
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
