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

constexpr std::uint64_t used_bits = sub::phase.mask() | sub::opcode.mask() | sub::ack.mask() |
                                    sub::count.mask() | sub::list.mask() | sub::cookie.mask();
constexpr unsigned slots = 8;  // operations of a GRANT round

// A completion line that answers the submission line with this header.
line answer(std::uint64_t header, status s, bool last) {
  line out;
  out.header = cpl::opcode.set(out.header, sub::opcode.get(header));
  out.header = cpl::list.set(out.header, sub::list.get(header));
  out.header = cpl::cookie.set(out.header, sub::cookie.get(header));
  out.header = cpl::status.set(out.header, static_cast<unsigned>(s));
  out.header = cpl::last.set(out.header, last);
  return out;
}

void append(line& out, std::uint32_t token) {
  const auto n = cpl::count.get(out.header);
  out.tokens[n] = token;
  out.header = cpl::count.set(out.header, n + 1);
}

std::uint32_t token_of(std::uint32_t slab, unsigned block) {
  return static_cast<std::uint32_t>(regs::token::slab.set(regs::token::block.set(0, block), slab));
}

error_record error(std::uint64_t header, status s, std::uint32_t token) {
  return {static_cast<opcode>(sub::opcode.get(header)), s,
          static_cast<unsigned>(sub::list.get(header)), 0, token};
}

}  // namespace

engine::engine(unsigned banks, std::uint32_t slabs)
    : banks_(banks, bank(slabs / banks)), slabs_(slabs) {}

status engine::check(std::uint64_t header, bool phase_ok) const {
  const auto op = static_cast<opcode>(sub::opcode.get(header));
  const auto count = sub::count.get(header);
  if (!phase_ok) return status::bad_phase;
  if (op < opcode::grant || op > opcode::sync || (header & ~used_bits)) return status::bad_opcode;
  if (sub::list.get(header) >= regs::max_lists) return status::bad_list;
  const auto most = op == opcode::grant     ? regs::max_grant
                    : op == opcode::release ? regs::tokens_per_line
                                            : 0;
  if (count > most || (most != 0 && count == 0)) return status::bad_count;
  return status::ok;
}

line_result engine::execute(const line& in, bool phase_ok, unsigned domain, unsigned bank) {
  line_result out;
  out.bank = bank;
  if (const status s = check(in.header, phase_ok); s != status::ok) {
    out.errors.push_back(error(in.header, s, 0));
    out.lines.push_back(answer(in.header, s, true));
  } else if (const auto op = static_cast<opcode>(sub::opcode.get(in.header)); op == opcode::grant) {
    grant(in.header, domain, out);
  } else if (op == opcode::release) {
    release(in, domain, out);
  } else {
    // Nothing runs beside this line here, so a RECALL has nothing to wait for.
    if (op == opcode::recall) count(counter::recalls);
    out.lines.push_back(answer(in.header, status::ok, true));
  }
  count(counter::refusals, out.errors.size());
  count(counter::lines_written, out.lines.size());
  return out;
}

void engine::grant(std::uint64_t header, unsigned domain, line_result& out) {
  count(counter::grant_lines);
  const auto list = static_cast<unsigned>(sub::list.get(header));
  const auto wanted = static_cast<unsigned>(sub::count.get(header));
  struct piece {
    std::uint32_t slab;
    std::uint64_t mask;
  };
  std::vector<piece> pieces;
  unsigned received = 0, yield_log2 = std::countr_zero(quarter_width), dry = 0;
  const unsigned all_dry = (1u << banks_.size()) - 1;
  status end = status::ok;
  while (received < wanted && dry != all_dry && end == status::ok) {
    const unsigned missing = wanted - received;
    const unsigned k = std::min((missing + (1u << yield_log2) - 1) >> yield_log2, slots);
    const unsigned dry_before = dry;
    for (unsigned i = 0; i < k; ++i) {
      while (dry_before >> out.bank & 1) out.bank = (out.bank + 1) % banks_.size();
      const bank_result r = banks_[out.bank].grant(list, domain);
      count(counter::engine_ops);
      if (r.status == status::ok) {
        pieces.push_back({r.slab * static_cast<std::uint32_t>(banks_.size()) + out.bank, r.mask});
        const unsigned blocks = std::popcount(r.mask);
        received += blocks;
        yield_log2 = std::bit_width(blocks) - 1;
      } else if (r.status == status::empty) {
        dry |= 1u << out.bank;
      } else {
        end = r.status;
      }
      out.bank = (out.bank + 1) % banks_.size();
    }
  }
  if (end != status::ok) {
    out.errors.push_back(error(header, end, 0));
    out.lines.push_back(answer(header, end, true));
    return;
  }

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
      count(counter::surplus_blocks, std::popcount(p.mask));
      release_blocks(list, domain, p.slab, p.mask);
    }
  }
  if (given < wanted) count(counter::empties);
  const status s = given < wanted ? status::empty : status::ok;
  current.header = cpl::last.set(cpl::status.set(current.header, static_cast<unsigned>(s)), 1);
  out.lines.push_back(current);
  count(counter::blocks_granted, given);
}

