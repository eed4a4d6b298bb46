// The PCIe link: two directions, the tags of the card's reads, and what goes wrong on the way.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <systemc>

#include "platform/fault_source.hpp"
#include "platform/link_direction.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// Whatever becomes of a request, its sender gets an answer: of a posted write that it is sent, of a
// read without a completion that it has failed, after the completion timeout.
class pcie_link final : public sc_core::sc_module {
 public:
  pcie_link(sc_core::sc_module_name name, const link_settings& settings, fault_source& faults);

  tlm_utils::simple_target_socket<pcie_link> from_host{"from_host"}, from_card{"from_card"};
  tlm_utils::simple_initiator_socket<pcie_link> to_card{"to_card"}, to_host{"to_host"};

  const link_direction& down() const { return down_; }  // host to card
  const link_direction& up() const { return up_; }

  // What is under way is lost, and what is sent until then.
  void go_down(picoseconds until);
  // What is sent until then arrives later.
  void retrain(picoseconds until);

 private:
  using payload = tlm::tlm_generic_payload;
  using phase = tlm::tlm_phase;
  using time = sc_core::sc_time;

  tlm::tlm_sync_enum host_asks(payload& p, phase& ph, time&);
  tlm::tlm_sync_enum card_answers(payload& p, phase&, time&);
  tlm::tlm_sync_enum card_asks(payload& p, phase& ph, time&);
  tlm::tlm_sync_enum host_answers(payload& p, phase&, time&);
  void send_waiting_reads();

  // Sends a request or a completion: `arrives` if it does, `ends` if its sender hears no more.
  void send(transfer& t, const tlp_group& group, direction way, stage& arrives, stage& ends);
  void lose(transfer& t, stage& ends, const char* why);
  void send_twice(const transfer& t, const tlp_group& group, direction way, stage& arrives);
  bool lost_with_link(const transfer& t) const { return t.on_wire && t.link_up != link_up_; }
  // Answers to a duplicate take their way and are dropped.
  bool drop_answer(transfer& t, direction way);

  const link_settings settings_;
  fault_source& faults_;
  link_direction down_, up_;
  unsigned link_up_ = 0;
  picoseconds down_until_ = 0;
  unsigned tags_used_ = 0;
  std::deque<transfer*> reads_without_tag_;
  transfer_pool copies_;
  stage reaches_card_, host_answered_, reaches_host_, card_answered_;
};

}  // namespace exalloc::sim
