// The HLS pattern in bitstream/kernels compiles as C++ and does what it says.
#include <gtest/gtest.h>

#include <set>
#include <vector>

// An HLS source: its pragmas mean nothing here (the warning about them is off for this file).

#include "forward.cpp"

namespace {

TEST(KernelStub, EveryWordGetsABlockAndEveryBlockComesBack) {
  constexpr unsigned words = 500, blocks = 16;
  const exalloc::kernel::segment zone{0x4000, 64, blocks, 8, 0};
  std::vector<std::uint64_t> memory(blocks);
  hls::stream<std::uint32_t> pop, push, out, back;
  hls::stream<std::uint64_t> in;
  for (unsigned i = 0; i < words; ++i) in.write(1000 + i);

  // The card's side of the stream port: free blocks go round.
  std::set<std::uint32_t> free;
  for (std::uint32_t t = 64; t < 64 + blocks; ++t) free.insert(t);
  free.insert(7);  // of another list: not the kernel's to use
  unsigned strangers = 0;
  pop.refill = [&] {
    for (const std::uint32_t t : push.words) {
      if (t == 7) {
        ++strangers;
      } else {
        EXPECT_TRUE(free.insert(t).second);
      }
    }
    push.words.clear();
    if (pop.words.empty() && !free.empty()) {
      pop.write(*free.begin());
      free.erase(free.begin());
    }
  };
  // The consumer of the blocks: reads the word and sends the block back.
  std::uint64_t expected = 1000;
  back.refill = [&] {
    while (!out.words.empty()) {
      const std::uint32_t t = out.read();
      EXPECT_EQ(memory[t - 64], expected++);
      back.write(t);
    }
  };
  unsigned outside = 0;
  forward(pop, push, in, out, back, memory.data(), zone, words, &outside);
  pop.refill();
  EXPECT_EQ(expected, 1000u + words);
  EXPECT_EQ(outside, 1u);
  EXPECT_EQ(strangers, 1u);
  EXPECT_EQ(free.size() + pop.words.size(), blocks);
}

}  // namespace
