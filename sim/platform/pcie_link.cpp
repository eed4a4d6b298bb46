#include "platform/pcie_link.hpp"

namespace exalloc::sim {

pcie_link::pcie_link(sc_core::sc_module_name name, const link_settings& settings)
    : sc_module(name),
      settings_(settings),
      down_(settings, 0),
      up_(settings, 1),
      reaches_card_("reaches_card", transaction_place::card_shell,
                    [this](transfer& t) { request(to_card, t); }),
      host_answered_("host_answered", transaction_place::root_complex,
                     [this](transfer& t) { answer(from_host, t); }),
      reaches_host_("reaches_host", transaction_place::memory,
                    [this](transfer& t) { request(to_host, t); }),
      card_answered_("card_answered", transaction_place::card_shell, [this](transfer& t) {
        tags_used_ -= read_tlps(settings_, t.get_data_length()).tlps;
        answer(from_card, t);
        send_waiting_reads();
      }) {
  from_host.register_nb_transport_fw(this, &pcie_link::host_asks);
  to_card.register_nb_transport_bw(this, &pcie_link::card_answers);
  from_card.register_nb_transport_fw(this, &pcie_link::card_asks);
  to_host.register_nb_transport_bw(this, &pcie_link::host_answers);
}

tlm::tlm_sync_enum pcie_link::host_asks(payload& p, phase& ph, time&) {
  const unsigned bytes = p.get_data_length();
  const tlp_group group = p.is_write() ? write_tlps(settings_, bytes) : read_tlps(settings_, bytes);
  reaches_card_.put(as_transfer(p), down_.send(group, now_ps()));
  return taken(ph);
}

tlm::tlm_sync_enum pcie_link::card_answers(payload& p, phase&, time&) {
  // A posted write has no answer on the wire.
  const picoseconds at =
      p.is_write() ? now_ps() : up_.send(completion_tlps(settings_, p.get_data_length()), now_ps());
  host_answered_.put(as_transfer(p), at);
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum pcie_link::card_asks(payload& p, phase& ph, time&) {
  transfer& t = as_transfer(p);
  if (p.is_write()) {
    reaches_host_.put(t, up_.send(write_tlps(settings_, p.get_data_length()), now_ps()));
  } else {
    reads_without_tag_.push_back(&t);
    send_waiting_reads();
  }
  return taken(ph);
}

void pcie_link::send_waiting_reads() {
  while (!reads_without_tag_.empty()) {
    transfer& t = *reads_without_tag_.front();
    const tlp_group group = read_tlps(settings_, t.get_data_length());
    if (tags_used_ != 0 && tags_used_ + group.tlps > settings_.tags) return;
    reads_without_tag_.pop_front();
    tags_used_ += group.tlps;
    reaches_host_.put(t, up_.send(group, now_ps()));
  }
}

tlm::tlm_sync_enum pcie_link::host_answers(payload& p, phase&, time&) {
  transfer& t = as_transfer(p);
  if (p.is_write()) {
    answer(from_card, t);
  } else {
    card_answered_.put(t, down_.send(completion_tlps(settings_, p.get_data_length()), now_ps()));
  }
  return tlm::TLM_COMPLETED;
}

}  // namespace exalloc::sim
