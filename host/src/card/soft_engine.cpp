#include "card/soft_engine.hpp"

#include <algorithm>
#include <bit>

namespace exalloc::soft {
namespace {

namespace sub = regs::submission_header;
namespace cpl = regs::completion_header;
using regs::counter;
using regs::opcode;
using regs::status;

constexpr unsigned slots = 8;  // operations of a GRANT round

constexpr std::uint64_t used_bits = sub::phase.mask() | sub::opcode.mask() | sub::ack.mask() |
                                    sub::count.mask() | sub::list.mask() | sub::cookie.mask();

bool is_lookaside(opcode op) {
  return op == opcode::pop || op == opcode::push || op == opcode::share;
}

struct bounds {
  unsigned least, most;
};
constexpr bounds counts_of(opcode op) {
  switch (op) {
    case opcode::grant:
      return {1, regs::max_grant};
    case opcode::release:
      return {1, regs::tokens_per_line};
    case opcode::pop:
      return {1, regs::max_pop};
    case opcode::push:
      return {0, regs::entries_per_line};
    default:
      return {0, 0};
  }
}

void append(line& out, std::uint32_t token) {
  const auto n = cpl::count.get(out.header);
  out.tokens[n] = token;
  out.header = cpl::count.set(out.header, n + 1);
}

std::uint32_t token_of(std::uint32_t slab, unsigned block) {
  return static_cast<std::uint32_t>(regs::token::slab.set(regs::token::block.set(0, block), slab));
}

}  // namespace

engine::engine(const geometry& sizes)
    : slabs_(sizes.banks, sizes.slabs, counters_),
      lookasides_(sizes.lookaside_lists, sizes.lookaside_depth, counters_) {
  for (unsigned i = 0; i < sizes.stream_ports; ++i) streams_.emplace_back(i, slabs_, counters_);
}

status engine::check(std::uint64_t header, bool phase_ok) const {
  const auto op = static_cast<opcode>(sub::opcode.get(header));
  if (!phase_ok) return status::bad_phase;
  const bool calls = op == opcode::pop || op == opcode::push;
  const std::uint64_t used =
      used_bits | (calls ? sub::call.mask() : 0) | (op == opcode::push ? sub::give.mask() : 0);
  if (op < opcode::grant || op > opcode::share || (header & ~used)) return status::bad_opcode;
  const unsigned lists = is_lookaside(op) ? lookasides_.lists() : regs::max_lists;
  if (sub::list.get(header) >= lists) return status::bad_list;
  const auto count = sub::count.get(header);
  const bounds b = counts_of(op);
  return count < b.least || count > b.most ? status::bad_count : status::ok;
}

line_result engine::execute(const line& in, bool phase_ok, unsigned domain, unsigned bank) {
  line_result out;
  out.bank = bank;
  if (const status s = check(in.header, phase_ok); s != status::ok) {
    refuse(in.header, s, out);
  } else {
    switch (static_cast<opcode>(sub::opcode.get(in.header))) {
      case opcode::grant:
        grant(in.header, domain, out);
        break;
      case opcode::release:
        release(in, domain, out);
        break;
      case opcode::recall:
        recall(in.header, out);
        break;
      case opcode::sync:
        out.lines.push_back(answer(in.header, status::ok, true));
        break;
      default:
        lookasides_.execute(in, domain, out);
    }
  }
  counters_.count(counter::lines_written, out.lines.size());
  return out;
}

void engine::grant(std::uint64_t header, unsigned domain, line_result& out) {
  counters_.count(counter::grant_lines);
  const auto list = static_cast<unsigned>(sub::list.get(header));
  const auto wanted = static_cast<unsigned>(sub::count.get(header));
  struct piece {
    std::uint32_t slab;
    std::uint64_t mask;
  };
  std::vector<piece> pieces;
  unsigned received = 0, yield_log2 = std::countr_zero(quarter_width), dry = 0;
  const unsigned all_dry = (1u << slabs_.banks()) - 1;
  status end = status::ok;
  while (received < wanted && dry != all_dry && end == status::ok) {
    const unsigned missing = wanted - received;
    const unsigned k = std::min((missing + (1u << yield_log2) - 1) >> yield_log2, slots);
    const unsigned dry_before = dry;
    for (unsigned i = 0; i < k; ++i) {
      while (dry_before >> out.bank & 1) out.bank = (out.bank + 1) % slabs_.banks();
      const bank_result r = slabs_.grant(out.bank, list, domain);
      if (r.status == status::ok) {
        pieces.push_back({r.slab, r.mask});
        const unsigned blocks = std::popcount(r.mask);
        received += blocks;
        yield_log2 = std::bit_width(blocks) - 1;
      } else if (r.status == status::empty) {
        dry |= 1u << out.bank;
      } else {
        end = r.status;
      }
      out.bank = (out.bank + 1) % slabs_.banks();
    }
  }
  if (end != status::ok) return refuse(header, end, out);

  const unsigned given = std::min(received, wanted);
  unsigned left = given;
  line current = answer(header, status::ok, false);
  for (piece& p : pieces) {
    for (; left != 0 && p.mask != 0; --left, p.mask &= p.mask - 1) {
      if (cpl::count.get(current.header) == regs::tokens_per_line) {
        out.lines.push_back(current);
        current = answer(header, status::ok, false);
      }
      append(current, token_of(p.slab, std::countr_zero(p.mask)));
    }
    if (p.mask != 0) {
      counters_.count(counter::surplus_blocks, std::popcount(p.mask));
      slabs_.release(list, domain, p.slab, p.mask);
    }
  }
  if (given < wanted) counters_.count(counter::empties);
  const status s = given < wanted ? status::empty : status::ok;
  current.header = cpl::last.set(cpl::status.set(current.header, static_cast<unsigned>(s)), 1);
  out.lines.push_back(current);
  counters_.count(counter::blocks_granted, given);
  if (given != 0) lists().handed_out(list, given);
}

void engine::release(const line& in, unsigned domain, line_result& out) {
  counters_.count(counter::release_lines);
  const auto list = static_cast<unsigned>(sub::list.get(in.header));
  const auto n = static_cast<unsigned>(sub::count.get(in.header));
  std::array<status, regs::tokens_per_line> refused{};
  std::vector<gathered> runs;
  bool open = false;
  for (unsigned i = 0; i < n; ++i) {
    const auto slab = static_cast<std::uint32_t>(regs::token::slab.get(in.tokens[i]));
    const std::uint64_t bit = std::uint64_t{1} << regs::token::block.get(in.tokens[i]);
    if (!slabs_.exists(slab)) {
      refused[i] = status::range;
      open = false;
    } else if (open && runs.back().slab == slab && !(runs.back().mask & bit)) {
      runs.back().mask |= bit;
      ++runs.back().count;
    } else {
      runs.push_back({slab, bit, i, 1});
      open = true;
    }
  }

  std::vector<gathered> again;
  for (const gathered& r : runs) {
    const status s = slabs_.release(list, domain, r.slab, r.mask);
    if (s != status::ok && r.count > 1) {
      again.push_back(r);
    } else {
      refused[r.first] = s;
    }
  }
  for (const gathered& r : again) {
    for (unsigned i = r.first; i < r.first + r.count; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << regs::token::block.get(in.tokens[i]);
      refused[i] = slabs_.release(list, domain, r.slab, bit);
    }
  }

  line reply = answer(in.header, status::ok, true);
  for (unsigned i = 0; i < n; ++i) {
    if (refused[i] == status::ok) continue;
    if (out.errors.empty()) {
      reply.header = cpl::status.set(reply.header, static_cast<unsigned>(refused[i]));
    }
    append(reply, in.tokens[i]);
    out.errors.push_back(error(in.header, refused[i], in.tokens[i]));
  }
  const auto accepted = n - static_cast<unsigned>(out.errors.size());
  counters_.count(counter::blocks_released, accepted);
  if (accepted != 0) lists().came_back(list, accepted);
  if (!out.errors.empty() || sub::ack.get(in.header)) out.lines.push_back(reply);
}

// Nothing runs beside this line here, so only the stream ports have something to bring back.
void engine::recall(std::uint64_t header, line_result& out) {
  counters_.count(counter::recalls);
  const auto list = static_cast<unsigned>(sub::list.get(header));
  for (stream_port& port : streams_) port.recall(list);
  out.lines.push_back(answer(header, status::ok, true));
}

command_result engine::command(const command_request& r) {
  switch (r.what) {
    case regs::command::lookaside_open:
      return {lookasides_.open(r.list, r.domain, r.depths)};
    case regs::command::lookaside_close:
      return {lookasides_.close(r.list)};
    case regs::command::govern:
      lookasides_.govern();
      return {};
    default:
      return slabs_.command(r.what, r.list, r.domain, r.slab, r.count, r.limit);
  }
}

}  // namespace exalloc::soft
