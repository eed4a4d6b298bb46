// Tokens into ready blocks and back, on every vector unit this processor has.
#include "line_codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace {

using exalloc::vector_unit;

class line_codec : public testing::TestWithParam<vector_unit> {
 protected:
  void SetUp() override {
    if (!exalloc::use_vector_unit(GetParam())) GTEST_SKIP() << "this processor has no such unit";
  }
  static constexpr std::uint32_t first = 3 * 64, blocks = 1000, size = 72;
  std::vector<std::byte> memory_ = std::vector<std::byte>(std::size_t{blocks} * size);
  std::vector<exalloc::state_byte> states_ = std::vector<exalloc::state_byte>(first + blocks + 64);
  exalloc::block_list::run run_{memory_.data(), first, blocks, size};
};

TEST_P(line_codec, every_length_comes_back_reversed_and_then_as_it_was) {
  std::mt19937 random(1);
  for (std::size_t count = 0; count <= 128; ++count) {
    std::vector<std::uint32_t> tokens(count);
    for (std::uint32_t& t : tokens) t = first + static_cast<std::uint32_t>(random() % blocks);
    // One more on either side, which must stay as it is.
    std::array<exalloc_ready, 130> ready{};
    ASSERT_TRUE(exalloc::decode_line(run_, states_.data(), tokens, ready.data() + 1));
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t t = tokens[count - 1 - i];
      ASSERT_EQ(ready[i + 1].pointer, memory_.data() + std::size_t{t - first} * size) << count;
      ASSERT_EQ(ready[i + 1].state, reinterpret_cast<UCHAR*>(&states_[t])) << count;
    }
    ASSERT_EQ(ready[0].pointer, nullptr);
    ASSERT_EQ(ready[count + 1].pointer, nullptr);
    std::vector<std::uint32_t> back(count + 1, 7);
    exalloc::encode_line(states_.data(), ready.data() + 1, std::span(back).first(count));
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(back[i], tokens[count - 1 - i]) << count;
    ASSERT_EQ(back[count], 7U);
  }
}

TEST_P(line_codec, one_token_of_another_segment_is_noticed) {
  std::array<exalloc_ready, 64> ready;
  for (const std::uint32_t wrong : {0U, first - 1, first + blocks, 0x8000'0000U, 0xFFFF'FFFFU}) {
    for (std::size_t at = 0; at < 21; ++at) {
      std::vector<std::uint32_t> tokens(21, first + blocks - 1);
      tokens[at] = wrong;
      EXPECT_FALSE(exalloc::decode_line(run_, states_.data(), tokens, ready.data()))
          << wrong << " at " << at;
    }
  }
  EXPECT_FALSE(exalloc::decode_line({}, states_.data(), {}, ready.data()));
}

INSTANTIATE_TEST_SUITE_P(units, line_codec,
                         testing::Values(vector_unit::none, vector_unit::avx2,
                                         vector_unit::avx512));

}  // namespace
