// sync_fifo against a queue.
#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <random>

#include "Vsync_fifo.h"

namespace {

TEST(SyncFifo, KeepsOrderUnderAnyTiming) {
  Vsync_fifo m;
  std::mt19937 rng(3);
  std::deque<std::uint8_t> queue;
  bool full = false, empty = false;
  m.rst_i = 1;
  for (int i = 0; i < 3; ++i) {  // Verilator sees no edge in the first
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  }
  m.rst_i = 0;
  for (int i = 0; i < 100'000; ++i) {
    const unsigned bias = i / 1000 % 3;
    m.in_valid_i = rng() % 4 > bias;
    m.out_ready_i = rng() % 4 < 1 + bias;
    m.in_data_i = static_cast<std::uint8_t>(rng());
    m.eval();
    ASSERT_EQ(m.out_valid_o, !queue.empty());
    ASSERT_EQ(m.in_ready_o, queue.size() < 16);
    ASSERT_EQ(m.count_o, queue.size());
    if (m.out_valid_o) {
      ASSERT_EQ(m.out_data_o, queue.front());
    }
    const bool put = m.in_valid_i && m.in_ready_o, get = m.out_valid_o && m.out_ready_i;
    if (get) queue.pop_front();
    if (put) queue.push_back(m.in_data_i);
    full = full || queue.size() == 16;
    empty = empty || queue.empty();
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  }
  EXPECT_TRUE(full && empty);
  m.final();
}

}  // namespace
