// What happens to a processor in the middle of a call when others need its share: each step of the
// owner's fast path done by hand.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core.hpp"
#include "exalloc/exalloc.h"
#include "lookaside.hpp"
#include "lookaside_table.hpp"

namespace exalloc {
namespace {

std::vector<void*> freed;
PVOID no_memory(POOL_TYPE, SIZE_T, ULONG) { return nullptr; }
VOID take_back(PVOID entry) { freed.push_back(entry); }

void* entry(std::uintptr_t i) { return reinterpret_cast<void*>(i * 16); }

// A list of Depth 8 whose first user holds `held` entries; the calls of the second one are made in
// between the first one's.
class two_processors : public testing::Test {
 protected:
  explicit two_processors(std::uintptr_t held = 8) {
    freed.clear();
    exalloc_set_governor_period_ms(0);
    exalloc_lookaside_nt4(1);
    ExInitializeNPagedLookasideList(&fields_, no_memory, take_back, 0, 64, 0, 8);
    list_ = lookaside_table::find(&fields_.L);
    first_ = exalloc_processor_create();
    second_ = exalloc_processor_create();
    exalloc_processor_enter(first_);
    for (std::uintptr_t i = 1; i <= held; ++i) put(i);
    use_ = current().find(*list_);
  }
  ~two_processors() override {
    exalloc_processor_enter(nullptr);
    ExDeleteNPagedLookasideList(&fields_);
    exalloc_processor_destroy(first_);
    exalloc_processor_destroy(second_);
    exalloc_lookaside_nt4(0);
  }
  processor& current() { return *processor_use(core::get()); }
  void put(std::uintptr_t i) { ExFreeToNPagedLookasideList(&fields_, entry(i)); }
  void* take() { return ExAllocateFromNPagedLookasideList(&fields_); }
  std::int32_t held_by_first() const {
    return static_cast<std::int32_t>(use_->kept.size()) + (use_->m.frozen() ? 0 : use_->m.size());
  }

