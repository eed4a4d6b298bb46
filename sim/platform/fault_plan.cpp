#include "platform/fault_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace exalloc::sim {
namespace {

constexpr const char* whats =
    "late, lost, dup, poison, slverr, decerr, down, retrain, reset, seed=, start= and timeout=";
constexpr const char* whens =
    "a share (2%), a number (7: the seventh) or a time (100us: the first from then on), each with "
    "how many at most (2%x3)";

// A fault of the list while it is read from left to right.
class reader {
 public:
  explicit reader(std::string_view text) : text_(text), left_(text) {}

  [[noreturn]] void fail(std::string_view what) const {
    throw std::invalid_argument(fmt::format("the fault \"{}\": {}", text_, what));
  }
  std::string text() const { return std::string(text_); }
  bool done() const { return left_.empty(); }
  std::string_view left() const { return left_; }
  bool skip(std::string_view what) {
    if (!left_.starts_with(what)) return false;
    left_.remove_prefix(what.size());
    return true;
  }
  std::string_view word() {
    const std::size_t n =
        std::min(left_.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), left_.size());
    const std::string_view out = left_.substr(0, n);
    left_.remove_prefix(n);
    return out;
  }
  bool number(std::uint64_t& out) {
    const auto [last, error] = std::from_chars(left_.data(), left_.data() + left_.size(), out);
    if (error != std::errc()) return false;
    left_.remove_prefix(static_cast<std::size_t>(last - left_.data()));
    return true;
  }
  picoseconds time(std::string_view what) {
    std::uint64_t value = 0;
    if (!number(value)) fail(fmt::format("{} is a time, as 50us or 800ns or 3ms", what));
    return unit(value, what);
  }
  // The unit behind a number that has been read.
  picoseconds unit(std::uint64_t value, std::string_view what) {
    const std::uint64_t ns = skip("ns") ? 1 : skip("us") ? 1'000 : skip("ms") ? 1'000'000 : 0;
    if (ns == 0) fail(fmt::format("{} needs a unit: ns, us or ms", what));
    if (value > 1'000'000'000'000 / ns) fail(fmt::format("{} is longer than 1,000 s", what));
    return value * ns * ps_per_ns;
  }
  void end() const {
    if (!left_.empty()) fail(fmt::format("nothing is expected at \"{}\"", left_));
  }

 private:
  std::string_view text_, left_;
};

// The share of a million behind the decimal point of a percentage.
std::uint64_t fraction(reader& r) {
  std::uint64_t out = 0;
  for (std::uint64_t place = 1'000; !r.done() && r.left().front() >= '0' && r.left().front() <= '9';
       place /= 10) {
    if (place == 0) r.fail("a share has at most four decimal places");
    out += place * static_cast<std::uint64_t>(r.left().front() - '0');
    r.skip(r.left().substr(0, 1));
  }
  return out;
}

fault_choice choice(reader& r) {
  fault_choice out;
  std::uint64_t value = 0;
  if (!r.skip("@")) r.fail(fmt::format("\"@\" and which ones are missing: {}", whens));
  if (!r.number(value)) r.fail(fmt::format("which ones? Allowed are {}", whens));
  if (r.left().starts_with('%') || r.left().starts_with('.')) {
    if (value > 100) r.fail("a share is at most 100%");
    out.per_million = value * 10'000;
    if (r.skip(".")) out.per_million += fraction(r);
    if (!r.skip("%")) r.fail("a share ends with %");
    if (out.per_million == 0 || out.per_million > fault_choice::always)
      r.fail("a share is more than 0% and at most 100%");
  } else if (r.done() || r.left().starts_with('x') || r.left().starts_with('+')) {
    if (value == 0) r.fail("the first one has number 1");
    out.first = value;
    out.most = 1;
  } else {
    out.from = r.unit(value, "the time behind \"@\"");
    out.most = 1;
  }
  if (r.skip("x") && (!r.number(out.most) || out.most == 0))
    r.fail("behind \"x\" comes how many at most");
  return out;
}

