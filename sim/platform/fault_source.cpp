#include "platform/fault_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace exalloc::sim {
namespace {

constexpr std::uint64_t golden = 0x9E37'79B9'7F4A'7C15;

// A share of a million, the next of its stream (SplitMix64).
std::uint64_t draw(std::uint64_t& state) {
  std::uint64_t z = state += golden;
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  z ^= z >> 31;
  return ((z >> 32) * fault_choice::always) >> 32;
}

}  // namespace

fault_source::fault_source(fault_plan plan) : plan_(std::move(plan)) {
  std::uint64_t stream = plan_.seed * golden;
  for (std::size_t i = 0; i < plan_.tlps.size(); ++i) tlps_.push_back({stream += 2});
  for (const tlp_rule& r : plan_.tlps) longest_delay_ = std::max(longest_delay_, r.delay);
  for (const event_rule& e : plan_.events)
    if (e.what == link_event::retrain) longest_delay_ = std::max(longest_delay_, e.lasts);
  longest_delay_ += plan_.completion_timeout;
  for (std::size_t i = 0; i < plan_.axi.size(); ++i) axi_.push_back({stream += 2});
}

bool fault_source::chooser::hit(const fault_choice& which, picoseconds start, picoseconds now) {
  if (now < start || now < which.from) return false;
  if (++seen < which.first || hits == which.most) return false;
  if (which.per_million != fault_choice::always && draw(state) >= which.per_million) return false;
  ++hits;
  return true;
}

void fault_source::harmed_by(const std::string& what, picoseconds now) {
  if (harm_.empty())
    harm_ = fmt::format("the fault \"{}\" at {}.{:03} us", what, now / (1'000 * ps_per_ns),
                        now / ps_per_ns % 1'000);
}

fault_source::fate fault_source::of_tlps(tlp_kind kind, direction way, picoseconds now) {
  fate out;
  for (std::size_t i = 0; i < plan_.tlps.size(); ++i) {
    const tlp_rule& rule = plan_.tlps[i];
    if (rule.kind.value_or(kind) != kind || rule.way.value_or(way) != way) continue;
    if (rule.what == tlp_fault::poisoned && kind == tlp_kind::non_posted) continue;
    // Each rule counts for itself; the first one that hits is the TLP's fate.
    if (!tlps_[i].hit(rule.which, plan_.start, now) || out.what != tlp_fault::none) continue;
    out = {rule.what, rule.delay};
    ++tlps_[i].done;
    count(rule.what);
    if (rule.what == tlp_fault::lost || rule.what == tlp_fault::poisoned) harmed_by(rule.text, now);
  }
  return out;
}

axi_fault fault_source::of_access(bool write, picoseconds now) {
  axi_fault out = axi_fault::none;
  for (std::size_t i = 0; i < plan_.axi.size(); ++i) {
    const axi_rule& rule = plan_.axi[i];
    if (rule.write != write || !axi_[i].hit(rule.which, plan_.start, now) || out != axi_fault::none)
      continue;
    out = rule.what;
    ++axi_[i].done;
    ++done_.bus_errors;
    harmed_by(rule.text, now);
  }
  return out;
}

picoseconds fault_source::next_event() const {
  return next_event_ < plan_.events.size() ? plan_.events[next_event_].at : never;
}

event_rule fault_source::take_event() {
  const event_rule& event = plan_.events[next_event_++];
  ++(event.what == link_event::down      ? done_.link_downs
     : event.what == link_event::retrain ? done_.retrains
                                         : done_.resets);
  if (event.what != link_event::retrain) harmed_by(event.text, event.at);
  return event;
}

std::vector<fault_source::rule_count> fault_source::done_by_rule() const {
  std::vector<rule_count> out;
  for (std::size_t i = 0; i < plan_.tlps.size(); ++i)
    out.push_back({plan_.tlps[i].text, tlps_[i].done});
  for (std::size_t i = 0; i < plan_.axi.size(); ++i)
    out.push_back({plan_.axi[i].text, axi_[i].done});
  for (std::size_t i = 0; i < plan_.events.size(); ++i)
    out.push_back({plan_.events[i].text, i < next_event_ ? 1U : 0U});
  return out;
}

void fault_source::timed_out(picoseconds now) {
  ++done_.timeouts;
  harmed_by("completion timeout", now);
}

void fault_source::count(tlp_fault what) {
  ++(what == tlp_fault::late         ? done_.late
     : what == tlp_fault::lost       ? done_.lost
     : what == tlp_fault::duplicated ? done_.duplicated
                                     : done_.poisoned);
}

}  // namespace exalloc::sim
