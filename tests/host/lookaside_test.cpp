// Lookaside lists through their API: each promise of the contract, for both kinds of lists, with
// and without magazines.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "../environment.hpp"
#include "error_log.hpp"
#include "exalloc/card.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/raise.hpp"
#include "exalloc/regs.hpp"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace {

constexpr ULONG tag = 'T' | 's' << 8 | 't' << 16 | '1' << 24;

struct npaged {
  using list = NPAGED_LOOKASIDE_LIST;
  static constexpr auto initialize = ExInitializeNPagedLookasideList;
  static constexpr auto allocate = ExAllocateFromNPagedLookasideList;
  static constexpr auto free = ExFreeToNPagedLookasideList;
  static constexpr auto destroy = ExDeleteNPagedLookasideList;
  static constexpr POOL_TYPE type = NonPagedPool;
};
struct paged {
  using list = PAGED_LOOKASIDE_LIST;
  static constexpr auto initialize = ExInitializePagedLookasideList;
  static constexpr auto allocate = ExAllocateFromPagedLookasideList;
  static constexpr auto free = ExFreeToPagedLookasideList;
  static constexpr auto destroy = ExDeletePagedLookasideList;
  static constexpr POOL_TYPE type = PagedPool;
};

// Allocate and Free of a list, which keep what they were called with.
struct callbacks {
  static inline std::vector<ULONG> types, tags;
  static inline std::vector<SIZE_T> sizes;
  static inline std::vector<void*> freed;
  static inline bool give_null = false;
  static inline std::uintptr_t next = 0;

  static void reset() {
    types.clear();
    tags.clear();
    sizes.clear();
    freed.clear();
    give_null = false;
    next = 0;
  }
  static PVOID allocate(POOL_TYPE type, SIZE_T size, ULONG of) {
    types.push_back(static_cast<ULONG>(type));
    sizes.push_back(size);
    tags.push_back(of);
    // No memory at all: the list must not touch its entries.
    return give_null ? nullptr : reinterpret_cast<void*>(next += 16);
  }
  static VOID free(PVOID entry) { freed.push_back(entry); }
};

// The card's governor, when the test says so.
void govern() {
  exalloc::card& c = exalloc::current_card();
  c.write(exalloc::regs::offset::command,
          static_cast<std::uint32_t>(exalloc::regs::command::govern));
  while (exalloc::regs::card_status::command_busy.get(c.read(exalloc::regs::offset::card_status)))
    c.relax();
}

// Nothing governs but govern(), and magazines are on again afterwards.
class still {
 public:
  explicit still(bool magazines = true) {
    exalloc_set_governor_period_ms(0);
    exalloc_lookaside_magazines(magazines);
    exalloc_lookaside_nt4(0);
    callbacks::reset();
  }
  ~still() {
    exalloc_set_governor_period_ms(1000);
    exalloc_lookaside_magazines(1);
    exalloc_lookaside_nt4(0);
  }
  still(const still&) = delete;
  still& operator=(const still&) = delete;
};

// A simulated card is slow: there the random tests are shorter.
int rounds(int on_soft) {
  return exalloc::current_card().name() == "soft" ? on_soft : (on_soft + 15) / 16;
}

exalloc_lookaside_counts card_counts(const GENERAL_LOOKASIDE& l) {
  exalloc_lookaside_counts counts{};
  EXPECT_EQ(exalloc_lookaside_card_counts(&l, &counts), 0) << exalloc_last_error();
  return counts;
}

template <class Kind>
class lookaside : public testing::Test {
 protected:
  still quiet_;
};
using kinds = testing::Types<npaged, paged>;
TYPED_TEST_SUITE(lookaside, kinds);