void tlp(reader& r, tlp_rule& rule) {
  if (!r.skip(":")) r.fail("\":\" and which TLPs are missing, as in lost:completion.up@2%");
  const std::string_view kind = r.word();
  if (kind == "write") {
    rule.kind = tlp_kind::posted;
  } else if (kind == "read") {
    rule.kind = tlp_kind::non_posted;
  } else if (kind == "completion") {
    rule.kind = tlp_kind::completion;
  } else if (kind != "any") {
    r.fail(
        fmt::format("there are no TLPs \"{}\"; known are write, read, completion and any, each "
                    "with .down (to the card) or .up (to the host) or neither",
                    kind));
  }
  if (!r.skip(".")) return;
  const std::string_view way = r.word();
  if (way != "down" && way != "up")
    r.fail(
        fmt::format("there is no direction \"{}\"; known are down (to the card) and up (to the "
                    "host)",
                    way));
  rule.way = way == "up" ? direction::up : direction::down;
}

tlp_rule tlp_fault_of(reader& r, tlp_fault what) {
  tlp_rule out;
  out.text = r.text();
  out.what = what;
  tlp(r, out);
  if (what == tlp_fault::poisoned && out.kind == tlp_kind::non_posted)
    r.fail("a read request carries no data that could be poisoned; poison its completion");
  out.which = choice(r);
  if (what == tlp_fault::late) {
    constexpr picoseconds replay = 2'000 * ps_per_ns;
    out.delay = r.skip("+") ? r.time("the delay") : replay;
  }
  r.end();
  return out;
}

axi_rule axi_fault_of(reader& r, axi_fault what) {
  axi_rule out;
  out.text = r.text();
  out.what = what;
  if (!r.skip(":")) r.fail("\":\" and what of the card fails are missing, as in slverr:read@2%");
  const std::string_view kind = r.word();
  if (kind != "read" && kind != "write")
    r.fail(fmt::format("there is no bus access \"{}\"; known are read and write", kind));
  out.write = kind == "write";
  out.which = choice(r);
  r.end();
  return out;
}

event_rule event_of(reader& r, link_event what) {
  event_rule out;
  out.text = r.text();
  out.what = what;
  if (!r.skip("@")) r.fail("\"@\" and a time are missing, as in reset@100us");
  out.at = r.time("the time behind \"@\"");
  if (what == link_event::reset) {
    r.end();
    return out;
  }
  if (r.skip("+")) {
    out.lasts = r.time("the time behind \"+\"");
  } else if (what == link_event::retrain) {
    r.fail("\"+\" and how long it takes are missing, as in retrain@50us+5us");
  }
  r.end();
  return out;
}

void item(reader r, fault_plan& plan) {
  const std::string_view what = r.word();
  if (what == "late") {
    plan.tlps.push_back(tlp_fault_of(r, tlp_fault::late));
  } else if (what == "lost") {
    plan.tlps.push_back(tlp_fault_of(r, tlp_fault::lost));
  } else if (what == "dup") {
    plan.tlps.push_back(tlp_fault_of(r, tlp_fault::duplicated));
  } else if (what == "poison") {
    plan.tlps.push_back(tlp_fault_of(r, tlp_fault::poisoned));
  } else if (what == "slverr") {
    plan.axi.push_back(axi_fault_of(r, axi_fault::slave_error));
  } else if (what == "decerr") {
    plan.axi.push_back(axi_fault_of(r, axi_fault::decode_error));
  } else if (what == "down") {
    plan.events.push_back(event_of(r, link_event::down));
  } else if (what == "retrain") {
    plan.events.push_back(event_of(r, link_event::retrain));
  } else if (what == "reset") {
    plan.events.push_back(event_of(r, link_event::reset));
  } else if (what == "seed" && r.skip("=")) {
    if (!r.number(plan.seed)) r.fail("a seed is a number");
    r.end();
  } else if (what == "start" && r.skip("=")) {
    plan.start = r.time("the start");
    r.end();
  } else if (what == "timeout" && r.skip("=")) {
    plan.completion_timeout = r.time("the completion timeout");
    if (plan.completion_timeout == 0) r.fail("the completion timeout is more than 0");
    r.end();
  } else {
    r.fail(fmt::format("not known; known are {}", whats));
  }
}

}  // namespace

fault_plan parse_faults(std::string_view text) {
  fault_plan plan;
  if (text.empty()) return plan;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    item(reader(text.substr(at, comma - at)), plan);
    at = comma + 1;
  }
  std::stable_sort(plan.events.begin(), plan.events.end(),
                   [](const event_rule& a, const event_rule& b) { return a.at < b.at; });
  return plan;
}

}  // namespace exalloc::sim
