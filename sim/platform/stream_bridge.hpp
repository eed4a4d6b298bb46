// A stream port's two AXI-Streams as TLM-2.0: every token is a write of 4 bytes.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <optional>
#include <string>
#include <systemc>

#include "exalloc/card.hpp"
#include "platform/axi_checks.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// An offer ends without its answer. Base protocol has nothing for it, AXI-Stream has: a port that
// is told to stop takes its token back, and a kernel that breaks the rules has to be caught at the
// pins.
TLM_DECLARE_EXTENDED_PHASE(OFFER_WITHDRAWN);

// BEGIN_REQ is TVALID, from whoever has the token; BEGIN_RESP is TREADY, and the token changes
// hands at the clock edge: the next one for a token that is popped, the last one for a token that
// is pushed. One offer at a time in each direction, answered at any edge: one token a cycle.
class stream_bridge final : public sc_core::sc_module {
 public:
  // What a kernel does wrong at its sockets is reported to `checks`.
  stream_bridge(sc_core::sc_module_name name, unsigned port, axi_checks& checks);

  tlm_utils::simple_initiator_socket<stream_bridge> pop{"pop"};  // to the kernel
  tlm_utils::simple_target_socket<stream_bridge> push{"push"};   // from the kernel

  // What moved at an edge, by the pins as they stood before it.
  void after_edge(const stream_pins& pins);
  // Drives the kernel's side of the pins for the next edge, at which the port offers a token or
  // none.
  void before_edge(stream_pins& pins, std::optional<std::uint32_t> offered);
  // Another kernel: what was offered on either side is forgotten.
  void forget(stream_pins& pins);

 private:
  using payload = tlm::tlm_generic_payload;

  tlm::tlm_sync_enum kernel_takes(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&);
  tlm::tlm_sync_enum kernel_offers(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&);
  bool check(bool holds, const char* rule);
  void end_pop();

  const unsigned port_;
  const std::string name_in_reports_;
  axi_checks& checks_;
  transfer_pool pool_;
  transfer* offered_ = nullptr;  // to the kernel
  std::uint32_t token_ = 0;      // which it is offered
  bool taken_ = false;           // the kernel has answered
  transfer* pushed_ = nullptr;   // by the kernel, not answered
};

}  // namespace exalloc::sim