TYPED_TEST(lookaside, fields_after_initialising) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, nullptr, nullptr, 0, 100, tag, 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&list) % 64, 0U);
  EXPECT_EQ(list.L.Depth, 4);
  EXPECT_EQ(list.L.MaximumDepth, 256);
  EXPECT_EQ(list.L.TotalAllocates, 0U);
  EXPECT_EQ(list.L.AllocateMisses, 0U);
  EXPECT_EQ(list.L.TotalFrees, 0U);
  EXPECT_EQ(list.L.FreeMisses, 0U);
  EXPECT_EQ(list.L.Type, TypeParam::type);
  EXPECT_EQ(list.L.Tag, tag);
  EXPECT_EQ(list.L.Size, 100U);
  EXPECT_EQ(list.L.Allocate, &ExAllocatePoolWithTag);
  EXPECT_EQ(list.L.Free, &ExFreePool);
  EXPECT_EQ(list.L.LastTotalAllocates, 0U);
  EXPECT_EQ(list.L.LastAllocateMisses, 0U);
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, size_is_at_least_a_pointer_and_flags_are_in_the_type) {
  for (const ULONG flags : {0U, 16U, 512U, 16U | 512U}) {
    typename TypeParam::list list;
    TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, flags, 1, tag, 0);
    EXPECT_EQ(list.L.Size, sizeof(void*));
    EXPECT_EQ(static_cast<ULONG>(list.L.Type), TypeParam::type | flags);
    EXPECT_EQ(list.L.Allocate, &callbacks::allocate);
    EXPECT_EQ(list.L.Free, &callbacks::free);
    callbacks::reset();
    TypeParam::allocate(&list);
    EXPECT_EQ(callbacks::types, (std::vector<ULONG>{TypeParam::type | flags}));
    EXPECT_EQ(callbacks::sizes, std::vector<SIZE_T>{sizeof(void*)});
    EXPECT_EQ(callbacks::tags, std::vector<ULONG>{tag});
    TypeParam::destroy(&list);
  }
}

TYPED_TEST(lookaside, nothing_is_preallocated) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  EXPECT_TRUE(callbacks::sizes.empty());
  TypeParam::destroy(&list);
  EXPECT_TRUE(callbacks::freed.empty());
}

TYPED_TEST(lookaside, the_entry_freed_last_comes_first) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, nullptr, nullptr, 0, 64, tag, 0);
  void* a = TypeParam::allocate(&list);
  void* b = TypeParam::allocate(&list);
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(list.L.AllocateMisses, 2U);
  TypeParam::free(&list, a);
  TypeParam::free(&list, b);
  EXPECT_EQ(TypeParam::allocate(&list), b);
  EXPECT_EQ(TypeParam::allocate(&list), a);
  EXPECT_EQ(list.L.TotalAllocates, 4U);
  EXPECT_EQ(list.L.AllocateMisses, 2U);
  EXPECT_EQ(list.L.TotalFrees, 2U);
  EXPECT_EQ(list.L.FreeMisses, 0U);
  TypeParam::free(&list, a);
  TypeParam::free(&list, b);
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, no_more_than_depth_are_kept_and_delete_frees_them) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  std::vector<void*> entries;
  for (int i = 0; i < 7; ++i) entries.push_back(TypeParam::allocate(&list));
  for (void* e : entries) TypeParam::free(&list, e);
  EXPECT_EQ(list.L.FreeMisses, 3U);
  EXPECT_EQ(callbacks::freed, (std::vector<void*>{entries[4], entries[5], entries[6]}));
  callbacks::freed.clear();
  TypeParam::destroy(&list);
  EXPECT_EQ(callbacks::freed, (std::vector<void*>{entries[3], entries[2], entries[1], entries[0]}));
}

TYPED_TEST(lookaside, null_is_possible) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  callbacks::give_null = true;
  EXPECT_EQ(TypeParam::allocate(&list), nullptr);
  EXPECT_EQ(list.L.TotalAllocates, 1U);
  EXPECT_EQ(list.L.AllocateMisses, 1U);
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, the_callers_depth_counts_as_in_nt4_when_asked_for) {
  exalloc_lookaside_nt4(1);
  for (const USHORT depth : {1, 20, 200, 256, 1000}) {
    callbacks::reset();
    typename TypeParam::list list;
    TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, depth);
    EXPECT_EQ(list.L.Depth, depth);
    EXPECT_EQ(list.L.MaximumDepth, depth);
    for (std::uintptr_t i = 1; i <= depth + 5U; ++i)
      TypeParam::free(&list, reinterpret_cast<void*>(i * 16));
    EXPECT_EQ(list.L.FreeMisses, 5U);
    govern();
    exalloc_processor_flush();
    EXPECT_EQ(list.L.Depth, depth);
    for (std::uintptr_t i = depth; i >= 1; --i)
      EXPECT_EQ(TypeParam::allocate(&list), reinterpret_cast<void*>(i * 16));
    EXPECT_EQ(list.L.AllocateMisses, 0U);
    TypeParam::destroy(&list);
  }
}

