// The list routines that come with the NT names, and SLISTs.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "exalloc/wdm.h"

namespace {

struct record {
  int value = 0;
  LIST_ENTRY links{};
  SINGLE_LIST_ENTRY link{};
};
record* record_of(PLIST_ENTRY e) { return CONTAINING_RECORD(e, record, links); }
record* record_of(PSINGLE_LIST_ENTRY e) { return CONTAINING_RECORD(e, record, link); }

std::vector<int> values(const LIST_ENTRY& head) {
  std::vector<int> all;
  for (PLIST_ENTRY e = head.Flink; e != &head; e = e->Flink) all.push_back(record_of(e)->value);
  return all;
}

TEST(nt_list, doubly_linked_lists_keep_their_order) {
  LIST_ENTRY head;
  InitializeListHead(&head);
  EXPECT_TRUE(IsListEmpty(&head));
  record r[5];
  for (int i = 0; i < 5; ++i) r[i].value = i;
  InsertTailList(&head, &r[1].links);
  InsertTailList(&head, &r[2].links);
  InsertHeadList(&head, &r[0].links);
  EXPECT_EQ(values(head), (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(RemoveEntryList(&r[1].links));
  EXPECT_EQ(values(head), (std::vector<int>{0, 2}));

  LIST_ENTRY others;
  InitializeListHead(&others);
  InsertTailList(&others, &r[3].links);
  InsertTailList(&others, &r[4].links);
  RemoveEntryList(&others);  // what is appended has no head of its own
  AppendTailList(&head, &r[3].links);
  EXPECT_EQ(values(head), (std::vector<int>{0, 2, 3, 4}));

  EXPECT_EQ(record_of(RemoveTailList(&head))->value, 4);
  EXPECT_EQ(record_of(RemoveHeadList(&head))->value, 0);
  EXPECT_FALSE(RemoveEntryList(&r[2].links));
  EXPECT_TRUE(RemoveEntryList(&r[3].links));
  EXPECT_TRUE(IsListEmpty(&head));
  EXPECT_EQ(RemoveHeadList(&head), &head);
}

TEST(nt_list, singly_linked_lists_are_lifos) {
  SINGLE_LIST_ENTRY head{};
  EXPECT_EQ(PopEntryList(&head), nullptr);
  record a, b;
  PushEntryList(&head, &a.link);
  PushEntryList(&head, &b.link);
  EXPECT_EQ(record_of(PopEntryList(&head)), &b);
  EXPECT_EQ(record_of(PopEntryList(&head)), &a);
  EXPECT_EQ(PopEntryList(&head), nullptr);
}

TEST(nt_list, interlocked_routines_tell_what_was_there) {
  KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  LIST_ENTRY head;
  InitializeListHead(&head);
  record a, b, c;
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock), nullptr);
  EXPECT_EQ(ExInterlockedInsertHeadList(&head, &a.links, &lock), nullptr);
  EXPECT_EQ(ExInterlockedInsertHeadList(&head, &b.links, &lock), &a.links);
  EXPECT_EQ(ExInterlockedInsertTailList(&head, &c.links, &lock), &a.links);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock), &b.links);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock), &a.links);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock), &c.links);

  SINGLE_LIST_ENTRY single{};
  EXPECT_EQ(ExInterlockedPopEntryList(&single, &lock), nullptr);
  EXPECT_EQ(ExInterlockedPushEntryList(&single, &a.link, &lock), nullptr);
  EXPECT_EQ(ExInterlockedPushEntryList(&single, &b.link, &lock), &a.link);
  EXPECT_EQ(ExInterlockedPopEntryList(&single, &lock), &b.link);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

struct alignas(16) node {
  SLIST_ENTRY link{};
  std::atomic<int> owners{0};
};

TEST(slist, is_a_lifo_with_a_depth) {
  SLIST_HEADER head;
  ExInitializeSListHead(&head);
  EXPECT_EQ(ExQueryDepthSList(&head), 0);
  EXPECT_EQ(InterlockedPopEntrySList(&head), nullptr);
  EXPECT_EQ(InterlockedFlushSList(&head), nullptr);
  node a, b, c;
  EXPECT_EQ(InterlockedPushEntrySList(&head, &a.link), nullptr);
  EXPECT_EQ(InterlockedPushEntrySList(&head, &b.link), &a.link);
  KSPIN_LOCK lock = 0;
  EXPECT_EQ(ExInterlockedPushEntrySList(&head, &c.link, &lock), &b.link);
  EXPECT_EQ(ExQueryDepthSList(&head), 3);
  EXPECT_EQ(ExInterlockedPopEntrySList(&head, &lock), &c.link);
  EXPECT_EQ(ExQueryDepthSList(&head), 2);
  const PSLIST_ENTRY all = ExInterlockedFlushSList(&head);
  EXPECT_EQ(all, &b.link);
  EXPECT_EQ(all->Next, &a.link);
  EXPECT_EQ(a.link.Next, nullptr);
  EXPECT_EQ(ExQueryDepthSList(&head), 0);
}

TEST(slist, threads_never_get_the_same_entry_and_may_free_what_they_popped) {
  constexpr int threads = 4, steps = 20'000;
  SLIST_HEADER head;
  InitializeSListHead(&head);
  std::atomic<int> twice{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < steps; ++i) {
        auto* fresh = new node;
        InterlockedPushEntrySList(&head, &fresh->link);
        if (PSLIST_ENTRY e = InterlockedPopEntrySList(&head)) {
          auto* mine = CONTAINING_RECORD(e, node, link);
          if (mine->owners.fetch_add(1) != 0) ++twice;
          delete mine;
        }
      }
    });
  }
  for (auto& t : all) t.join();
  EXPECT_EQ(twice.load(), 0);
  std::size_t left = 0;
  for (PSLIST_ENTRY e = InterlockedFlushSList(&head); e != nullptr; ++left) {
    auto* mine = CONTAINING_RECORD(e, node, link);
    e = e->Next;
    delete mine;
  }
  EXPECT_EQ(left, 0U);  // each thread pops after it pushed
}

}  // namespace
