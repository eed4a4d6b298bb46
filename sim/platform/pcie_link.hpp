// The PCIe link: two directions, and the tags of the card's reads.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <systemc>

#include "platform/link_direction.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

class pcie_link final : public sc_core::sc_module {
 public:
  pcie_link(sc_core::sc_module_name name, const link_settings& settings);

  tlm_utils::simple_target_socket<pcie_link> from_host{"from_host"}, from_card{"from_card"};
  tlm_utils::simple_initiator_socket<pcie_link> to_card{"to_card"}, to_host{"to_host"};

  const link_direction& down() const { return down_; }  // host to card
  const link_direction& up() const { return up_; }

 private:
  using payload = tlm::tlm_generic_payload;
  using phase = tlm::tlm_phase;
  using time = sc_core::sc_time;

  tlm::tlm_sync_enum host_asks(payload& p, phase& ph, time&);
  tlm::tlm_sync_enum card_answers(payload& p, phase&, time&);
  tlm::tlm_sync_enum card_asks(payload& p, phase& ph, time&);
  tlm::tlm_sync_enum host_answers(payload& p, phase&, time&);
  void send_waiting_reads();

  const link_settings settings_;
  link_direction down_, up_;
  unsigned tags_used_ = 0;
  std::deque<transfer*> reads_without_tag_;
  stage reaches_card_, host_answered_, reaches_host_, card_answered_;
};

}  // namespace exalloc::sim