TYPED_TEST(lookaside, raising_goes_through_the_default_allocator) {
  typename TypeParam::list list;
  exalloc::throw_raised_statuses();
  TypeParam::initialize(&list, nullptr, nullptr, 16 | 512, std::size_t{1} << 31, tag, 0);
  list.L.Size = 64;
  void* entry = TypeParam::allocate(&list);
  EXPECT_NE(entry, nullptr);
  TypeParam::free(&list, entry);
  TypeParam::destroy(&list);
  // More than there is.
  try {
    ExAllocatePoolWithTag(static_cast<POOL_TYPE>(TypeParam::type | 16), SIZE_MAX / 2, tag);
    ADD_FAILURE() << "did not raise";
  } catch (const exalloc::nt_status_error& e) {
    EXPECT_EQ(e.status(), STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_STREQ(e.what(), "status 0xC000009A was raised");
  }
  EXPECT_EQ(ExAllocatePoolWithTag(TypeParam::type, SIZE_MAX / 2, tag), nullptr);
  exalloc_set_raise_handler(nullptr, nullptr);
}

// ---- Against a model, call by call ----

// The contract, for one thread. Depth is what the list says it is.
struct model {
  std::vector<void*> held;
  ULONG allocates = 0, allocate_misses = 0, frees = 0, free_misses = 0;
};

template <class Kind>
class against_model {
 public:
  against_model(ULONG seed, bool magazines) : magazines_(magazines), random_(seed) {
    Kind::initialize(&list_, &callbacks::allocate, &callbacks::free, 0, 64, tag, depth_of(seed));
  }
  ~against_model() {
    if (!deleted_) Kind::destroy(&list_);
  }
  against_model(const against_model&) = delete;
  against_model& operator=(const against_model&) = delete;

  GENERAL_LOOKASIDE& fields() { return list_.L; }
  std::size_t held() const { return m_.held.size(); }

  void allocate() {
    const std::size_t calls = callbacks::sizes.size();
    void* got = Kind::allocate(&list_);
    ++m_.allocates;
    if (m_.held.empty()) {
      ++m_.allocate_misses;
      ASSERT_EQ(callbacks::sizes.size(), calls + 1);
    } else {
      ASSERT_EQ(callbacks::sizes.size(), calls);
      ASSERT_EQ(got, m_.held.back());
      m_.held.pop_back();
    }
    out_.push_back(got);
    compare();
  }
  void free() {
    if (out_.empty()) return;
    std::swap(out_[random_() % out_.size()], out_.back());
    void* entry = out_.back();
    out_.pop_back();
    callbacks::freed.clear();
    Kind::free(&list_, entry);
    ++m_.frees;
    if (m_.held.size() >= list_.L.Depth) {
      ++m_.free_misses;
      ASSERT_EQ(callbacks::freed, std::vector<void*>{entry});
    } else {
      ASSERT_TRUE(callbacks::freed.empty()) << m_.held.size() << " of " << list_.L.Depth;
      m_.held.push_back(entry);
    }
    compare();
  }
  // Bursts, of a length that goes around Depth.
  void run(int bursts) {
    for (int i = 0; i < bursts && !testing::Test::HasFatalFailure(); ++i) {
      const auto length = random_() % (2U * list_.L.Depth + 4U);
      const bool frees = random_() % 2 != 0;
      for (unsigned k = 0; k < length && !testing::Test::HasFatalFailure(); ++k)
        (random_() % 8 == 0) != frees ? free() : allocate();
    }
  }
  void destroy() {
    callbacks::freed.clear();
    Kind::destroy(&list_);
    deleted_ = true;
    const std::multiset<void*> freed(callbacks::freed.begin(), callbacks::freed.end());
    EXPECT_EQ(freed, std::multiset<void*>(m_.held.begin(), m_.held.end()));
  }
  void compare() {
    ASSERT_EQ(list_.L.TotalAllocates, m_.allocates);
    ASSERT_EQ(list_.L.AllocateMisses, m_.allocate_misses);
    ASSERT_EQ(list_.L.TotalFrees, m_.frees);
    ASSERT_EQ(list_.L.FreeMisses, m_.free_misses);
    if (magazines_) return;
    const exalloc_lookaside_counts c = card_counts(list_.L);
    ASSERT_EQ(c.allocates, m_.allocates);
    ASSERT_EQ(c.allocate_misses, m_.allocate_misses);
    ASSERT_EQ(c.frees, m_.frees);
    ASSERT_EQ(c.free_misses, m_.free_misses);
    ASSERT_EQ(c.held, m_.held.size());
    ASSERT_EQ(c.reserved, 0U);
  }

 private:
  static USHORT depth_of(ULONG seed) {
    constexpr USHORT depths[] = {4, 1, 7, 63, 64, 65, 100, 128, 256};
    return depths[seed % std::size(depths)];
  }

  const bool magazines_;
  std::mt19937 random_;
  typename Kind::list list_;
  model m_;
  std::vector<void*> out_;
  bool deleted_ = false;
};

TYPED_TEST(lookaside, random_calls_are_exact_at_any_fixed_depth) {
  for (const bool magazines : {true, false}) {
    exalloc_lookaside_magazines(magazines);
    exalloc_lookaside_nt4(1);
    for (ULONG i = 0; i < 9; ++i) {
      SCOPED_TRACE(testing::Message() << "magazines " << magazines << ", run " << i);
      against_model<TypeParam> m(static_cast<ULONG>(exalloc::test::seed() * 9 + i), magazines);
      m.run(rounds(magazines ? 60 : 6));
      ASSERT_FALSE(this->HasFatalFailure());
      m.destroy();
    }
  }
}

TYPED_TEST(lookaside, random_calls_are_exact_while_the_governor_works) {
  for (const bool magazines : {true, false}) {
    exalloc_lookaside_magazines(magazines);
    SCOPED_TRACE(testing::Message() << "magazines " << magazines);
    std::mt19937 random(exalloc::test::seed());
    against_model<TypeParam> m(0, magazines);
    std::set<USHORT> depths;
    for (int i = 0; i < rounds(60); ++i) {
      m.run(static_cast<int>(random() % 12));
      ASSERT_FALSE(this->HasFatalFailure());
      govern();
      if (random() % 2 != 0) govern();
      depths.insert(m.fields().Depth);
    }
    EXPECT_GT(depths.size(), rounds(60) == 60 ? 4U : 0U);
    m.destroy();
  }
}

TYPED_TEST(lookaside, magazines_can_be_switched_while_entries_are_held) {
  exalloc_lookaside_nt4(1);
  against_model<TypeParam> m(6, true);
  for (int i = 0; i < (rounds(20) == 20 ? 20 : 6); ++i) {
    exalloc_lookaside_magazines(i % 2);
    m.run(rounds(5));
    ASSERT_FALSE(this->HasFatalFailure());
  }
  m.destroy();
}

// ---- Several processors ----

struct destroy_processor {
  void operator()(exalloc_processor* p) const { exalloc_processor_destroy(p); }
};

// Processors that a test enters one after the other.
class processors {
 public:
  explicit processors(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) all_.emplace_back(exalloc_processor_create());
  }
  ~processors() { exalloc_processor_enter(nullptr); }
  processors(const processors&) = delete;
  processors& operator=(const processors&) = delete;
  void enter(std::size_t i) { exalloc_processor_enter(all_[i].get()); }
  std::size_t size() const { return all_.size(); }

 private:
  std::vector<std::unique_ptr<exalloc_processor, destroy_processor>> all_;
};

