// The lookaside engine: stacks of 64-bit entries with a depth limit, shares, counts and the depth
// governor (docs/protocol.md, "POP, PUSH, SHARE").
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "card/soft_counters.hpp"
#include "card/soft_line.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

struct lookaside_depths {
  std::uint32_t depth = 0, minimum = 0, maximum = 0;
};

// A refused operation changes nothing. No list ever accepts an entry or hands out a share when
// entries and shares together are depth or more.
class lookaside_engine {
 public:
  // Counts of one list since it was opened, modulo 2^32.
  struct call_counts {
    std::uint32_t allocates = 0, allocate_misses = 0, frees = 0, free_misses = 0;
  };
  struct list {
    bool open = false;
    unsigned domain = 0;
    lookaside_depths depths;
    std::vector<std::uint64_t> stack;  // the entry pushed last is at the back
    std::uint32_t reserved = 0;        // shares that processors have
    std::uint32_t high_water = 0;      // the most entries there were
    call_counts counts;
    call_counts at_last_pass;  // when the governor last came by

    std::uint32_t held() const { return static_cast<std::uint32_t>(stack.size()); }
    // Room for entries and shares: 0 when a depth that has shrunk is exceeded.
    std::uint32_t room() const {
      const std::uint32_t used = held() + reserved;
      return used < depths.depth ? depths.depth - used : 0;
    }
  };

  lookaside_engine(unsigned lists, unsigned max_depth, event_counters& counters)
      : lists_(lists), max_depth_(max_depth), counters_(counters) {}

  unsigned lists() const { return static_cast<unsigned>(lists_.size()); }
  unsigned max_depth() const { return max_depth_; }
  const list& of(unsigned index) const { return lists_[index]; }

  // Executes a POP, PUSH or SHARE line that has passed the checks of a line.
  void execute(const line& in, unsigned domain, line_result& out);

  regs::status open(unsigned index, unsigned domain, const lookaside_depths& depths);
  regs::status close(unsigned index);
  // Sets the depth of every open list from what was counted since the last pass.
  void govern();

 private:
  regs::status check(const line& in, unsigned domain) const;
  void pop(std::uint64_t header, list& l, line_result& out);
  void push(const line& in, list& l, line_result& out);
  void share(const line& in, list& l, line_result& out);

  std::vector<list> lists_;
  unsigned max_depth_;
  event_counters& counters_;
};

}  // namespace exalloc::soft
