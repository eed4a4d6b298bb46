// What executing a submission line gives: completion lines and errors.
#pragma once

#include <cstdint>
#include <vector>

#include "card/line.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

struct error_record {
  regs::opcode opcode{};
  regs::status status{};
  unsigned list = 0;
  unsigned portal = 0;  // opcode stream: the stream port
  std::uint32_t token = 0;
};

// In the lines, phase and head are left 0: they depend on the ring. In the errors, the portal is.
struct line_result {
  std::vector<line> lines;
  std::vector<error_record> errors;
  unsigned bank = 0;  // the portal's bank pointer, for this line and then for its next one

  // Keeps the memory: results are made by the million.
  void clear() {
    lines.clear();
    errors.clear();
  }
};

// A completion line that answers the submission line with this header.
inline line answer(std::uint64_t header, regs::status s, bool last) {
  namespace sub = regs::submission_header;
  namespace cpl = regs::completion_header;
  line out;
  out.header = cpl::opcode.set(out.header, sub::opcode.get(header));
  out.header = cpl::list.set(out.header, sub::list.get(header));
  out.header = cpl::cookie.set(out.header, sub::cookie.get(header));
  out.header = cpl::status.set(out.header, static_cast<unsigned>(s));
  out.header = cpl::last.set(out.header, last);
  return out;
}

inline error_record error(std::uint64_t header, regs::status s, std::uint32_t token) {
  namespace sub = regs::submission_header;
  return {static_cast<regs::opcode>(sub::opcode.get(header)), s,
          static_cast<unsigned>(sub::list.get(header)), 0, token};
}

// The whole line is refused: one completion line, one error.
inline void refuse(std::uint64_t header, regs::status s, line_result& out) {
  out.errors.push_back(error(header, s, 0));
  out.lines.push_back(answer(header, s, true));
}

// A line as 64-bit words, of which the header is word 0. Lookaside lines have counts or state in
// word 1 and entries from word 2 on.
inline constexpr unsigned second_word = 1;
inline constexpr unsigned first_entry = 2;

inline std::uint64_t word(const line& l, unsigned i) {
  return l.tokens[2 * i - 2] | std::uint64_t{l.tokens[2 * i - 1]} << 32;
}
inline void set_word(line& l, unsigned i, std::uint64_t value) {
  l.tokens[2 * i - 2] = static_cast<std::uint32_t>(value);
  l.tokens[2 * i - 1] = static_cast<std::uint32_t>(value >> 32);
}

}  // namespace exalloc::soft
