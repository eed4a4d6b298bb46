// The engine in the card's shell that copies between host memory and the card's own.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <optional>
#include <systemc>

#include "platform/dma_engine_job.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// One job at a time: it is told before, and begun by the doorbell, which travels as any register
// write. What is lost on the link is as lost as for any other: of a read the job fails, and without
// the line at the end it never ends.
class dma_engine final : public sc_core::sc_module {
 public:
  explicit dma_engine(sc_core::sc_module_name name);

  tlm_utils::simple_initiator_socket<dma_engine> to_host{"to_host"}, to_memory{"to_memory"};

  void prepare(const dma_job& job);
  void doorbell();
  // Forgets its job.
  void reset();

 private:
  using payload = tlm::tlm_generic_payload;

  tlm::tlm_sync_enum host_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&);
  tlm::tlm_sync_enum memory_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&);
  // Behind an answer: what was read is written on the other side.
  template <typename socket>
  void take(transfer& t, socket& other_side, std::uint64_t other_first, std::uint64_t this_first);
  void go_on();
  transfer& make(tlm::tlm_command command, std::uint64_t address, unsigned bytes);

  transfer_pool pool_;
  std::optional<dma_job> prepared_, job_;
  unsigned life_ = 0;       // jobs and resets so far
  unsigned next_ = 0;       // byte of the job
  unsigned under_way_ = 0;  // pieces
  bool failed_ = false;
};

}  // namespace exalloc::sim
