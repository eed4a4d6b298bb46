// The checker: each of its checks can fail, and right calls pass.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "shadow.hpp"

namespace exalloc::replay {
namespace {

class shadow_checker : public testing::Test {
 protected:
  shadow_checker() : zone_(checker_.add_zone("z", 24)) {
    checker_.add_segment(zone_, memory_.data(), 16 + 4 * 24 + 7);
    checker_.at_line(12);
  }
  std::byte* block(std::size_t i) { return memory_.data() + 16 + 24 * i; }
  std::uint64_t take(void* b) { return checker_.allocated(zone_, b, 24); }

  alignas(64) std::array<std::byte, 8192> memory_{};
  shadow checker_;
  shadow::zone_number zone_;
};

TEST_F(shadow_checker, right_calls_pass) {
  EXPECT_EQ(checker_.carved(zone_), 4u);
  for (int round = 0; round < 3; ++round) {
    std::array<std::uint64_t, 4> numbers{};
    for (std::size_t i = 0; i < 4; ++i) numbers[i] = take(block(i));
    EXPECT_EQ(checker_.live(zone_), 4u);
    for (std::size_t i = 0; i < 4; ++i) checker_.freed(zone_, block(i), numbers[i]);
  }
  checker_.drained(zone_, 4);
  EXPECT_TRUE(checker_.found().all_good());
  EXPECT_EQ(checker_.live(zone_), 0u);
}

TEST_F(shadow_checker, one_block_handed_out_twice_overlaps) {
  take(block(1));
  EXPECT_EQ(take(block(1)), shadow::untracked);
  EXPECT_EQ(checker_.found().overlapping, 1u);
  ASSERT_EQ(checker_.found().first.size(), 1u);
  EXPECT_NE(checker_.found().first[0].find("line 12, zone z"), std::string::npos);
}

TEST_F(shadow_checker, pool_inside_a_zone_block_and_around_it_overlaps) {
  alignas(16) static std::array<std::byte, 64> pool;
  const std::uint64_t number = checker_.allocated(shadow::pool, pool.data() + 16, 16);
  checker_.allocated(shadow::pool, pool.data(), 17);  // its end
  checker_.allocated(shadow::pool, pool.data(), 64);  // around it
  checker_.allocated(shadow::pool, pool.data() + 16, 1);
  EXPECT_EQ(checker_.found().overlapping, 3u);
  checker_.allocated(shadow::pool, pool.data(), 16);  // touching is no overlap
  checker_.allocated(shadow::pool, pool.data() + 32, 16);
  EXPECT_EQ(checker_.found().overlapping, 3u);
  checker_.freed(shadow::pool, pool.data() + 16, number);
  EXPECT_EQ(checker_.found().corrupted, 0u);
}

TEST_F(shadow_checker, a_block_of_no_bytes_is_apart_and_not_written) {
  alignas(16) static std::array<std::byte, 32> pool{};
  const std::uint64_t number = checker_.allocated(shadow::pool, pool.data(), 0);
  EXPECT_EQ(pool[0], std::byte{0});
  checker_.allocated(shadow::pool, pool.data(), 0);
  EXPECT_EQ(checker_.found().overlapping, 1u);
  checker_.freed(shadow::pool, pool.data(), number);
  EXPECT_EQ(checker_.found().corrupted, 0u);
}

TEST_F(shadow_checker, what_is_no_block_of_a_segment_is_outside) {
  take(block(0) + 8);    // off the grid
  take(memory_.data());  // the segment's header
  take(block(4));        // the rest behind the last whole block
  take(block(0) - 24);   // before
  take(block(200));      // far away
  EXPECT_EQ(checker_.found().outside_segment, 5u);
  const auto other = checker_.add_zone("y", 24);
  checker_.add_segment(other, memory_.data() + 4096, 16 + 24);
  take(memory_.data() + 4096 + 16);  // another zone's
  EXPECT_EQ(checker_.found().outside_segment, 6u);
}

TEST_F(shadow_checker, pool_must_be_aligned_and_not_cross_a_page) {
  alignas(4096) static std::array<std::byte, 16384> pool;
  checker_.allocated(shadow::pool, pool.data() + 8, 16);
  checker_.allocated(shadow::pool, pool.data() + 64, 4096);
  EXPECT_EQ(checker_.found().outside_segment, 2u);
  checker_.allocated(shadow::pool, pool.data() + 8192, 4096);
  EXPECT_EQ(checker_.found().outside_segment, 2u);
  checker_.allocated(shadow::pool, pool.data() + 4096 + 64 - 16, 16);
  checker_.allocated(shadow::pool, pool.data() + 8192 - 16, 17);  // less than a page, across two
  EXPECT_EQ(checker_.found().outside_segment, 3u);
}

TEST_F(shadow_checker, a_write_at_either_end_of_a_live_block_is_corruption) {
  std::uint64_t number = take(block(0));
  block(0)[3] ^= std::byte{1};
  checker_.freed(zone_, block(0), number);
  EXPECT_EQ(checker_.found().corrupted, 1u);
  number = take(block(0));
  block(0)[23] ^= std::byte{1};
  checker_.freed(zone_, block(0), number);
  EXPECT_EQ(checker_.found().corrupted, 2u);
  number = take(block(0));
  block(0)[12] ^= std::byte{1};  // the holder's own business
  checker_.freed(zone_, block(0), number);
  EXPECT_EQ(checker_.found().corrupted, 2u);
}

TEST_F(shadow_checker, fewer_blocks_at_the_end_are_lost) {
  checker_.drained(zone_, 4);
  EXPECT_EQ(checker_.found().lost, 0u);
  checker_.drained(zone_, 1);
  EXPECT_EQ(checker_.found().lost, 3u);
}

TEST_F(shadow_checker, wrong_answers_are_findings) {
  EXPECT_TRUE(checker_.found().all_good());
  checker_.wrong_answer(zone_, "full");
  EXPECT_FALSE(checker_.found().all_good());
}

}  // namespace
}  // namespace exalloc::replay
