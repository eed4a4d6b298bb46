// Where a kernel sits: the sockets of a stream port and of the card's memory on one side, the
// kernel's pins and accesses on the other.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <memory>
#include <systemc>

#include "exalloc/card.hpp"
#include "kernels/memory_kernel.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// Kernels are written for pins, so that they run on soft as well and look like their RTL.
class kernel_side final : public sc_core::sc_module {
 public:
  explicit kernel_side(sc_core::sc_module_name name);

  tlm_utils::simple_target_socket<kernel_side> pop{"pop"};
  tlm_utils::simple_initiator_socket<kernel_side> push{"push"};
  // Left unbound where there is no memory.
  tlm_utils::simple_initiator_socket_optional<kernel_side> memory{"memory"};
  // A kernel has got an answer of the memory: it may have something to do.
  std::function<void()> memory_answered;

  // Leaves the one there was in its place. What was offered is forgotten.
  void attach(std::shared_ptr<stream_kernel>& kernel);
  bool has_kernel() const { return kernel_ != nullptr; }
  bool busy() const { return kernel_->busy(); }
  // A clock edge: what has been answered since the last one changes hands. Whether anything moved
  // or changed.
  bool clock();

 private:
  using payload = tlm::tlm_generic_payload;

  tlm::tlm_sync_enum port_offers(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&);
  tlm::tlm_sync_enum port_takes(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&);
  tlm::tlm_sync_enum memory_answers(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&);
  void drive();
  void ask_memory();

  std::shared_ptr<stream_kernel> kernel_;
  memory_kernel* with_memory_ = nullptr;  // the same kernel, if it reaches memory
  unsigned kernels_ = 0;                  // attached so far
  stream_pins pins_;
  transfer_pool pool_;
  transfer* offered_ = nullptr;  // by the port, not answered
  transfer* pushed_ = nullptr;   // by the kernel, not answered
};

}  // namespace exalloc::sim
