// LOOKASIDE_LIST_EX: callbacks that know their list, flushing, and what is refused.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/wdm.h"

namespace {

constexpr ULONG tag = 'L' | 'k' << 8 | 'E' << 16 | 'x' << 24;

struct owner {
  LOOKASIDE_LIST_EX list;
  std::atomic<int> allocated{0}, freed{0};
};
owner* owner_of(PLOOKASIDE_LIST_EX l) { return CONTAINING_RECORD(l, owner, list); }

PVOID allocate(POOL_TYPE type, SIZE_T size, ULONG t, PLOOKASIDE_LIST_EX l) {
  EXPECT_EQ(type, PagedPool);
  EXPECT_EQ(size, 96U);
  EXPECT_EQ(t, tag);
  ++owner_of(l)->allocated;
  return ::operator new(size);
}
VOID give_back(PVOID p, PLOOKASIDE_LIST_EX l) {
  ++owner_of(l)->freed;
  ::operator delete(p);
}
NTSTATUS initialize(owner& o) {
  return ExInitializeLookasideListEx(&o.list, allocate, give_back, PagedPool, 0, 96, tag, 0);
}

TEST(lookaside_ex, callbacks_are_told_their_list) {
  error_log log;
  owner one, two;
  for (owner* o : {&one, &two}) {
    ASSERT_EQ(initialize(*o), STATUS_SUCCESS);
    EXPECT_EQ(o->list.L.Depth, 4);
    EXPECT_EQ(o->list.L.MaximumDepth, 256);
    EXPECT_EQ(o->list.L.Type, PagedPool);
  }
  PVOID a = ExAllocateFromLookasideListEx(&one.list);
  PVOID b = ExAllocateFromLookasideListEx(&two.list);
  EXPECT_EQ(one.allocated, 1);
  EXPECT_EQ(two.allocated, 1);
  ExFreeToLookasideListEx(&one.list, a);
  EXPECT_EQ(ExAllocateFromLookasideListEx(&one.list), a);
  EXPECT_EQ(one.list.L.TotalAllocates, 2U);
  EXPECT_EQ(one.list.L.AllocateMisses, 1U);
  ExFreeToLookasideListEx(&one.list, a);
  ExFreeToLookasideListEx(&two.list, b);
  EXPECT_EQ(one.freed + two.freed, 0);
  ExDeleteLookasideListEx(&one.list);
  EXPECT_EQ(one.freed, 1);
  EXPECT_EQ(two.freed, 0);
  ExDeleteLookasideListEx(&two.list);
  EXPECT_EQ(two.freed, 1);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(lookaside_ex, more_than_depth_goes_to_free) {
  error_log log;
  owner o;
  ASSERT_EQ(initialize(o), STATUS_SUCCESS);
  std::vector<PVOID> entries(10);
  for (PVOID& e : entries) e = ExAllocateFromLookasideListEx(&o.list);
  for (PVOID e : entries) ExFreeToLookasideListEx(&o.list, e);
  EXPECT_EQ(o.list.L.TotalFrees, 10U);
  EXPECT_EQ(o.freed, static_cast<int>(o.list.L.FreeMisses));
  EXPECT_EQ(o.list.L.FreeMisses, 10U - o.list.L.Depth);
  ExDeleteLookasideListEx(&o.list);
  EXPECT_EQ(o.freed, o.allocated);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(lookaside_ex, flushing_empties_the_list_of_every_thread) {
  error_log log;
  owner o;
  ASSERT_EQ(initialize(o), STATUS_SUCCESS);
  const auto use = [&] {
    PVOID e = ExAllocateFromLookasideListEx(&o.list);
    ExFreeToLookasideListEx(&o.list, e);
  };
  use();
  std::thread(use).join();
  EXPECT_LT(o.freed, o.allocated);
  ExFlushLookasideListEx(&o.list);
  EXPECT_EQ(o.freed, o.allocated);
  // It goes on.
  const int before = o.allocated;
  use();
  EXPECT_EQ(o.allocated, before + 1);
  use();
  EXPECT_EQ(o.allocated, before + 1);
  ExDeleteLookasideListEx(&o.list);
  EXPECT_EQ(o.freed, o.allocated);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(lookaside_ex, flushing_while_others_use_the_list_loses_nothing) {
  error_log log;
  owner o;
  ASSERT_EQ(initialize(o), STATUS_SUCCESS);
  std::atomic<bool> stop{false};
  std::vector<std::thread> users;
  for (int t = 0; t < 3; ++t) {
    users.emplace_back([&] {
      std::vector<PVOID> mine;
      for (unsigned i = 0; !stop.load(); ++i) {
        if (i % 7 < 4) {
          mine.push_back(ExAllocateFromLookasideListEx(&o.list));
        } else if (!mine.empty()) {
          ExFreeToLookasideListEx(&o.list, mine.back());
          mine.pop_back();
        }
      }
      for (PVOID e : mine) ExFreeToLookasideListEx(&o.list, e);
    });
  }
  for (int i = 0; i < 200; ++i) ExFlushLookasideListEx(&o.list);
  stop.store(true);
  for (auto& t : users) t.join();
  ExDeleteLookasideListEx(&o.list);
  EXPECT_EQ(o.freed, o.allocated);
  EXPECT_EQ(o.list.L.TotalAllocates, o.list.L.TotalFrees);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(lookaside_ex, the_default_callbacks_use_the_pool) {
  error_log log;
  LOOKASIDE_LIST_EX list;
  ASSERT_EQ(ExInitializeLookasideListEx(&list, nullptr, nullptr, NonPagedPoolNx,
                                        EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, 200, tag, 0),
            STATUS_SUCCESS);
  EXPECT_EQ(static_cast<ULONG>(list.L.Type), 512U | POOL_RAISE_IF_ALLOCATION_FAILURE);
  PVOID e = ExAllocateFromLookasideListEx(&list);
  ASSERT_NE(e, nullptr);
  std::memset(e, 1, 200);
  ExFreeToLookasideListEx(&list, e);
  ExDeleteLookasideListEx(&list);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(lookaside_ex, wrong_arguments_are_refused) {
  error_log log;
  LOOKASIDE_LIST_EX list;
  const auto init = [&](int type, ULONG flags) {
    return ExInitializeLookasideListEx(&list, nullptr, nullptr, static_cast<POOL_TYPE>(type), flags,
                                       64, tag, 0);
  };
  EXPECT_EQ(init(DontUseThisType, 0), STATUS_INVALID_PARAMETER_4);
  EXPECT_EQ(init(MaxPoolType, 0), STATUS_INVALID_PARAMETER_4);
  EXPECT_EQ(init(PagedPool, 4), STATUS_INVALID_PARAMETER_5);
  EXPECT_EQ(init(PagedPool, 3), STATUS_INVALID_PARAMETER_5);
  EXPECT_EQ(log.size(), 0U);
  EXPECT_EQ(ExInitializeLookasideListEx(nullptr, nullptr, nullptr, PagedPool, 0, 64, tag, 0),
            STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(log.size(), 1U);
}

}  // namespace
