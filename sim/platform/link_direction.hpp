// One direction of a PCIe link: when what is sent arrives. No SystemC here, so that it can be
// checked against closed forms by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "platform/link_settings.hpp"

namespace exalloc::sim {

enum class tlp_kind { posted, non_posted, completion };

struct tlp_group {  // TLPs that are sent one behind the other, and count as one
  tlp_kind kind;
  unsigned tlps;
  unsigned bytes;  // on the wire
};
// The TLPs of a write, of a read and of its answer.
tlp_group write_tlps(const link_settings& s, unsigned bytes);
tlp_group read_tlps(const link_settings& s, unsigned bytes);
tlp_group completion_tlps(const link_settings& s, unsigned bytes);

// Posted writes stay in order. A read passes neither writes nor reads, a completion passes no
// write; writes pass both, and completions pass one another.
class link_direction {
 public:
  link_direction(const link_settings& settings, unsigned stream);

  // Hands over a group at a time not before that of the one before; returns when it has arrived.
  // `delay`: what the data link layer needed to get it across, and all that may not pass it.
  picoseconds send(const tlp_group& group, picoseconds now, picoseconds delay = 0);
  // What is sent before then leaves the sender then.
  void hold(picoseconds until) { hold_until_ = until; }

  std::uint64_t bytes() const { return bytes_; }  // sent so far, headers included
  std::uint64_t tlps() const { return tlps_; }

 private:
  picoseconds time_on_wire(unsigned bytes);
  picoseconds credit(tlp_kind kind, unsigned tlps);

  const link_settings settings_;
  latency_source latency_;
  std::uint64_t rate_;           // bytes a second; 0 for any
  std::uint64_t remainder_ = 0;  // of the division by rate_, so that no time is lost
  picoseconds line_free_ = 0;
  picoseconds hold_until_ = 0;
  std::array<picoseconds, 2> last_{};               // arrival of the last posted, non-posted TLP
  std::array<std::deque<picoseconds>, 2> credits_;  // when each one in use is back
  std::uint64_t bytes_ = 0, tlps_ = 0;
};

}  // namespace exalloc::sim
