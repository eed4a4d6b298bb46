// The C++ front: zones, pool and lookaside lists as objects, std::pmr, standard containers, bulk
// calls and counts.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "error_log.hpp"
#include "exalloc/bulk.h"
#include "exalloc/lookaside.hpp"
#include "exalloc/memory_resource.hpp"
#include "exalloc/pool.hpp"
#include "exalloc/zone.hpp"

namespace {

std::uintptr_t address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

struct point {
  int x, y;
  static inline std::atomic<int> alive{0};
  point(int a, int b) : x(a), y(b) {
    if (a < 0) throw std::runtime_error("negative");
    ++alive;
  }
  ~point() { --alive; }
};

TEST(front_zone, gives_every_block_once_and_none_more) {
  error_log log;
  exalloc::zone z(100, 500);
  EXPECT_EQ(z.block_size() % alignof(std::max_align_t), 0U);
  std::set<std::uintptr_t> seen;
  for (int i = 0; i < 500; ++i) {
    void* block = z.allocate();
    EXPECT_EQ(address(block) % alignof(std::max_align_t), 0U);
    std::memset(block, i, z.block_size());
    seen.insert(address(block));
  }
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_TRUE(z.full());
  EXPECT_EQ(z.try_allocate(), nullptr);
  EXPECT_THROW(z.allocate(), std::bad_alloc);
  z.extend(10);
  EXPECT_FALSE(z.full());
  EXPECT_EQ(z.usage().blocks, 510U);
  EXPECT_EQ(z.usage().in_use, 500U);
  EXPECT_EQ(z.usage().free, 10U);
  for (const std::uintptr_t b : seen) z.deallocate(reinterpret_cast<void*>(b));
  z.deallocate(nullptr);
  EXPECT_EQ(z.usage().in_use, 0U);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(front_zone, alignment_is_kept_in_every_segment) {
  for (const std::size_t alignment : {1U, 8U, 16U, 64U, 256U, 4096U}) {
    exalloc::zone z(24, 5, alignment);
    z.extend(7);
    std::array<void*, 12> all{};
    EXPECT_EQ(z.try_allocate(all), 12U);
    for (void* b : all) EXPECT_EQ(address(b) % alignment, 0U) << alignment;
    z.deallocate(all);
  }
}

TEST(front_zone, works_in_memory_of_the_caller) {
  alignas(16) static std::array<std::byte, 16 + 40 * 10 + 30> memory;
  exalloc::zone z(40, memory);
  std::array<void*, 20> blocks{};
  EXPECT_EQ(z.try_allocate(blocks), 10U);
  EXPECT_EQ(blocks[10], nullptr);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ((address(blocks[i]) - address(memory.data()) - 16) % 40, 0U);
  z.deallocate(std::span<void* const>(blocks.data(), 10));
  EXPECT_EQ(z.usage().in_use, 0U);
}

TEST(front_zone, objects_live_in_blocks) {
  exalloc::zone z(sizeof(point), 3);
  {
    const auto a = z.make<point>(1, 2);
    const auto b = z.make<point>(3, 4);
    EXPECT_EQ(a->x + b->y, 5);
    EXPECT_EQ(point::alive, 2);
    EXPECT_THROW(z.make<point>(-1, 0), std::runtime_error);
    EXPECT_EQ(z.usage().in_use, 2U);
    EXPECT_THROW((z.make<std::array<char, 100>>()), std::invalid_argument);
  }
  EXPECT_EQ(point::alive, 0);
  EXPECT_EQ(z.usage().in_use, 0U);
}

TEST(front_zone, tokens_pointers_and_device_addresses_name_the_same_blocks) {
  exalloc::zone z(64, 100);
  z.extend(100);
  std::vector<void*> blocks(200);
  ASSERT_EQ(z.try_allocate(blocks), 200U);
  std::set<std::uint64_t> addresses;
  for (void* b : blocks) {
    const std::uint32_t token = z.token(b);
    ASSERT_NE(token, 0U);
    EXPECT_EQ(z.pointer(token), b);
    EXPECT_TRUE(z.owns(b));
    addresses.insert(z.device_address(b));
  }
  EXPECT_EQ(addresses.size(), 200U);
  EXPECT_EQ(addresses.count(0), 0U);
  EXPECT_EQ(z.token(static_cast<char*>(blocks[0]) + 8), 0U);
  EXPECT_EQ(z.device_address(&z), 0U);
  EXPECT_EQ(z.pointer(0), nullptr);
  z.deallocate(blocks);
}

TEST(front_zone, refuses_what_makes_no_sense) {
  EXPECT_THROW(exalloc::zone(0, 10), std::invalid_argument);
  EXPECT_THROW(exalloc::zone(16, 0), std::invalid_argument);
  EXPECT_THROW(exalloc::zone(16, 10, 24), std::invalid_argument);
  EXPECT_THROW(exalloc::zone(16, std::size_t{1} << 40), std::bad_alloc);
  EXPECT_THROW(exalloc::zone(16, std::span<std::byte>()), std::runtime_error);
}

TEST(front_zone, wrong_frees_in_bulk_are_refused_one_by_one) {
  error_log log;
  exalloc::zone z(32, 10);
  std::array<void*, 4> b{};
  ASSERT_EQ(z.try_allocate(b), 4U);
  int local = 0;
  const std::array<void*, 5> wrong{b[0], &local, static_cast<char*>(b[1]) + 8, b[0], b[2]};
  z.deallocate(wrong);
  EXPECT_EQ(log.count("foreign"), 1U);
  EXPECT_EQ(log.count("range"), 1U);
  EXPECT_EQ(log.count("double_free"), 1U);
  EXPECT_EQ(z.usage().in_use, 2U);
  ZONE_HEADER garbage{};
  EXPECT_EQ(exalloc_zone_allocate(&garbage, b.data(), 4), 0U);
  exalloc_zone_usage usage;
  EXPECT_EQ(exalloc_zone_count(&garbage, &usage), -1);
}

TEST(front_zone, is_shared_by_threads) {
  error_log log;
  exalloc::zone z(48, 1000);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::uint32_t*> mine;
      for (std::uint32_t i = 0; i < 20'000; ++i) {
        if (i % 5 < 3 && mine.size() < 200) {
          auto* p = static_cast<std::uint32_t*>(z.allocate());
          p[0] = static_cast<std::uint32_t>(t);
          p[11] = ~static_cast<std::uint32_t>(t);
          mine.push_back(p);
        } else if (!mine.empty()) {
          if (mine.back()[0] != static_cast<std::uint32_t>(t) ||
              mine.back()[11] != ~static_cast<std::uint32_t>(t))
            ++wrong;
          z.deallocate(mine.back());
          mine.pop_back();
        }
      }
      for (auto* p : mine) z.deallocate(p);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(z.usage().in_use, 0U);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(front_pool, aligns_as_asked) {
  for (const auto where : {exalloc::pool::kind::nonpaged, exalloc::pool::kind::paged}) {
    exalloc::pool p(exalloc::tag("Frnt"), where);
    for (const std::size_t alignment : {1U, 16U, 32U, 64U, 128U, 4096U}) {
      for (const std::size_t bytes : {1U, 100U, 3000U, 5000U}) {
        void* block = p.allocate(bytes, alignment);
        EXPECT_EQ(address(block) % alignment, 0U) << bytes << " at " << alignment;
        std::memset(block, 1, bytes);
        p.deallocate(block);
      }
    }
    EXPECT_EQ(p.try_allocate(100, 8192), nullptr);
    EXPECT_THROW(p.allocate(SIZE_MAX / 2), std::bad_alloc);
  }
}

TEST(front_pool, many_at_once_and_objects) {
  exalloc::pool p(exalloc::tag("Bulk"));
  std::vector<void*> blocks(300);
  ASSERT_EQ(p.try_allocate(120, blocks), 300U);
  EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), 300U);
  for (void* b : blocks) std::memset(b, 7, 120);
  p.deallocate(blocks);
  {
    const auto object = p.make<point>(5, 6);
    EXPECT_EQ(object->y, 6);
    EXPECT_THROW(p.make<point>(-1, 0), std::runtime_error);
  }
  EXPECT_EQ(point::alive, 0);
}

TEST(front_pool, standard_containers_use_it) {
  const exalloc::pool p(exalloc::tag("Cont"), exalloc::pool::kind::paged);
  std::vector<int, exalloc::pool_allocator<int>> v(p);
  for (int i = 0; i < 10'000; ++i) v.push_back(i);
  EXPECT_EQ(v[9'999], 9'999);
  std::list<std::string, exalloc::pool_allocator<std::string>> l(p);
  for (int i = 0; i < 100; ++i) l.push_back(std::to_string(i));
  EXPECT_EQ(l.back(), "99");
  std::map<int, int, std::less<>, exalloc::pool_allocator<std::pair<const int, int>>> m(p);
  for (int i = 0; i < 500; ++i) m[i * 7 % 500] = i;
  EXPECT_EQ(m.size(), 500U);
}

TEST(front_lookaside, keeps_what_was_freed) {
  error_log log;
  exalloc::lookaside<point> list(exalloc::tag("Look"));
  void* first = nullptr;
  {
    const auto object = list.make(1, 2);
    first = object.get();
    EXPECT_EQ(point::alive, 1);
  }
  EXPECT_EQ(point::alive, 0);
  EXPECT_EQ(list.allocate(), first);
  EXPECT_EQ(list.fields().TotalAllocates, 2U);
  EXPECT_EQ(list.fields().AllocateMisses, 1U);
  EXPECT_THROW(list.make(-1, 0), std::runtime_error);
  list.deallocate(first);
  list.flush();
  list.deallocate(list.allocate());
  EXPECT_EQ(log.errors(), 0U);
}

struct alignas(64) line_of_bytes {
  std::array<char, 64> bytes;
};

TEST(front_lookaside, aligns_its_type) {
  exalloc::lookaside<line_of_bytes> list(exalloc::tag("Line"), exalloc::pool::kind::paged);
  std::vector<line_of_bytes*> all(20);
  for (auto*& p : all) {
    p = list.allocate();
    EXPECT_EQ(address(p) % 64, 0U);
  }
  for (auto* p : all) list.deallocate(p);
}

// Counts what comes through.
class counting_resource final : public std::pmr::memory_resource {
 public:
  int allocations = 0, frees = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++allocations;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    ++frees;
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

TEST(front_pmr, a_zone_serves_what_fits_and_upstream_the_rest) {
  counting_resource upstream;
  exalloc::zone z(64, 100);
  exalloc::zone_resource resource(z, &upstream);
  {
    std::pmr::map<int, int> m(&resource);
    for (int i = 0; i < 50; ++i) m[i] = i;
    EXPECT_EQ(z.usage().in_use, 50U);
    EXPECT_EQ(upstream.allocations, 0);
    for (int i = 50; i < 150; ++i) m[i] = i;
    EXPECT_EQ(z.usage().in_use, 100U);
    EXPECT_EQ(upstream.allocations, 50);
    std::pmr::vector<char> large(1000, 'x', &resource);
    EXPECT_EQ(upstream.allocations, 51);
  }
  EXPECT_EQ(z.usage().in_use, 0U);
  EXPECT_EQ(upstream.frees, upstream.allocations);
  exalloc::zone_resource same(z, &upstream), other(z);
  EXPECT_TRUE(resource.is_equal(same));
  EXPECT_FALSE(resource.is_equal(other));
}

TEST(front_pmr, the_pool_serves_everything) {
  exalloc::pool_resource resource(exalloc::pool(exalloc::tag("Pmr ")));
  std::pmr::unordered_map<int, std::pmr::string> m(&resource);
  for (int i = 0; i < 1000; ++i) m[i] = std::string(static_cast<std::size_t>(i % 300), 'a');
  EXPECT_EQ(m[299].size(), 299U);
  void* aligned = resource.allocate(10, 4096);
  EXPECT_EQ(address(aligned) % 4096, 0U);
  resource.deallocate(aligned, 10, 4096);
  EXPECT_THROW((void)resource.allocate(10, 8192), std::bad_alloc);
  EXPECT_TRUE(resource.is_equal(exalloc::pool_resource(exalloc::pool(exalloc::tag("Pmr ")))));
  EXPECT_FALSE(resource.is_equal(exalloc::pool_resource(exalloc::pool(exalloc::tag("Else")))));
}

}  // namespace