// What holds for any calls of any processors: no entry twice, no more than Depth, counts exact.
template <class Kind>
class checked_list {
 public:
  explicit checked_list(USHORT depth) {
    Kind::initialize(&list_, &callbacks::allocate, &callbacks::free, 0, 64, tag, depth);
  }
  GENERAL_LOOKASIDE& fields() { return list_.L; }
  std::size_t held() const { return held_.size(); }
  std::size_t out() const { return out_.size(); }
  ULONG misses() const { return list_.L.AllocateMisses; }

  void allocate() {
    const std::size_t calls = callbacks::sizes.size(), frees = callbacks::freed.size();
    void* got = Kind::allocate(&list_);
    ++allocates_;
    if (callbacks::sizes.size() == calls) {
      ASSERT_EQ(held_.erase(got), 1U) << "an entry that the list did not hold";
    }
    out_.push_back(got);
    drop(frees);
    compare();
  }
  void free(std::mt19937& random) {
    if (out_.empty()) return;
    std::swap(out_[random() % out_.size()], out_.back());
    void* entry = out_.back();
    out_.pop_back();
    const std::size_t calls = callbacks::freed.size();
    const std::size_t before = held_.size();
    const USHORT depth = list_.L.Depth;  // what the card says at the end of the call comes too late
    Kind::free(&list_, entry);
    ++frees_;
    held_.insert(entry);
    drop(calls);
    if (held_.size() > before) {
      ASSERT_LE(held_.size(), std::max(depth, list_.L.Depth));
    }
    compare();
  }
  void compare() {
    ASSERT_EQ(list_.L.TotalAllocates, allocates_);
    ASSERT_EQ(list_.L.AllocateMisses, callbacks::sizes.size());
    ASSERT_EQ(list_.L.TotalFrees, frees_);
  }
  void destroy() {
    callbacks::freed.clear();
    Kind::destroy(&list_);
    EXPECT_EQ(std::multiset<void*>(callbacks::freed.begin(), callbacks::freed.end()),
              std::multiset<void*>(held_.begin(), held_.end()));
  }

