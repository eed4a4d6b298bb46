// Counts and thresholds of each list of the slab engine (docs/protocol.md, "Counts and thresholds
// of a list").
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "card/soft_counters.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

// All counts are modulo 2^32, and there are fewer than 2^31 blocks. Blocks of slabs that a list
// kept from before it was opened may come back: then less than nothing is in use, and none is free
// as long as in use is more than the total. Whoever moves blocks says so here, once a line, command
// or stream operation.
class list_accounts {
 public:
  struct account {
    std::uint32_t total = 0, in_use = 0, high_water = 0, granted = 0, refusals = 0;
    std::uint32_t low = 0, high = 0;
    bool depleted = false;
  };

  explicit list_accounts(event_counters& counters) : counters_(counters) {}

  const account& of(unsigned list) const { return at_[list]; }
  // Bit i: list 32 index + i is depleted.
  std::uint32_t depleted_word(unsigned index) const {
    std::uint32_t out = 0;
    for (unsigned i = 0; i < 32 && 32 * index + i < at_.size(); ++i) {
      out |= std::uint32_t{at_[32 * index + i].depleted} << i;
    }
    return out;
  }
  // Whether a list fell below its threshold or recovered since the last call.
  bool take_change() { return std::exchange(changed_, false); }

  // Everything but the refusals is forgotten. Neither this nor closing counts as recovery.
  void opened(unsigned list) { at_[list] = {.refusals = at_[list].refusals}; }
  void closed(unsigned list) { at_[list].depleted = false; }
  void linked(unsigned list, std::uint32_t blocks) {
    at_[list].total += blocks;
    look(at_[list]);
  }
  void trimmed(unsigned list, std::uint32_t blocks) {
    at_[list].total -= blocks;
    look(at_[list]);
  }
  void handed_out(unsigned list, std::uint32_t blocks) {
    account& a = at_[list];
    a.in_use += blocks;
    a.granted += blocks;
    if (!negative(a.in_use)) a.high_water = std::max(a.high_water, a.in_use);
    look(a);
  }
  void came_back(unsigned list, std::uint32_t blocks) {
    at_[list].in_use -= blocks;
    look(at_[list]);
  }
  void refused(unsigned list) { ++at_[list].refusals; }
  void set_low(unsigned list, std::uint32_t blocks) {
    at_[list].low = blocks;
    look(at_[list]);
  }
  void set_high(unsigned list, std::uint32_t blocks) {
    at_[list].high = blocks;
    look(at_[list]);
  }

 private:
  static constexpr bool negative(std::uint32_t n) { return n >> 31 != 0; }

  void look(account& a) {
    const std::uint32_t left = a.total - a.in_use;
    const std::uint32_t free = negative(left) ? 0 : left;
    if (!a.depleted && free < a.low) {
      a.depleted = changed_ = true;
      counters_.count(regs::counter::depletions);
    } else if (a.depleted && free >= std::max(a.low, a.high)) {
      a.depleted = false;
      changed_ = true;
    }
  }

  event_counters& counters_;
  std::array<account, regs::max_lists> at_{};
  bool changed_ = false;
};

}  // namespace exalloc::soft
