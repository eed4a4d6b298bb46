// The HLS kernels in bitstream/kernels compile as C++ and do what they say.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <set>
#include <vector>

// HLS sources: their pragmas mean nothing here (the warning about them is off for this file).

#include "forward.cpp"
#include "loopback.cpp"

namespace {

// A queue whose reader can be made to find it empty now and then, as a real stream is.
struct queue : hls::wire {
  bool empty() override {
    if (refill) refill();
    return words.empty();
  }
  bool full() override { return false; }
  std::uint64_t read() override {
    const std::uint64_t w = words.front();
    words.pop_front();
    return w;
  }
  void write(std::uint64_t w) override { words.push_back(w); }

  std::deque<std::uint64_t> words;
  std::function<void()> refill;
};
template <class Word>
struct stream : queue {
  hls::stream<Word> port{*this};
};

TEST(KernelStub, EveryWordGetsABlockAndEveryBlockComesBack) {
  constexpr unsigned words = 500, blocks = 16;
  const exalloc::kernel::segment zone{0x4000, 64, blocks, 8, 0};
  std::vector<std::uint64_t> memory(blocks);
  stream<std::uint32_t> pop, push, out, back;
  stream<std::uint64_t> in;
  for (unsigned i = 0; i < words; ++i) in.write(1000 + i);

  // The card's side of the stream port: free blocks go round.
  std::set<std::uint64_t> free;
  for (std::uint32_t t = 64; t < 64 + blocks; ++t) free.insert(t);
  free.insert(7);  // of another list: not the kernel's to use
  unsigned strangers = 0;
  pop.refill = [&] {
    for (const std::uint64_t t : push.words) {
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
      const std::uint64_t t = out.read();
      EXPECT_EQ(memory[t - 64], expected++);
      back.write(t);
    }
  };
  unsigned outside = 0;
  forward(pop.port, push.port, in.port, out.port, back.port, memory.data(), zone, words, &outside);
  pop.refill();
  EXPECT_EQ(expected, 1000u + words);
  EXPECT_EQ(outside, 1u);
  EXPECT_EQ(strangers, 1u);
  EXPECT_EQ(free.size() + pop.words.size(), blocks);
}

TEST(KernelStub, LoopbackReturnsEveryTokenAndNotesIt) {
  stream<std::uint32_t> pop, push;
  for (std::uint32_t t = 64; t < 74; ++t) pop.write(t);
  std::vector<std::uint32_t> seen(10);
  loopback(pop.port, push.port, seen.data(), 8);
  EXPECT_EQ(pop.words.size(), 2u);
  ASSERT_EQ(push.words.size(), 8u);
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(seen[i], 64 + i);
    EXPECT_EQ(push.words[i], 64 + i);
  }
  EXPECT_EQ(seen[8], 0u);
}

}  // namespace