 private:
  // What Free was called with, by this call: its own miss, or entries that a smaller Depth has no
  // room for.
  void drop(std::size_t since) {
    for (std::size_t i = since; i < callbacks::freed.size(); ++i)
      ASSERT_EQ(held_.erase(callbacks::freed[i]), 1U) << "freed twice";
  }

  typename Kind::list list_;
  std::set<void*> held_;
  std::vector<void*> out_;
  ULONG allocates_ = 0, frees_ = 0;
};

TYPED_TEST(lookaside, processors_hold_no_more_than_depth_together) {
  std::mt19937 random(exalloc::test::seed());
  for (const std::size_t n : {2U, 3U, 8U, 20U}) {
    for (const USHORT depth : {1, 4, 13, 64, 150, 256}) {
      SCOPED_TRACE(testing::Message() << n << " processors, depth " << depth);
      callbacks::reset();
      processors all(n);
      exalloc_lookaside_nt4(1);
      checked_list<TypeParam> list(depth);
      for (int burst = 0; burst < rounds(40); ++burst) {
        all.enter(random() % n);
        const bool frees = random() % 2 != 0;
        for (auto calls = random() % (depth + 4U); calls > 0; --calls) {
          (random() % 8 == 0) != frees ? list.free(random) : list.allocate();
          ASSERT_FALSE(this->HasFatalFailure());
        }
        if (random() % 8 == 0) exalloc_processor_flush();
      }
      EXPECT_EQ(list.fields().FreeMisses, callbacks::freed.size());
      list.destroy();
    }
  }
}

TYPED_TEST(lookaside, processors_follow_the_governor) {
  std::mt19937 random(exalloc::test::seed());
  for (const std::size_t n : {2U, 5U}) {
    SCOPED_TRACE(testing::Message() << n << " processors");
    callbacks::reset();
    processors all(n);
    checked_list<TypeParam> list(0);
    std::set<USHORT> depths;
    for (int burst = 0; burst < rounds(400); ++burst) {
      all.enter(random() % n);
      const bool frees = random() % 2 != 0;
      // Now busy, now idle.
      const unsigned most = burst / rounds(50) % 2 == 0 ? 300 : 4;
      for (auto calls = random() % most; calls > 0; --calls) {
        (random() % 8 == 0) != frees ? list.free(random) : list.allocate();
        ASSERT_FALSE(this->HasFatalFailure()) << "burst " << burst;
      }
      if (burst % 4 == 0) govern();
      depths.insert(list.fields().Depth);
    }
    EXPECT_GT(depths.size(), rounds(400) == 400 ? 4U : 0U);
    list.destroy();
  }
}

