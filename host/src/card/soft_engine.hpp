// The slab engine and the execution of lines: docs/protocol.md in C++, without rings or time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "card/line.hpp"
#include "card/soft_bank.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

struct error_record {
  regs::opcode opcode{};
  regs::status status{};
  unsigned list = 0;
  unsigned portal = 0;
  std::uint32_t token = 0;
};

// What executing one line gives. In the lines, phase and head are left 0: they depend on the ring.
struct line_result {
  std::vector<line> lines;
  std::vector<error_record> errors;
  unsigned bank = 0;  // the portal's bank pointer for its next line
};

class engine {
 public:
  engine(unsigned banks, std::uint32_t slabs);

  // Executes a submission line of a portal in the given domain whose bank pointer stands at bank.
  line_result execute(const line& in, bool phase_ok, unsigned domain, unsigned bank);

  struct command_result {
    regs::status status = regs::status::ok;
    std::uint32_t slab = 0;
  };
  command_result command(regs::command what, unsigned list, unsigned domain, std::uint32_t slab,
                         std::uint32_t count, unsigned limit);

  std::uint64_t counter(regs::counter which) const {
    return counters_[static_cast<unsigned>(which)];
  }
  void count(regs::counter which, std::uint64_t n = 1) {
    counters_[static_cast<unsigned>(which)] += n;
  }

 private:
  struct gathered {  // neighbouring tokens of one slab: one engine operation
    std::uint32_t slab;
    std::uint64_t mask;
    unsigned first, count;
  };
  regs::status check(std::uint64_t header, bool phase_ok) const;
  void grant(std::uint64_t header, unsigned domain, line_result& out);
  void release(const line& in, unsigned domain, line_result& out);
  bank_result release_blocks(unsigned list, unsigned domain, std::uint32_t slab,
                             std::uint64_t mask);
  bool exists(std::uint32_t slab) const { return slab != 0 && slab < slabs_; }
  bank& bank_of(std::uint32_t slab) { return banks_[slab % banks_.size()]; }
  std::uint32_t in_bank(std::uint32_t slab) const {
    return slab / static_cast<std::uint32_t>(banks_.size());
  }

  std::vector<bank> banks_;
  std::uint32_t slabs_;
  std::array<std::uint64_t, 32> counters_{};
};

}  // namespace exalloc::soft
