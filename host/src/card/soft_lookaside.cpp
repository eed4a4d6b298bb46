#include "card/soft_lookaside.hpp"

#include <algorithm>

namespace exalloc::soft {
namespace {

namespace sub = regs::submission_header;
namespace cpl = regs::completion_header;
using regs::counter;
using regs::opcode;
using regs::status;

// Adds what the host counted since its last line.
void add(lookaside_engine::call_counts& to, std::uint64_t counts) {
  namespace c = regs::lookaside_counts;
  to.allocates += static_cast<std::uint32_t>(c::allocates.get(counts));
  to.allocate_misses += static_cast<std::uint32_t>(c::allocate_misses.get(counts));
  to.frees += static_cast<std::uint32_t>(c::frees.get(counts));
  to.free_misses += static_cast<std::uint32_t>(c::free_misses.get(counts));
}

// The list as the last completion line tells it.
std::uint64_t state_of(const lookaside_engine::list& l, std::uint32_t granted = 0) {
  namespace s = regs::lookaside_state;
  std::uint64_t w = s::depth.set(0, l.depths.depth);
  w = s::held.set(w, l.held());
  w = s::reserved.set(w, l.reserved);
  return s::granted.set(w, granted);
}

// Shares that the line gives back.
std::uint32_t given_back(const line& in) {
  const bool sharing = static_cast<opcode>(sub::opcode.get(in.header)) == opcode::share;
  return static_cast<std::uint32_t>(sharing ? regs::lookaside_share::give.get(word(in, first_entry))
                                            : sub::give.get(in.header));
}

void append(line& out, std::uint64_t entry) {
  const auto n = static_cast<unsigned>(cpl::count.get(out.header));
  set_word(out, first_entry + n, entry);
  out.header = cpl::count.set(out.header, n + 1);
}

std::uint32_t depth_after(const lookaside_depths& d, std::uint32_t allocates,
                          std::uint32_t misses) {
  if (allocates < regs::governor_idle_allocates) return d.minimum + (d.depth - d.minimum) / 2;
  if (std::uint64_t{misses} << regs::governor_miss_shift > allocates) {
    return std::min(d.maximum, std::max(1u, 2 * d.depth));
  }
  return d.depth;
}

}  // namespace

status lookaside_engine::check(const line& in, unsigned domain) const {
  const list& l = lists_[sub::list.get(in.header)];
  if (!l.open) return status::bad_list;
  if (l.domain != domain) return status::domain;
  return given_back(in) > l.reserved ? status::range : status::ok;
}

void lookaside_engine::execute(const line& in, unsigned domain, line_result& out) {
  if (const status s = check(in, domain); s != status::ok) return refuse(in.header, s, out);
  counters_.count(counter::lookaside_lines);
  list& l = lists_[sub::list.get(in.header)];
  add(l.counts, word(in, second_word));
  l.reserved -= given_back(in);
  switch (static_cast<opcode>(sub::opcode.get(in.header))) {
    case opcode::pop:
      return pop(in.header, l, out);
    case opcode::push:
      return push(in, l, out);
    default:
      return share(in, l, out);
  }
}

void lookaside_engine::pop(std::uint64_t header, list& l, line_result& out) {
  const auto wanted = static_cast<std::uint32_t>(sub::count.get(header));
  const std::uint32_t given = std::min(wanted, l.held());
  line current = answer(header, status::ok, false);
  for (std::uint32_t i = 0; i < given; ++i) {
    if (cpl::count.get(current.header) == regs::entries_per_line) {
      out.lines.push_back(current);
      current = answer(header, status::ok, false);
    }
    append(current, l.stack.back());
    l.stack.pop_back();
  }
  if (given == 0 && sub::call.get(header)) ++l.counts.allocate_misses;
  counters_.count(counter::entries_popped, given);
  const status s = given < wanted ? status::empty : status::ok;
  current.header = cpl::last.set(cpl::status.set(current.header, static_cast<unsigned>(s)), 1);
  set_word(current, second_word, state_of(l));
  out.lines.push_back(current);
}

void lookaside_engine::push(const line& in, list& l, line_result& out) {
  const auto given = static_cast<std::uint32_t>(sub::count.get(in.header));
  const std::uint32_t taken = std::min(given, l.room());
  for (std::uint32_t i = 0; i < taken; ++i) l.stack.push_back(word(in, first_entry + i));
  l.high_water = std::max(l.high_water, l.held());
  line reply = answer(in.header, taken < given ? status::full : status::ok, true);
  for (std::uint32_t i = taken; i < given; ++i) append(reply, word(in, first_entry + i));
  if (taken == 0 && given != 0 && sub::call.get(in.header)) ++l.counts.free_misses;
  counters_.count(counter::entries_pushed, taken);
  set_word(reply, second_word, state_of(l));
  out.lines.push_back(reply);
}

void lookaside_engine::share(const line& in, list& l, line_result& out) {
  namespace s = regs::lookaside_share;
  const auto wanted = static_cast<std::uint32_t>(s::take.get(word(in, first_entry)));
  const std::uint32_t granted = std::min(wanted, l.room());
  l.reserved += granted;
  line reply = answer(in.header, status::ok, true);
  set_word(reply, second_word, state_of(l, granted));
  out.lines.push_back(reply);
}

status lookaside_engine::open(unsigned index, unsigned domain, const lookaside_depths& depths) {
  if (index >= lists_.size()) return status::bad_list;
  if (depths.minimum > depths.depth || depths.depth > depths.maximum ||
      depths.maximum > max_depth_) {
    return status::range;
  }
  if (lists_[index].open) return status::bad_list;
  lists_[index] = {};
  lists_[index].open = true;
  lists_[index].domain = domain;
  lists_[index].depths = depths;
  return status::ok;
}

status lookaside_engine::close(unsigned index) {
  if (index >= lists_.size() || !lists_[index].open) return status::bad_list;
  lists_[index] = {};
  return status::ok;
}

void lookaside_engine::govern() {
  counters_.count(counter::governor_passes);
  for (list& l : lists_) {
    if (!l.open) continue;
    l.depths.depth = depth_after(l.depths, l.counts.allocates - l.at_last_pass.allocates,
                                 l.counts.allocate_misses - l.at_last_pass.allocate_misses);
    l.at_last_pass = l.counts;
  }
}

}  // namespace exalloc::soft
