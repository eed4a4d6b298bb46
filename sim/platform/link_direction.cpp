#include "platform/link_direction.hpp"

#include <algorithm>

namespace exalloc::sim {
namespace {

constexpr std::size_t posted = 0, non_posted = 1;

}  // namespace

tlp_group write_tlps(const link_settings& s, unsigned bytes) {
  const unsigned tlps = pieces(bytes, s.max_payload);
  return {tlp_kind::posted, tlps, bytes + tlps * request_overhead};
}
tlp_group read_tlps(const link_settings& s, unsigned bytes) {
  const unsigned tlps = pieces(bytes, s.max_read_request);
  return {tlp_kind::non_posted, tlps, tlps * request_overhead};
}
tlp_group completion_tlps(const link_settings& s, unsigned bytes) {
  const unsigned tlps = pieces(bytes, s.max_payload);
  return {tlp_kind::completion, tlps, bytes + tlps * completion_overhead};
}

link_direction::link_direction(const link_settings& settings, unsigned stream)
    : settings_(settings),
      latency_(settings.wire, settings.seed, stream),
      rate_(settings.has_rate() ? settings.bytes_per_second() : 0) {}

picoseconds link_direction::time_on_wire(unsigned bytes) {
  if (rate_ == 0) return 0;
  const std::uint64_t total = bytes * std::uint64_t{1'000'000'000'000} + remainder_;
  remainder_ = total % rate_;
  return total / rate_;
}

// When the receiver has room for them.
picoseconds link_direction::credit(tlp_kind kind, unsigned tlps) {
  if (rate_ == 0 || kind == tlp_kind::completion) return 0;
  const std::size_t which = kind == tlp_kind::posted ? posted : non_posted;
  const std::size_t room =
      kind == tlp_kind::posted ? settings_.posted_credits : settings_.non_posted_credits;
  picoseconds ready = 0;
  while (!credits_[which].empty() && credits_[which].size() + tlps > room) {
    ready = credits_[which].front();
    credits_[which].pop_front();
  }
  return ready;
}

picoseconds link_direction::send(const tlp_group& group, picoseconds now, picoseconds delay) {
  bytes_ += group.bytes;
  tlps_ += group.tlps;
  const picoseconds on_wire = time_on_wire(group.bytes);
  line_free_ = std::max(line_free_, now) + on_wire;
  // What waits for credits leaves the line to others meanwhile.
  const picoseconds sent = std::max(line_free_, credit(group.kind, group.tlps) + on_wire);
  picoseconds arrived = sent + latency_.next() + delay;
  if (now < hold_until_) arrived += hold_until_ - now;
  arrived = std::max(arrived, last_[posted]);
  if (group.kind == tlp_kind::completion) return arrived;
  if (group.kind == tlp_kind::non_posted) arrived = std::max(arrived, last_[non_posted]);
  const std::size_t which = group.kind == tlp_kind::posted ? posted : non_posted;
  last_[which] = arrived;
  if (rate_ != 0) {
    // The update that gives a credit back travels the other way.
    const picoseconds back = arrived + settings_.wire.minimum_ns() * ps_per_ns;
    for (unsigned i = 0; i < group.tlps; ++i) credits_[which].push_back(back);
  }
  return arrived;
}

}  // namespace exalloc::sim