TYPED_TEST(lookaside, a_processor_gets_what_another_one_freed) {
  processors all(2);
  std::mt19937 random(1);
  checked_list<TypeParam> list(0);
  all.enter(0);
  for (int i = 0; i < 4; ++i) list.allocate();
  for (int i = 0; i < 4; ++i) list.free(random);
  EXPECT_EQ(list.held(), 4U);
  // Half of Depth is the other one's.
  all.enter(1);
  for (int i = 0; i < 2; ++i) list.allocate();
  EXPECT_EQ(list.misses(), 4U);
  EXPECT_EQ(list.held(), 2U);
  for (int i = 0; i < 2; ++i) list.free(random);
  EXPECT_EQ(list.held(), 4U);
  // It does not wait for who has gone away.
  all.enter(0);
  exalloc_processor_flush();
  all.enter(1);
  for (int i = 0; i < 4; ++i) list.allocate();
  EXPECT_EQ(list.misses(), 4U);
  list.destroy();
}

TYPED_TEST(lookaside, one_allocates_what_another_frees) {
  processors all(2);
  std::mt19937 random(1);
  exalloc_lookaside_nt4(1);
  checked_list<TypeParam> list(64);
  all.enter(0);
  for (int i = 0; i < 64; ++i) list.allocate();
  const ULONG first_misses = list.misses();
  for (int i = 0; i < 500; ++i) {
    all.enter(1);
    for (int k = 0; k < 10; ++k) list.free(random);
    all.enter(0);
    for (int k = 0; k < 10; ++k) list.allocate();
  }
  // Of 5,000: the entries go through the card.
  EXPECT_LT(list.misses() - first_misses, 500U);
  list.destroy();
}

TYPED_TEST(lookaside, a_thread_leaves_its_entries_behind) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  std::thread([&] {
    for (std::uintptr_t i = 1; i <= 4; ++i) TypeParam::free(&list, reinterpret_cast<void*>(i * 16));
  }).join();
  EXPECT_EQ(list.L.TotalFrees, 4U);
  EXPECT_EQ(list.L.FreeMisses, 0U);
  const exalloc_lookaside_counts c = card_counts(list.L);
  EXPECT_EQ(c.held, 4U);
  EXPECT_EQ(c.reserved, 0U);
  EXPECT_EQ(c.frees, 4U);
  for (std::uintptr_t i = 4; i >= 1; --i)
    EXPECT_EQ(TypeParam::allocate(&list), reinterpret_cast<void*>(i * 16));
  EXPECT_EQ(list.L.AllocateMisses, 0U);
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, delete_collects_from_all_processors) {
  processors all(3);
  std::mt19937 random(1);
  exalloc_lookaside_nt4(1);
  checked_list<TypeParam> list(200);
  for (std::size_t p = 0; p < all.size(); ++p) {
    all.enter(p);
    for (int i = 0; i < 90; ++i) list.allocate();
  }
  for (std::size_t p = 0; p < all.size(); ++p) {
    all.enter(p);
    for (int i = 0; i < 60; ++i) list.free(random);
  }
  EXPECT_GT(list.held(), 150U);
  list.destroy();
}

