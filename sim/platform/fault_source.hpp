// Decides which TLPs and bus accesses a plan hits, and keeps what has been done. No SystemC here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/fault_plan.hpp"

namespace exalloc::sim {

// The same plan and the same traffic give the same faults on every machine. Not thread safe.
class fault_source {
 public:
  explicit fault_source(fault_plan plan);

  struct fate {
    tlp_fault what = tlp_fault::none;
    picoseconds delay = 0;
  };
  // Of TLPs that are sent now, one group at a time.
  fate of_tlps(tlp_kind kind, direction way, picoseconds now);
  // Of a read or write that the card begins now.
  axi_fault of_access(bool write, picoseconds now);

  // When the next event is due; never if none is left.
  static constexpr picoseconds never = event_rule::for_good;
  picoseconds next_event() const;
  event_rule take_event();

  bool any() const { return !plan_.empty(); }
  // What has been done so far.
  struct counts {
    std::uint64_t late = 0, lost = 0, duplicated = 0,
                  poisoned = 0;  // TLPs, one group counts as one
    std::uint64_t bus_errors = 0, link_downs = 0, retrains = 0, resets = 0, timeouts = 0;
  };
  const counts& done() const { return done_; }
  // The same for each fault of the plan, by its text, in the plan's order but for its events.
  struct rule_count {
    std::string text;
    std::uint64_t done = 0;
  };
  std::vector<rule_count> done_by_rule() const;
  // The longest that something on its way may take because of a fault.
  picoseconds longest_delay() const { return longest_delay_; }
  // A TLP was lost because the link was down.
  void lost_with_link() { ++done_.lost; }
  picoseconds completion_timeout() const { return plan_.completion_timeout; }
  // An answer came too late or not at all.
  void timed_out(picoseconds now);

  // The first fault after which somebody may wait in vain, in words; empty before it.
  const std::string& harm() const { return harm_; }

 private:
  struct chooser {
    std::uint64_t state, seen = 0, hits = 0, done = 0;
    bool hit(const fault_choice& which, picoseconds start, picoseconds now);
  };
  void count(tlp_fault what);
  void harmed_by(const std::string& what, picoseconds now);

  fault_plan plan_;
  picoseconds longest_delay_ = 0;
  std::vector<chooser> tlps_, axi_;  // one a rule
  std::size_t next_event_ = 0;
  std::string harm_;
  counts done_;
};

}  // namespace exalloc::sim