bank_result engine::release_blocks(unsigned list, unsigned domain, std::uint32_t slab,
                                   std::uint64_t mask) {
  count(counter::engine_ops);
  return bank_of(slab).release(list, domain, in_bank(slab), mask);
}

void engine::release(const line& in, unsigned domain, line_result& out) {
  count(counter::release_lines);
  const auto list = static_cast<unsigned>(sub::list.get(in.header));
  const auto n = static_cast<unsigned>(sub::count.get(in.header));
  std::array<status, regs::tokens_per_line> refused{};
  std::vector<gathered> runs;
  bool open = false;
  for (unsigned i = 0; i < n; ++i) {
    const auto slab = static_cast<std::uint32_t>(regs::token::slab.get(in.tokens[i]));
    const std::uint64_t bit = std::uint64_t{1} << regs::token::block.get(in.tokens[i]);
    if (!exists(slab)) {
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
    const status s = release_blocks(list, domain, r.slab, r.mask).status;
    if (s != status::ok && r.count > 1) {
      again.push_back(r);
    } else {
      refused[r.first] = s;
    }
  }
  for (const gathered& r : again) {
    for (unsigned i = r.first; i < r.first + r.count; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << regs::token::block.get(in.tokens[i]);
      refused[i] = release_blocks(list, domain, r.slab, bit).status;
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
  count(counter::blocks_released, n - out.errors.size());
  if (!out.errors.empty() || sub::ack.get(in.header)) out.lines.push_back(reply);
}

engine::command_result engine::command(regs::command what, unsigned list, unsigned domain,
                                       std::uint32_t slab, std::uint32_t slab_count,
                                       unsigned limit) {
  command_result out;
  const auto note = [&](status s) {
    if (out.status == status::ok) out.status = s;
    return s == status::ok;
  };
  if (what < regs::command::open || what > regs::command::trim) return {status::bad_command};
  if (list >= regs::max_lists) return {status::bad_list};
  const bool walks = what == regs::command::link || what == regs::command::unlink;
  if (walks && slab_count > slabs_) return {status::range};
  const auto ask = [&](auto&& operation) {
    count(counter::engine_ops);
    return operation();
  };
  switch (what) {
    case regs::command::open:
      for (bank& b : banks_) note(ask([&] { return b.open(list, domain); }).status);
      break;
    case regs::command::close:
      for (bank& b : banks_) note(ask([&] { return b.close(list); }).status);
      break;
    case regs::command::link:
    case regs::command::unlink:
      for (std::uint32_t i = 0; i < slab_count; ++i) {
        const std::uint32_t s = slab + i;
        if (!exists(s)) {
          note(status::range);
          continue;
        }
        const bool linking = what == regs::command::link;
        const unsigned last = i + 1 == slab_count ? limit : slab_width - 1;
        const bank_result r = ask([&] {
          return linking ? bank_of(s).link(list, in_bank(s), last)
                         : bank_of(s).unlink(list, in_bank(s));
        });
        if (note(r.status)) {
          ++out.slab;
          count(linking ? counter::slabs_linked : counter::slabs_taken);
        }
      }
      break;
    case regs::command::trim: {
      const bank_result r = ask([&] { return bank_of(slab).trim(list); });
      if (note(r.status)) {
        out.slab = r.slab * static_cast<std::uint32_t>(banks_.size()) +
                   slab % static_cast<std::uint32_t>(banks_.size());
        count(counter::slabs_taken);
      }
      break;
    }
  }
  return out;
}

}  // namespace exalloc::soft