TYPED_TEST(lookaside, the_card_is_told_everything) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  // More than 16 bits of each.
  for (int i = 0; i < 100'000; ++i) TypeParam::free(&list, TypeParam::allocate(&list));
  for (std::uintptr_t i = 1; i <= 70'000; ++i) {
    TypeParam::free(&list, reinterpret_cast<void*>(i * 16));
    TypeParam::free(&list, reinterpret_cast<void*>(i * 16 + 8));
    TypeParam::allocate(&list);
    callbacks::freed.clear();
  }
  exalloc_processor_flush();
  const exalloc_lookaside_counts c = card_counts(list.L);
  EXPECT_EQ(c.allocates, 170'000U);
  EXPECT_EQ(c.allocates, list.L.TotalAllocates);
  EXPECT_EQ(c.allocate_misses, list.L.AllocateMisses);
  EXPECT_EQ(c.frees, list.L.TotalFrees);
  EXPECT_EQ(c.free_misses, list.L.FreeMisses);
  EXPECT_GT(c.free_misses, 65'536U);
  EXPECT_EQ(list.L.LastTotalAllocates, list.L.TotalAllocates);
  EXPECT_EQ(list.L.LastAllocateMisses, list.L.AllocateMisses);
  EXPECT_EQ(c.depth, list.L.Depth);
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, depth_doubles_while_busy_lists_miss_and_halves_back) {
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  for (const USHORT depth : {8, 16, 32, 64, 128, 256, 256}) {
    std::vector<void*> out;
    for (int i = 0; i < 600; ++i) out.push_back(TypeParam::allocate(&list));
    for (void* e : out) TypeParam::free(&list, e);
    exalloc_processor_flush();
    govern();
    TypeParam::free(&list, TypeParam::allocate(&list));
    exalloc_processor_flush();
    EXPECT_EQ(list.L.Depth, depth);
  }
  callbacks::freed.clear();
  for (const USHORT depth : {130, 67, 35, 19, 11, 7, 5, 4, 4}) {
    govern();
    TypeParam::allocate(&list);
    exalloc_processor_flush();
    EXPECT_EQ(list.L.Depth, depth);
  }
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, a_list_initialised_again_starts_afresh) {
  const error_log log;
  typename TypeParam::list list;
  for (int i = 0; i < 3; ++i) {
    TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
    callbacks::reset();
    void* entry = TypeParam::allocate(&list);
    EXPECT_EQ(callbacks::sizes.size(), 1U);
    EXPECT_EQ(list.L.TotalAllocates, 1U);
    TypeParam::free(&list, entry);
    EXPECT_TRUE(callbacks::freed.empty());
  }
  EXPECT_EQ(log.errors(), 0U);
  EXPECT_EQ(log.size(), 2U);  // the entries that were lost
  TypeParam::destroy(&list);
}

TYPED_TEST(lookaside, a_list_that_does_not_exist_is_reported) {
  const error_log log;
  typename TypeParam::list list;
  TypeParam::initialize(&list, &callbacks::allocate, &callbacks::free, 0, 64, tag, 0);
  TypeParam::destroy(&list);
  EXPECT_EQ(log.size(), 0U);
  EXPECT_EQ(TypeParam::allocate(&list), nullptr);
  TypeParam::free(&list, &list);
  TypeParam::destroy(&list);
  EXPECT_EQ(log.count("bad_list"), 3U);
  EXPECT_TRUE(callbacks::freed.empty());
}

TYPED_TEST(lookaside, lists_beyond_the_cards_are_kept_in_the_host) {
  const error_log log;
  std::vector<std::unique_ptr<checked_list<TypeParam>>> lists;
  std::mt19937 random(exalloc::test::seed());
  for (int i = 0; i < 70; ++i) {
    callbacks::reset();
    lists.push_back(std::make_unique<checked_list<TypeParam>>(0));
    for (int k = 0; k < 6; ++k) lists.back()->allocate();
    for (int k = 0; k < 6; ++k) lists.back()->free(random);
    EXPECT_EQ(lists.back()->held(), 4U);
    EXPECT_EQ(lists.back()->fields().FreeMisses, 2U);
    for (int k = 0; k < 4; ++k) lists.back()->allocate();
    EXPECT_EQ(lists.back()->misses(), 6U);
    ASSERT_FALSE(this->HasFatalFailure());
  }
  EXPECT_EQ(log.errors(), 0U);
  exalloc_lookaside_counts counts;
  EXPECT_EQ(exalloc_lookaside_card_counts(&lists.back()->fields(), &counts), -1);
  for (auto& list : lists) list->destroy();
}

}  // namespace
