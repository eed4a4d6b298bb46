#include "card/soft_engine.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

namespace exalloc::soft {
namespace {

namespace sub = regs::submission_header;
namespace cpl = regs::completion_header;
using regs::counter;
using regs::opcode;
using regs::status;

constexpr unsigned slots = 15;  // operations of a GRANT round

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

void engine::execute(const line& in, bool phase_ok, unsigned domain, line_result& out) {
  out.clear();
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
}

void engine::grant(std::uint64_t header, unsigned domain, line_result& out) {
  counters_.count(counter::grant_lines);
  const auto list = static_cast<unsigned>(sub::list.get(header));
  const auto wanted = static_cast<unsigned>(sub::count.get(header));
  struct piece {
    std::uint32_t slab;
    std::uint64_t mask;
  };
  // Each operation but the last round's brings a block at least.
  std::array<piece, regs::max_grant + slots> pieces;
  std::size_t piece_count = 0;
  const auto after = [&](unsigned bank) { return bank + 1 == slabs_.banks() ? 0 : bank + 1; };
  unsigned received = 0, yield_log2 = std::countr_zero(quarter_width), dry = 0;
  const unsigned all_dry = (1u << slabs_.banks()) - 1;
  status end = status::ok;
  while (received < wanted && dry != all_dry && end == status::ok) {
    const unsigned missing = wanted - received;
    const unsigned k = std::min((missing + (1u << yield_log2) - 1) >> yield_log2, slots);
    const unsigned dry_before = dry;
    for (unsigned i = 0; i < k; ++i) {
      while (dry_before >> out.bank & 1) out.bank = after(out.bank);
      const bank_result r = slabs_.grant(out.bank, list, domain);
      if (r.status == status::ok) {
        pieces[piece_count++] = {r.slab, r.mask};
        const unsigned blocks = std::popcount(r.mask);
        received += blocks;
        yield_log2 = std::bit_width(blocks) - 1;
      } else if (r.status == status::empty) {
        dry |= 1u << out.bank;
      } else {
        end = r.status;
      }
      out.bank = after(out.bank);
    }
  }
  if (end != status::ok) return refuse(header, end, out);

  const unsigned given = std::min(received, wanted);
  std::array<std::uint32_t, regs::max_grant + quarter_width> tokens;
  unsigned listed = 0;
  for (const piece& p : std::span(pieces).first(piece_count)) {
    std::uint64_t surplus = p.mask;
    const std::uint32_t token = token_of(p.slab, static_cast<unsigned>(std::countr_zero(p.mask)));
    // Mostly a whole quarter.
    const auto run = static_cast<unsigned>(std::countr_one(p.mask >> (token % slab_width)));
    if (run == quarter_width && listed + run <= given) {
      for (unsigned i = 0; i < quarter_width; ++i) tokens[listed + i] = token + i;
      listed += run;
      surplus &= ~(~std::uint64_t{0} >> (slab_width - run) << (token % slab_width));
    }
    for (; listed < given && surplus != 0; surplus &= surplus - 1)
      tokens[listed++] = token_of(p.slab, static_cast<unsigned>(std::countr_zero(surplus)));
    if (surplus != 0) {
      counters_.count(counter::surplus_blocks, static_cast<unsigned>(std::popcount(surplus)));
      slabs_.release(list, domain, p.slab, surplus);
    }
  }
  const line blank = answer(header, status::ok, false);
  line* current = nullptr;
  unsigned done = 0;
  do {
    const unsigned now = std::min(given - done, regs::tokens_per_line);
    current = &out.lines.emplace_back(blank);
    if (now == regs::tokens_per_line) {
      std::memcpy(current->tokens.data(), tokens.data() + done, sizeof(current->tokens));
    } else {
      std::copy_n(tokens.begin() + done, now, current->tokens.begin());
    }
    current->header = cpl::count.set(current->header, now);
    done += now;
  } while (done < given);
  if (given < wanted) counters_.count(counter::empties);
  const status s = given < wanted ? status::empty : status::ok;
  current->header = cpl::last.set(cpl::status.set(current->header, static_cast<unsigned>(s)), 1);
  counters_.count(counter::blocks_granted, given);
  if (given != 0) lists().handed_out(list, given);
}

void engine::release(const line& in, unsigned domain, line_result& out) {
  counters_.count(counter::release_lines);
  const auto list = static_cast<unsigned>(sub::list.get(in.header));
  const auto n = static_cast<unsigned>(sub::count.get(in.header));
  std::array<status, regs::tokens_per_line> refused{};
  bool any_refused = false;
  const auto refuse_token = [&](unsigned i, status why) {
    refused[i] = why;
    any_refused = true;
  };
  std::array<gathered, regs::tokens_per_line> runs;
  std::size_t run_count = 0;
  for (unsigned i = 0; i < n;) {
    const unsigned first = i;
    const auto slab = static_cast<std::uint32_t>(regs::token::slab.get(in.tokens[i]));
    std::uint64_t mask = std::uint64_t{1} << (in.tokens[i++] % slab_width);
    if (!slabs_.exists(slab)) {
      refuse_token(first, status::range);
      continue;
    }
    for (; i < n && regs::token::slab.get(in.tokens[i]) == slab; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << (in.tokens[i] % slab_width);
      if (mask & bit) break;
      mask |= bit;
    }
    runs[run_count++] = {slab, mask, first, i - first};
  }

  std::array<gathered, regs::tokens_per_line> again;
  std::size_t again_count = 0;
  for (const gathered& r : std::span(runs).first(run_count)) {
    const status s = slabs_.release(list, domain, r.slab, r.mask);
    if (s == status::ok) continue;
    if (r.count > 1) {
      again[again_count++] = r;
    } else {
      refuse_token(r.first, s);
    }
  }
  for (const gathered& r : std::span(again).first(again_count)) {
    for (unsigned i = r.first; i < r.first + r.count; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << regs::token::block.get(in.tokens[i]);
      if (const status s = slabs_.release(list, domain, r.slab, bit); s != status::ok)
        refuse_token(i, s);
    }
  }

  line reply;
  if (any_refused || sub::ack.get(in.header)) reply = answer(in.header, status::ok, true);
  for (unsigned i = 0; any_refused && i < n; ++i) {
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
