// error_record: nothing is forgotten: every error is kept, oldest first, or counted as lost.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <random>
#include <unordered_map>
#include <utility>

#include "Verror_record.h"
#include "ports.hpp"

namespace {

// Of the first evaluation there is no edge yet.
void Reset(Verror_record& m, const auto& cycle) {
  m.rst_i = 1;
  for (int i = 0; i < 3; ++i) cycle();
  m.rst_i = 0;
}

// Numbers as tokens with bits all over, and back.
constexpr std::uint32_t Scatter(std::uint32_t number) { return number * 0x9e3779b1u; }
constexpr std::uint32_t Gather(std::uint32_t token) { return token * 0xe8b2f51u; }
static_assert(Gather(Scatter(0x7000'1234u)) == 0x7000'1234u);

struct Details {
  unsigned list, opcode, status, portal;
  bool operator==(const Details&) const = default;
};

TEST(ErrorRecord, KeepsOrCountsEveryError) {
  Verror_record m;
  std::mt19937 rng(11);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(rng() % n); };
  const auto cycle = [&] {
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  };
  Reset(m, cycle);
  std::uint64_t offered = 0, found = 0, popped = 0;
  std::array<std::uint32_t, 8> sequence{}, seen{};
  std::array<unsigned, 8> waits{};
  std::unordered_map<std::uint32_t, Details> told;
  std::deque<Details> portal_told;
  unsigned portal_sent = 0, portal_wait = 0, offered_before = 0;
  for (int i = 0; i < 60'000; ++i) {
    const bool rush = i / 5000 % 2 == 0;
    for (unsigned w = 0; w < 8; ++w) {
      if (!(m.err_valid_i >> w & 1) && rng() % (rush ? 2 : 40) == 0 && i < 59'900) {
        m.err_valid_i |= static_cast<std::uint8_t>(1u << w);
        m.err_token_i[w] = Scatter(w << 24 | ++sequence[w]);
        // Opcode 0 is the portal side's.
        const Details d{below(1024), 1 + below(15), below(16), below(64)};
        told[m.err_token_i[w]] = d;
        ports::Put(m.err_list_i, 10 * w, 10, d.list);
        ports::Put(m.err_opcode_i, 4 * w, 4, d.opcode);
        ports::Put(m.err_status_i, 4 * w, 4, d.status);
        ports::Put(m.err_portal_i, 6 * w, 6, d.portal);
        waits[w] = 0;
      }
    }
    if (!m.portal_valid_i && rng() % 100 == 0 && i < 59'900) {
      m.portal_valid_i = 1;
      m.portal_status_i = static_cast<std::uint8_t>(below(16));
      m.portal_portal_i = static_cast<std::uint8_t>(below(64));
      portal_told.push_back({0, 0, m.portal_status_i, m.portal_portal_i});
      portal_wait = 0;
    }
    m.pop_i = rng() % (rush ? 3 : 30) == 0;
    m.eval();
    if (m.pop_i && m.valid_o) {
      ++popped;
      const Details d{m.list_o, m.opcode_o, m.status_o, m.portal_o};
      if (m.opcode_o == 0) {
        EXPECT_EQ(m.token_o, 0u);
        // Those in between were lost.
        while (!portal_told.empty() && portal_told.front() != d) portal_told.pop_front();
        ASSERT_FALSE(portal_told.empty()) << "nobody told that";
        portal_told.pop_front();
      } else {
        ASSERT_EQ(d, told[m.token_o]);
        const std::uint32_t number = Gather(m.token_o);
        const unsigned w = number >> 24;
        ASSERT_LT(w, 8u);
        ASSERT_GT(number & 0xffffff, seen[w]) << "out of order";
        seen[w] = number & 0xffffff;
      }
    }
    const unsigned taken = m.err_valid_i & m.err_ready_o;
    const bool portal_taken = m.portal_valid_i && m.portal_ready_o;
    // An offer of a source is seen a cycle later than one of the portal side.
    const bool active = offered_before != 0 || m.err_ready_o != 0 || m.portal_valid_i;
    offered_before = m.err_valid_i & ~m.err_ready_o;
    cycle();
    ASSERT_EQ(m.busy_o, active);
    found += m.found_o;
    // What was found is named with it, one cycle after it was taken.
    ASSERT_EQ(m.found_o, taken != 0 || portal_taken);
    if (m.found_o) {
      const auto w = static_cast<unsigned>(std::countr_zero(taken));
      ASSERT_EQ(m.found_list_o, taken != 0 ? ports::Get(m.err_list_i, 10 * w, 10) : 0);
      ASSERT_EQ(m.found_opcode_o, taken != 0 ? ports::Get(m.err_opcode_i, 4 * w, 4) : 0);
    }
    for (unsigned w = 0; w < 8; ++w) {
      if (taken >> w & 1) ++offered;
      ASSERT_LT(++waits[w], (m.err_valid_i >> w & 1) ? 30u : ~0u) << "worker " << w << " starves";
    }
    m.err_valid_i &= static_cast<std::uint8_t>(~taken);
    if (portal_taken) {
      ++offered;
      ++portal_sent;
      m.portal_valid_i = 0;
    } else if (m.portal_valid_i) {
      ASSERT_LT(++portal_wait, 3u) << "the portal side has to wait";
    }
  }
  unsigned left = 0;
  m.pop_i = 1;
  for (int i = 0; i < 40; ++i) {
    m.eval();
    left += m.valid_o;
    cycle();
  }
  EXPECT_EQ(found, offered);
  EXPECT_EQ(popped + left + m.lost_o, offered);
  EXPECT_GT(m.lost_o, 0u);
  EXPECT_GT(portal_sent, 100u);
  m.final();
}

// Nobody reads: the queue fills, and then every error is lost. There is one a cycle, and the count
// goes past 24 bits.
TEST(ErrorRecord, CountsEveryLostError) {
  Verror_record m;
  const auto cycle = [&] {
    m.clk_i = 1;
    m.eval();
    m.clk_i = 0;
    m.eval();
  };
  Reset(m, cycle);
  std::uint64_t taken = 0;
  // Whoever is served had an error to tell.
  const auto count = [&] {
    taken += static_cast<unsigned>(std::popcount(static_cast<unsigned>(m.err_ready_o)));
  };
  // A single source has every other turn, so that a count stands for more than a cycle.
  for (const auto& [sources, cycles] : {std::pair{1, 400'000}, std::pair{0xff, 17'000'000}}) {
    m.err_valid_i = static_cast<std::uint8_t>(sources);
    m.eval();
    for (int i = 0; i < cycles; ++i) {
      count();
      cycle();
    }
  }
  while (m.err_ready_o != 0) {
    count();
    cycle();
    m.err_valid_i = 0;
  }
  for (int i = 0; i < 8; ++i) cycle();
  unsigned kept = 0;
  m.pop_i = 1;
  for (int i = 0; i < 100; ++i) {
    m.eval();
    kept += m.valid_o;
    cycle();
  }
  EXPECT_EQ(m.lost_o + kept, taken);
  EXPECT_GT(m.lost_o, 1u << 24);
  m.final();
}

}  // namespace
