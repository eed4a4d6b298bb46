// What a list's free blocks are when the card is lost, told by their state bytes: while threads
// end, after a fork, after another look.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "card_in_a_child.hpp"
#include "current.hpp"
#include "exalloc/stream.h"
#include "stock.hpp"

namespace exalloc {
namespace {

using test::block_size;
using test::trick_card;
using test::zone_under_test;

// A list that kernels share, of 1,024 blocks in the card, which tells when it is looked through.
class watched_list final : public block_list {
 public:
  explicit watched_list(core& c) : watched_list(c, c.card_driver.open_list().value()) {}

  void each_extent(const std::function<void(std::uint32_t, std::uint32_t)>& visit) override {
    visit(first_, blocks);
    if (const auto now = std::exchange(when_looked_through, nullptr)) now();
  }
  std::function<void()> when_looked_through;

  std::uint32_t count(block_state what) const {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < blocks; ++i) n += state(first_ + i).load() == what;
    return n;
  }
  std::uint32_t token(const void* b) const {
    const auto at = static_cast<std::uint32_t>(static_cast<const std::byte*>(b) - memory_.data());
    return first_ + at / block_size;
  }

 private:
  static constexpr std::uint32_t slabs = 16, blocks = slabs * slab_width;

  watched_list(core& c, const driver::list_name& name)
      : block_list(name.number, name.generation, c.tokens.states()), memory_(blocks * block_size) {
    const std::uint32_t slab = c.card_driver.take_slabs(slabs).value();
    first_ = token_of(slab, 0);
    c.tokens.describe(slab, slabs, {memory_.data(), block_size, 0});
    c.card_driver.link(number(), slab, slabs, slab_width - 1);
    add_total(blocks);
    const std::pair<std::uint32_t, std::uint32_t> all[] = {{first_, blocks}};
    share_with_kernels(c, *this, all);
  }

  std::vector<std::byte> memory_;
  std::uint32_t first_ = 0;
};

// Its processor says then, without the list's mutex, that there is more to be found: nothing that
// is free may be given to the card because of that, and so into quarantine.
TEST(rescue, a_thread_that_ends_meanwhile) {
  IN_A_CHILD([](trick_card&, const error_log& log) {
    core& c = core::get();
    watched_list list(c);
    std::atomic<int> step{0};
    std::thread other([&] {
      // The first one is of scarce mode, which attaching leaves to the next call.
      for (int i = 0; i < 2; ++i) EXPECT_NE(allocate(list), nullptr);
      step = 1;
      step.notify_all();
      step.wait(1);
    });
    step.wait(0);
    std::vector<void*> some(500);
    for (void*& b : some) b = allocate(list);
    for (void* b : some) EXPECT_NE(free(list, {b, list.token(b)}, true), nullptr);
    c.card_driver.lose("the test says so");
    const std::uint32_t away = list.count(block_state::away), ready = list.count(block_state::free);
    EXPECT_GE(ready, 128u);  // as many as a list goes back to the card with
    list.when_looked_through = [&] {
      step = 2;
      step.notify_all();
      other.join();
    };
    EXPECT_FALSE(is_full_slow(list));
    EXPECT_EQ(list.count(block_state::away), away);
    std::uint32_t got = 0;
    while (allocate(list) != nullptr) ++got;
    EXPECT_EQ(got, ready);
    EXPECT_FALSE(other.joinable());
    EXPECT_EQ(log.count("card_lost"), 1u);
  });
}

TEST(rescue, what_the_card_has_not_been_given_is_not_away) {
  IN_A_CHILD([](trick_card&, const error_log&) {
    core& c = core::get();
    watched_list list(c);
    const std::uint32_t mine = list.token(allocate(list));
    list.state(mine).store(block_state::free);
    const processor_use self(c);
    const std::lock_guard lock(self->mutex);
    c.card_driver.lose("the test says so");
    EXPECT_FALSE(self->release(list, &mine, 1));
    EXPECT_EQ(list.state(mine).load(), block_state::free);
  });
}

TEST(rescue, no_kernel_has_what_a_zone_gets_after_it) {
  IN_A_CHILD([](trick_card&, const error_log&) {
    zone_under_test z(100);
    ASSERT_EQ(exalloc_stream_attach(0, &z.header, EXALLOC_STREAM_POP), 0) << exalloc_last_error();
    core::get().card_driver.lose("the test says so");
    z.take_all();
    const unsigned away = exalloc_quarantined(&z.header, nullptr, 0);
    std::vector<char> more(16 + 50 * block_size);
    ASSERT_EQ(ExExtendZone(&z.header, more.data(), static_cast<ULONG>(more.size())),
              STATUS_SUCCESS);
    EXPECT_EQ(z.take_all().size(), 50u);
    EXPECT_EQ(exalloc_quarantined(&z.header, nullptr, 0), away);
  });
}

// A free block of which it looks as if the processor were about to return it.
void* left_to(exalloc_processor* p, zone_under_test& z) {
  exalloc_processor_enter(p);
  void* const last = ExAllocateFromZone(&z.header);
  exalloc_processor_enter(exalloc_processor_create());
  ExFreeToZone(&z.header, last);
  exalloc_processor_enter(nullptr);
  return last;
}

// Whoever was about to return a block is not there any more.
TEST(rescue, a_forked_child_finds_what_was_left_to_other_threads) {
  IN_A_CHILD([](trick_card&, const error_log&) {
    zone_under_test z(1000);
    exalloc_processor* const other = exalloc_processor_create();
    void* const last = left_to(other, z);
    core::get().card_driver.lose("the test says so");
    EXPECT_EQ(z.take_all().size(), 999u);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(z.take_all() == std::set<void*>{last} ? 0 : 1);
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  });
}

// A processor that has come for the block it was about to return is in no such call any more,
// however often the state bytes are looked through.
TEST(rescue, nothing_is_left_out_twice) {
  IN_A_CHILD([](trick_card&, const error_log&) {
    zone_under_test z(1000);
    exalloc_processor* const other = exalloc_processor_create();
    void* const last = left_to(other, z);
    core::get().card_driver.lose("the test says so");
    std::set<void*> all = z.take_all();
    EXPECT_EQ(all.size(), 999u);
    exalloc_processor_enter(other);
    EXPECT_EQ(ExAllocateFromZone(&z.header), last);
    exalloc_processor_enter(nullptr);
    all.insert(last);
    z.free_all(all);
    std::vector<char> more(16 + 50 * block_size);
    ASSERT_EQ(ExExtendZone(&z.header, more.data(), static_cast<ULONG>(more.size())),
              STATUS_SUCCESS);
    EXPECT_EQ(z.take_all().size(), 1050u);
  });
}

}  // namespace
}  // namespace exalloc