  NPAGED_LOOKASIDE_LIST fields_;
  lookaside_list* list_;
  exalloc_processor *first_, *second_;
  lookaside_use* use_;
};

class full : public two_processors {};
class with_room : public two_processors {
 protected:
  with_room() : two_processors(6) {}
};

TEST_F(full, the_fast_path_marks_itself_busy_only_meanwhile) {
  EXPECT_FALSE(use_->busy);
  EXPECT_EQ(take(), entry(8));
  EXPECT_FALSE(use_->busy);
  put(8);
  put(9);  // takes the slow path
  EXPECT_FALSE(use_->busy);
  EXPECT_EQ(freed, std::vector<void*>{entry(9)});
}

TEST_F(full, the_older_half_goes_to_the_card) {
  exalloc_processor_enter(second_);
  EXPECT_EQ(take(), entry(4));
  EXPECT_EQ(take(), entry(3));
  EXPECT_EQ(held_by_first(), 4);
  EXPECT_LE(use_->share, 4);
  exalloc_processor_enter(first_);
  for (std::uintptr_t i = 8; i >= 5; --i) EXPECT_EQ(take(), entry(i));
}

// Give and push are one line: between two, another processor could take the room.
TEST_F(full, entries_take_the_place_of_their_shares) {
  processor& p = current();
  const std::lock_guard lock(p.mutex);
  const std::vector<void*> entries = take_entries(*use_);
  const auto lines = [&] { return p.stats().lines_submitted; };
  const std::uint64_t before = lines();
  EXPECT_EQ(push_to_card(p, *use_, {entries.begin(), entries.begin() + 3}, 3), 3);
  EXPECT_EQ(lines(), before + 1);
  EXPECT_EQ(use_->share, 5);
  // Two of these had a share to spare.
  EXPECT_EQ(push_to_card(p, *use_, {entries.begin() + 3, entries.begin() + 6}, 5), 3);
  EXPECT_EQ(lines(), before + 2);
  EXPECT_EQ(use_->share, 0);
  EXPECT_EQ(push_to_card(p, *use_, {entries.begin() + 6, entries.end()}), 2);
  EXPECT_EQ(list_->room(), 0);
  exalloc_lookaside_counts card{};
  ASSERT_EQ(exalloc_lookaside_card_counts(&fields_.L, &card), 0);
  EXPECT_EQ(card.held, 8U);
  EXPECT_EQ(card.reserved, 0U);
}

// The shares given back are those of the youngest, so they go with the last line.
TEST_F(full, what_is_still_to_be_pushed_keeps_its_share) {
  processor& p = current();
  const std::lock_guard lock(p.mutex);
  const std::vector<void*> entries = take_entries(*use_);
  EXPECT_EQ(push_to_card(p, *use_, entries, 2), 2);
  EXPECT_EQ(use_->refused, (std::vector<void*>{entries.begin(), entries.end() - 2}));
}

TEST_F(full, who_only_allocates_gives_its_share_to_those_that_free) {
  for (std::uintptr_t i = 8; i >= 1; --i) EXPECT_EQ(take(), entry(i));
  exalloc_processor_enter(second_);
  take();
  exalloc_processor_enter(first_);
  take();
  EXPECT_GT(use_->share, 0);
  for (int i = 0; i < 8; ++i) take();
  EXPECT_EQ(use_->share, 0);
  exalloc_processor_enter(second_);
  for (std::uintptr_t i = 1; i <= 8; ++i) put(i);
  EXPECT_EQ(freed, std::vector<void*>{});
}

// The owner has stored n and not yet looked at floor.
TEST_F(full, a_pop_on_its_way_keeps_its_entry) {
  use_->begin();
  const std::int32_t slot = use_->m.begin_pop();
  use_->end();
  exalloc_processor_enter(second_);
  take();
  EXPECT_FALSE(use_->m.taken_for_sure(slot));
  exalloc_processor_enter(first_);
  EXPECT_EQ(allocate_slow(*list_, slot), entry(8));
  EXPECT_EQ(take(), entry(7));
}

// The owner has passed the ceiling and not yet stored n.
TEST_F(with_room, a_push_on_its_way_keeps_a_share) {
  for (const bool on_its_way : {false, true}) {
    use_->busy = on_its_way;
    exalloc_processor_enter(second_);
    // Half of 8 is kept, the rest goes.
    take();
    EXPECT_EQ(use_->kept.size(), 4U);
    EXPECT_EQ(use_->share, on_its_way ? 5 : 4);
    // Back to how it was.
    use_->busy = false;
    exalloc_processor_flush();
    exalloc_processor_enter(first_);
    exalloc_processor_flush();
    while (take() != nullptr) {
    }
    for (std::uintptr_t i = 1; i <= 6; ++i) put(i);
  }
}

// A call that has only begun, or will find no room, is not a push on its way.
TEST_F(full, a_full_magazine_has_no_push_on_its_way) {
  begin_sharing(core::get(), *list_);
  use_->begin();
  exalloc_processor_enter(second_);
  EXPECT_EQ(take(), entry(4));
  EXPECT_EQ(use_->kept.size(), 4U);
  EXPECT_EQ(use_->share, 4);
  use_->end();
}

TEST_F(full, a_push_that_lands_in_a_frozen_magazine_is_the_youngest) {
  begin_sharing(core::get(), *list_);
  EXPECT_EQ(take(), entry(8));
  use_->begin();
  const std::int32_t slot = use_->m.size();
  std::thread([&] {
    exalloc_processor_enter(second_);
    take();
    exalloc_processor_enter(nullptr);
  }).join();
  use_->m.put(slot, {entry(9), 0});
  use_->m.resize(slot + 1);
  use_->end();
  EXPECT_LE(static_cast<std::int32_t>(use_->kept.size()) + 1, use_->share);
  EXPECT_EQ(take(), entry(9));
  EXPECT_EQ(take(), entry(7));
}

// The second user may count only when the first one has ended what it does without atomics.
TEST_F(full, sharing_begins_when_the_first_one_has_counted) {
  use_->begin();
  std::atomic<bool> shared{false};
  std::thread other([&] {
    exalloc_processor_enter(second_);
    take();
    shared = true;
    exalloc_processor_enter(nullptr);
  });
  while (!list_->shared()) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(shared);
  EXPECT_EQ(fields_.L.TotalAllocates, 0U);
  use_->end();
  other.join();
  EXPECT_EQ(fields_.L.TotalAllocates, 1U);
}

// Room that was there when the call looked is gone when its line is executed.
TEST_F(full, what_the_card_refuses_stays_in_the_magazine) {
  processor& p = current();
  const std::lock_guard lock(p.mutex);
  EXPECT_EQ(push_to_card(p, *use_, {entry(20), entry(21)}), 0);
  EXPECT_EQ(use_->refused, (std::vector<void*>{entry(20), entry(21)}));
  give_share(p, *use_, 1);
  EXPECT_EQ(push_to_card(p, *use_, {entry(20), entry(21)}), 1);
  EXPECT_EQ(use_->refused, std::vector<void*>{entry(21)});
  pop_from_card(p, *use_, 1, 0);
  EXPECT_EQ(use_->popped, std::vector<void*>{entry(20)});
  take_share(p, *use_, 5);
  EXPECT_EQ(use_->granted, 1);
  EXPECT_EQ(use_->share, 8);
}

}  // namespace
}  // namespace exalloc
