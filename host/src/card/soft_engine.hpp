// The engines of the card and the execution of lines and commands: docs/protocol.md in C++, without
// rings or time.
#pragma once

#include <cstdint>
#include <vector>

#include "card/soft_counters.hpp"
#include "card/soft_line.hpp"
#include "card/soft_lookaside.hpp"
#include "card/soft_slabs.hpp"
#include "card/soft_stream.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

struct geometry {
  unsigned banks = 4;
  std::uint32_t slabs = 65536;
  unsigned portals = 64;
  unsigned lookaside_lists = 64;
  unsigned lookaside_depth = 256;
  unsigned stream_ports = 4;
};

struct command_request {
  regs::command what{};
  unsigned list = 0, domain = 0;
  std::uint32_t slab = 0, count = 0;
  unsigned limit = 0;
  lookaside_depths depths;
};

class engine {
 public:
  explicit engine(const geometry& sizes);
  engine(const engine&) = delete;  // its parts know each other
  engine& operator=(const engine&) = delete;

  // Executes a submission line of a portal in the given domain whose bank pointer is out.bank. The
  // rest of `out` is overwritten.
  void execute(const line& in, bool phase_ok, unsigned domain, line_result& out);

  command_result command(const command_request& request);

  event_counters& counters() { return counters_; }
  list_accounts& lists() { return slabs_.accounts(); }
  lookaside_engine& lookasides() { return lookasides_; }
  unsigned streams() const { return static_cast<unsigned>(streams_.size()); }
  stream_port& stream(unsigned port) { return streams_[port]; }

 private:
  struct gathered {  // neighbouring tokens of one slab: one engine operation
    std::uint32_t slab;
    std::uint64_t mask;
    unsigned first, count;
  };
  regs::status check(std::uint64_t header, bool phase_ok) const;
  void grant(std::uint64_t header, unsigned domain, line_result& out);
  void release(const line& in, unsigned domain, line_result& out);
  void recall(std::uint64_t header, line_result& out);

  event_counters counters_;
  slab_engine slabs_;
  lookaside_engine lookasides_;
  std::vector<stream_port> streams_;
};

}  // namespace exalloc::soft
