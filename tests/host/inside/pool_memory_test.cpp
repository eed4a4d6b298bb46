// The pool's memory: where blocks lie, and how memory moves between sizes.
#include "pool/pool_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../../environment.hpp"
#include "errors.hpp"

namespace exalloc {
namespace {

constexpr auto nonpaged = pool_kind::nonpaged, paged = pool_kind::paged;

pool_memory& pool() { return pool_memory::get(); }
std::uintptr_t number(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

std::mt19937_64 seeded() { return std::mt19937_64(exalloc::test::seed()); }

std::byte* allocate(pool_kind kind, std::size_t bytes, bool cache_aligned = false) {
  return pool().allocate({kind, bytes, cache_aligned, false}).data;
}
bool release(void* p) {
  const pool_finding found = pool().find(p);
  return found.allocated && pool().free(found);
}

std::size_t resident() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  unsigned long pages = 0, in_memory = 0;
  const int n = std::fscanf(f, "%lu %lu", &pages, &in_memory);
  std::fclose(f);
  return n == 2 ? in_memory * page_size : 0;
}

// A block whose whole contents tell whose it is.
struct owned {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  std::uint8_t mark = 0;

  void fill(std::uint8_t with) {
    mark = with;
    std::memset(data, mark, bytes);
  }
  bool untouched() const {
    return std::all_of(data, data + bytes, [this](std::byte b) { return b == std::byte{mark}; });
  }
};

// Sets a limit of a kind to what it holds and `more`, until its end.
struct limit_of {
  limit_of(pool_kind k, std::uint64_t more) : kind(k) {
    pool().trim();
    pool().set_limit(kind, pool().usage(kind).held + more);
  }
  ~limit_of() { pool().set_limit(kind, UINT64_MAX); }
  pool_kind kind;
};

std::vector<std::byte*> allocate_all(pool_kind kind, std::size_t bytes) {
  std::vector<std::byte*> all;
  while (std::byte* p = allocate(kind, bytes)) all.push_back(p);
  return all;
}

TEST(pool_memory, every_size_of_every_kind_lies_where_the_contract_wants_it) {
  std::vector<std::byte*> blocks;
  for (const pool_kind kind : {nonpaged, paged}) {
    for (const bool cache_aligned : {false, true}) {
      for (std::size_t bytes = 0; bytes <= 3 * page_size; bytes += bytes < 1100 ? 1 : 61) {
        const pool_block b = pool().allocate({kind, bytes, cache_aligned, false});
        ASSERT_NE(b.data, nullptr) << bytes;
        blocks.push_back(b.data);
        EXPECT_EQ(number(b.data) % (cache_aligned ? 64 : 16), 0U) << bytes;
        EXPECT_EQ(b.big, bytes > largest_small);
        EXPECT_GE(b.room, std::max<std::size_t>(bytes, 1));
        EXPECT_EQ(number(b.header) % 8, 0U);
        if (b.big) {
          EXPECT_EQ(number(b.data) % page_size, 0U);
        } else {
          EXPECT_LE(number(b.data) % page_size + b.room, page_size) << bytes;
        }
        if (bytes <= 1008 && !cache_aligned) {
          EXPECT_LE(b.room - bytes, std::max<std::size_t>(16, (bytes + 16) / 8)) << bytes;
          EXPECT_EQ(reinterpret_cast<std::byte*>(b.header), b.data - 16);
        }
        if (bytes <= 1024 && cache_aligned) {
          EXPECT_LE(b.room - bytes, 64U);
        }
        const pool_finding found = pool().find(b.data);
        EXPECT_EQ(found.place, b.big ? pool_place::big : pool_place::small);
        EXPECT_EQ(found.kind, kind);
        EXPECT_TRUE(found.allocated);
        EXPECT_EQ(found.block.header, b.header);
        EXPECT_EQ(found.block.room, b.room);
        EXPECT_EQ(pool().find(b.data + 1).place, pool_place::inside);
        std::memset(b.data, 0x33, b.room);
        std::memset(b.header, 0x44, sizeof *b.header);
      }
    }
  }
  for (std::byte* p : blocks) EXPECT_TRUE(release(p));
}

TEST(pool_memory, what_is_not_a_block_is_not_found) {
  int local = 0;
  EXPECT_EQ(pool().find(nullptr).place, pool_place::foreign);
  EXPECT_EQ(pool().find(&local).place, pool_place::foreign);
  EXPECT_EQ(pool().find(reinterpret_cast<void*>(UINTPTR_MAX)).place, pool_place::foreign);
  std::byte* const small = allocate(paged, 100);
  std::byte* const big = allocate(paged, 3 * page_size);
  EXPECT_EQ(pool().find(small + 16).place, pool_place::inside);
  EXPECT_EQ(pool().find(big + page_size).place, pool_place::inside);
  EXPECT_EQ(pool().find(big + 16).place, pool_place::inside);
  const pool_finding found = pool().find(small), found_big = pool().find(big);
  EXPECT_TRUE(pool().free(found));
  EXPECT_FALSE(pool().free(found)) << "it is free already";
  EXPECT_FALSE(pool().find(small).allocated);
  EXPECT_TRUE(pool().free(found_big));
  EXPECT_FALSE(pool().free(found_big));
  EXPECT_EQ(pool().find(big).place, pool_place::foreign);
}

TEST(pool_memory, blocks_are_nobody_elses) {
  auto random = seeded();
  std::vector<owned> live;
  for (int i = 0; i < 200'000; ++i) {
    // Grows and shrinks, so that pages come and go.
    const bool growing = i / 20'000 % 2 == 0;
    if (live.empty() || random() % 10 < (growing ? 7 : 3)) {
      const std::size_t bytes =
          random() % 50 == 0 ? random() % 20'000 : 1 + random() % (random() % 4 == 0 ? 4064 : 200);
      owned o{allocate(random() % 8 == 0 ? nonpaged : paged, bytes, random() % 8 == 0), bytes};
      ASSERT_NE(o.data, nullptr);
      o.fill(static_cast<std::uint8_t>(random()));
      live.push_back(o);
    } else {
      std::swap(live[random() % live.size()], live.back());
      ASSERT_TRUE(live.back().untouched());
      ASSERT_TRUE(release(live.back().data));
      live.pop_back();
    }
    if (i % 40'000 == 39'999) pool().trim();
  }
  for (const owned& o : live) {
    EXPECT_TRUE(o.untouched());
    EXPECT_TRUE(release(o.data));
  }
}

// Threads pass blocks on, free each other's, and change what they use, while memory is trimmed.
TEST(pool_memory, threads_free_what_others_allocated_while_pages_drain) {
  constexpr unsigned threads = 4;
  constexpr int steps = 60'000;
  std::mutex mutex;
  std::deque<owned> passed;
  std::atomic<unsigned> wrong{0}, running{threads};
  const auto work = [&](unsigned self) {
    std::mt19937_64 random(self);
    std::vector<owned> own;
    for (int i = 0; i < steps; ++i) {
      const std::size_t sizes[] = {64, 256, 2048, 700};
      const std::size_t preferred = sizes[(i / 10'000 + self) % 4];
      const bool growing = i / 5'000 % 2 == 0;
      if (own.empty() || random() % 10 < (growing ? 7 : 3)) {
        const std::size_t bytes = random() % 4 != 0 ? preferred : sizes[random() % 4];
        owned o{allocate(paged, bytes), bytes};
        if (o.data == nullptr) {
          ++wrong;
          continue;
        }
        o.fill(static_cast<std::uint8_t>(random()));
        own.push_back(o);
        continue;
      }
      std::swap(own[random() % own.size()], own.back());
      owned o = own.back();
      own.pop_back();
      if (random() % 4 == 0) {
        const std::lock_guard lock(mutex);
        passed.push_back(o);
        if (passed.size() < 100) continue;
        o = passed.front();
        passed.pop_front();
      }
      if (!o.untouched() || !release(o.data)) ++wrong;
    }
    for (const owned& o : own)
      if (!o.untouched() || !release(o.data)) ++wrong;
    --running;
  };
  const std::uint64_t errors_before = errors_reported();
  std::vector<std::thread> all;
  for (unsigned t = 0; t < threads; ++t) all.emplace_back(work, t);
  while (running != 0) {
    pool().trim();
    ::usleep(1000);
  }
  for (std::thread& t : all) t.join();
  for (const owned& o : passed)
    if (!o.untouched() || !release(o.data)) ++wrong;
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(errors_reported(), errors_before);
}

TEST(pool_memory, trimming_gives_memory_back_to_the_system) {
  pool().trim();
  const std::uint64_t held = pool().usage(paged).held;
  constexpr std::size_t bytes = 48, count = 200'000;
  std::vector<std::byte*> blocks(count);
  for (std::byte*& p : blocks) {
    p = allocate(paged, bytes);
    ASSERT_NE(p, nullptr);
    std::memset(p, 1, bytes);
  }
  const std::size_t full = resident();
  EXPECT_GE(pool().usage(paged).held, held + count * 64);
  for (std::byte* p : blocks) ASSERT_TRUE(release(p));
  // Most of it went back without being asked for.
  EXPECT_LT(pool().usage(paged).held, held + count * 64 / 4);
  pool().trim();
  EXPECT_EQ(pool().usage(paged).held, held);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(resident() + count * 64 * 3 / 4, full);
#else
  (void)full;
#endif
  EXPECT_FALSE(pool().find(blocks[count / 2]).allocated);
}

TEST(pool_memory, survivors_do_not_keep_their_pages) {
  pool().trim();
  auto random = seeded();
  const std::uint64_t held = pool().usage(paged).held;
  std::vector<std::byte*> blocks(100'000);
  for (std::byte*& p : blocks) ASSERT_NE(p = allocate(paged, 112), nullptr);
  std::shuffle(blocks.begin(), blocks.end(), random);
  // One in twenty stays: nearly every page has one of them.
  while (blocks.size() > 5'000) {
    ASSERT_TRUE(release(blocks.back()));
    ASSERT_FALSE(release(blocks.back())) << "free already, in a draining page too";
    blocks.pop_back();
  }
  // As they are replaced, they come to lie close together.
  for (int i = 0; i < 30'000; ++i) {
    std::byte*& p = blocks[random() % blocks.size()];
    ASSERT_TRUE(release(p));
    ASSERT_NE(p = allocate(paged, 112), nullptr);
  }
  EXPECT_LT(pool().usage(paged).held - held, 5'000 * 128 * 2);
  for (std::byte* p : blocks) ASSERT_TRUE(release(p));
}

TEST(pool_memory, a_limit_exhausts_cleanly_and_memory_moves_between_sizes) {
  const limit_of limit(paged, 4 << 20);
  const auto most = pool().usage(paged).limit;
  for (const std::size_t bytes : {48U, 1000U, 2048U, 240U, 4064U, 64U}) {
    const auto all = allocate_all(paged, bytes);
    EXPECT_NE(std::string(exalloc_last_error()).find("limit"), std::string::npos);
    // What remains is less than a chunk of the class.
    EXPECT_GE(all.size() * (bytes + 16), std::size_t{3} << 20) << bytes;
    EXPECT_LE(pool().usage(paged).held, most);
    EXPECT_EQ(allocate(paged, 64 << 20), nullptr);
    for (std::byte* p : all) ASSERT_TRUE(release(p));
  }
  std::byte* const big = allocate(paged, (4 << 20) - page_size);
  EXPECT_NE(big, nullptr) << "small blocks' memory can become a big one's";
  EXPECT_TRUE(release(big));
}

TEST(pool_memory, exhausted_means_that_none_is_free) {
  const limit_of limit(paged, 2 << 20);
  auto random = seeded();
  auto all = allocate_all(paged, 112);
  ASSERT_GT(all.size(), 10'000U);
  std::shuffle(all.begin(), all.end(), random);
  // Many are freed, so that pages drain, and taken again one by one, by another thread too.
  for (int round = 0; round < 4; ++round) {
    std::vector<std::byte*> taken;
    const std::size_t n = all.size() * 9 / 10;
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(release(all.back()));
      all.pop_back();
    }
    if (round == 2) pool().trim();
    std::thread other([&] {
      for (std::size_t i = 0; i < n / 2; ++i) taken.push_back(allocate(paged, 112));
    });
    other.join();
    for (std::size_t i = n / 2; i < n; ++i) taken.push_back(allocate(paged, 112));
    for (std::byte* p : taken) ASSERT_NE(p, nullptr);
    all.insert(all.end(), taken.begin(), taken.end());
    std::shuffle(all.begin(), all.end(), random);
    ASSERT_EQ(std::set<std::byte*>(all.begin(), all.end()).size(), all.size());
  }
  EXPECT_EQ(allocate(paged, 112), nullptr);
  for (int i = 0; i < 2'000; ++i) {
    const std::size_t k = random() % all.size();
    ASSERT_TRUE(release(all[k]));
    ASSERT_NE(all[k] = allocate(paged, 112), nullptr) << i;
  }
  for (std::byte* p : all) ASSERT_TRUE(release(p));
}

TEST(pool_memory, the_reserve_is_there_when_nothing_else_is) {
  const std::uint64_t reserve = pool().usage(nonpaged).reserve;
  ASSERT_EQ(reserve, 64U << 10);
  const limit_of limit(nonpaged, 0);
  auto all = allocate_all(nonpaged, 500);
  std::vector<std::byte*> last;
  for (std::size_t left = reserve; left != 0; left -= page_size) {
    const pool_block b = pool().allocate({nonpaged, 500, false, true});
    ASSERT_NE(b.data, nullptr);
    EXPECT_TRUE(b.big);
    std::memset(b.data, 1, b.room);
    last.push_back(b.data);
  }
  EXPECT_EQ(pool().usage(nonpaged).reserve, 0U);
  EXPECT_EQ(pool().allocate({nonpaged, 500, false, true}).data, nullptr);
  EXPECT_EQ(allocate(nonpaged, 500), nullptr);
  for (std::byte* p : last) EXPECT_TRUE(release(p));
  EXPECT_EQ(pool().usage(nonpaged).reserve, reserve);
  for (std::byte* p : all) EXPECT_TRUE(release(p));
}

TEST(pool_memory, slab_numbers_move_between_sizes) {
  // All but a few slabs are somebody else's.
  driver& d = core::get().card_driver;
  pool().trim();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> taken;
  for (std::uint32_t n = 1U << 16; n != 0; n /= 2)
    while (const auto first = d.take_slabs(n)) taken.emplace_back(*first, n);
  constexpr std::uint32_t left = 512;
  const auto enough =
      std::find_if(taken.begin(), taken.end(), [](const auto& r) { return r.second >= 2 * left; });
  ASSERT_NE(enough, taken.end());
  d.return_slabs(enough->first, left);
  enough->first += left;
  enough->second -= left;
  for (const std::size_t bytes : {16U, 208U, 100U, 16U}) {
    const auto all = allocate_all(paged, bytes);
    EXPECT_NE(std::string(exalloc_last_error()).find("slabs"), std::string::npos);
    EXPECT_GE(all.size(), left * slab_width * 8 / 10) << bytes;
    EXPECT_EQ(std::set<std::byte*>(all.begin(), all.end()).size(), all.size());
    for (std::byte* p : all) ASSERT_TRUE(release(p));
  }
  for (const auto& [first, count] : taken) d.return_slabs(first, count);
}

TEST(pool_memory, without_a_list_a_class_lives_in_the_host) {
  driver& d = core::get().card_driver;
  std::vector<std::uint32_t> taken;
  while (const auto name = d.open_list()) taken.push_back(name->number);
  const std::uint64_t before = pool().usage(paged).held;
  // A size that no other test uses.
  auto random = seeded();
  std::vector<owned> live;
  for (int i = 0; i < 20'000; ++i) {
    owned o{allocate(paged, 830, true), 830};
    ASSERT_NE(o.data, nullptr);
    o.fill(static_cast<std::uint8_t>(random()));
    live.push_back(o);
  }
  const std::uint64_t held = pool().usage(paged).held - before;
  std::shuffle(live.begin(), live.end(), random);
  for (const owned& o : live) {
    ASSERT_TRUE(o.untouched());
    ASSERT_TRUE(release(o.data));
  }
  EXPECT_LT(pool().usage(paged).held, before + held / 2);
  for (const std::uint32_t number : taken) {
    d.close_list(number);
    d.return_list(number);
  }
}

TEST(pool_memory, a_crash_dump_is_told_of_every_block) {
  struct wanted {
    std::byte* data;
    pool_header* header;
  };
  std::vector<wanted> blocks;
  std::map<const std::byte*, std::size_t> bigs;
  for (std::size_t i = 0; i < 3'000; ++i) {
    const std::size_t bytes = i * 7 % 6'000;
    const pool_block b = pool().allocate({i % 2 ? paged : nonpaged, bytes, i % 3 == 0, false});
    ASSERT_NE(b.data, nullptr);
    *b.header = {static_cast<std::uint32_t>(i), 0, 0, pool_state::allocated, 0, 0};
    if (b.big) bigs[b.data] = bytes;
    blocks.push_back({b.data, b.header});
  }
  std::map<const std::byte*, pool_chunk_info> chunks;
  pool().each_chunk([&](const pool_chunk_info& c) { chunks.emplace(c.base, c); });
  pool().each_big([&](const pool_big_info& b) {
    const auto found = bigs.find(b.base);
    if (found == bigs.end()) return;
    EXPECT_EQ(b.bytes, found->second);
    EXPECT_EQ(b.header.state, pool_state::allocated);
    bigs.erase(found);
  });
  EXPECT_TRUE(bigs.empty());
  for (const wanted& w : blocks) {
    if (pool().find(w.data).place == pool_place::big) continue;
    auto at = chunks.upper_bound(w.data);
    ASSERT_NE(at, chunks.begin());
    const pool_chunk_info& c = std::prev(at)->second;
    const auto offset = static_cast<std::size_t>(w.data - c.base);
    ASSERT_LT(offset, c.bytes);
    const std::size_t place = (offset % page_size - c.first_data) / c.stride;
    const std::size_t index = offset / page_size * c.per_page + place;
    ASSERT_LT(index, c.blocks);
    EXPECT_EQ(c.first_data + place * c.stride, offset % page_size);
    const auto* header =
        c.headers != nullptr ? c.headers + index : reinterpret_cast<const pool_header*>(w.data) - 1;
    EXPECT_EQ(header, w.header);
  }
  for (const wanted& w : blocks) EXPECT_TRUE(release(w.data));
}

// A card whose memory cannot be locked beyond some bytes.
class locking_card final : public card {
 public:
  std::string_view name() const noexcept override { return "locking"; }
  std::uint32_t read(std::uint32_t) override { return 0; }
  void write(std::uint32_t, std::uint32_t) override {}
  std::unique_ptr<dma_memory> allocate(std::size_t) override { return nullptr; }
  void relax() override {}
  std::uint64_t now_ns() override { return 0; }
  void advance_to(std::uint64_t) override {}
  bool wait_interrupt(std::uint64_t) override { return false; }
  std::uint64_t lock_memory(std::byte* first, std::size_t bytes) override {
    if (locked + bytes > most) throw std::system_error(ENOMEM, std::generic_category());
    locked += bytes;
    return number(first);
  }
  bool unlock_memory(std::byte*, std::size_t bytes) noexcept override {
    if (stuck) return false;
    locked -= bytes;
    return true;
  }
  std::size_t locked = 0, most = 1 << 20;
  bool stuck = false;
};

TEST(page_arena, nonpaged_memory_is_locked_or_refused) {
  locking_card device;
  page_arena pages(device);
  const auto usage = [&] { return pages.usage_of(nonpaged); };
  EXPECT_EQ(usage().reserve, 64U << 10);
  EXPECT_EQ(device.locked, usage().reserve);
  std::byte* const most = pages.take(nonpaged, ((1 << 20) - (64 << 10)) / page_size);
  ASSERT_NE(most, nullptr);
  EXPECT_EQ(device.locked, device.most);
  EXPECT_EQ(usage().locked, device.most);
  EXPECT_EQ(pages.take(nonpaged, 1), nullptr);
  EXPECT_NE(std::string(exalloc_last_error()).find("RLIMIT_MEMLOCK"), std::string::npos);
  EXPECT_NE(pages.take(paged, 1), nullptr) << "paged memory is not locked";
  const std::uint64_t held = usage().held;
  EXPECT_TRUE(pages.park(most, 8));
  EXPECT_EQ(usage().held, held - 8 * page_size);
  std::byte* const other = pages.take(nonpaged, 4);
  EXPECT_NE(other, nullptr);
  EXPECT_FALSE(pages.unpark(most, 8)) << "only four are left";
  EXPECT_TRUE(pages.unpark(most, 4));
  device.stuck = true;
  EXPECT_FALSE(pages.park(most, 4)) << "what stays locked stays held";
  EXPECT_EQ(usage().held, held);
}

}  // namespace
}  // namespace exalloc
