// The host: its memory, and the root complex between memory, processors and the link.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <systemc>

#include "card/process_memory.hpp"
#include "platform/link_settings.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// What of this process's memory the card may reach. A line's first word becomes visible last.
class host_memory final : public sc_core::sc_module {
 public:
  host_memory(sc_core::sc_module_name name, process_memory& memory);
  tlm_utils::simple_target_socket<host_memory> port{"port"};

 private:
  void access(tlm::tlm_generic_payload& p, sc_core::sc_time&);
  process_memory& memory_;
};

// Processors' register accesses go out; the card's reads and writes come in. A write is visible in
// order, and a read finds what was written before it came.
class root_complex final : public sc_core::sc_module {
 public:
  root_complex(sc_core::sc_module_name name, const link_settings& settings);

  tlm_utils::simple_initiator_socket<root_complex> to_link{"to_link"}, memory{"memory"};
  tlm_utils::simple_target_socket<root_complex> from_link{"from_link"};

  void write(std::uint32_t offset, std::uint32_t value);
  // Several reads may be under way, of several processors.
  void read(std::uint32_t offset, std::function<void(const register_answer&)> answered);

  // Told of each line that the card wrote, when processors can see it.
  std::function<void(std::uint64_t address)> line_written;

 private:
  using payload = tlm::tlm_generic_payload;

  void issue(transfer& t);
  void reach_memory(transfer& t);
  tlm::tlm_sync_enum answered(payload& p, tlm::tlm_phase&, sc_core::sc_time&);
  tlm::tlm_sync_enum card_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&);

  transfer_pool pool_;
  latency_source issue_latency_, answer_latency_, read_latency_, write_latency_;
  picoseconds last_issue_ = 0;  // of a write
  picoseconds last_write_ = 0;  // of the card, visible
  stage issued_, answered_, memory_reached_;
};

}  // namespace exalloc::sim
