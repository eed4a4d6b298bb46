#include "platform/pcie_link.hpp"

#include <algorithm>

namespace exalloc::sim {
namespace {

constexpr const char* no_completion = "no completion came within the completion timeout";
constexpr const char* poisoned = "its completion was poisoned";

void fail(transfer& t, const char* why) {
  t.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  t.error = why;
}

}  // namespace

pcie_link::pcie_link(sc_core::sc_module_name name, const link_settings& settings,
                     fault_source& faults)
    : sc_module(name),
      settings_(settings),
      faults_(faults),
      down_(settings, 0),
      up_(settings, 1),
      reaches_card_("reaches_card", transaction_place::card_shell,
                    [this](transfer& t) {
                      if (lost_with_link(t)) return lose(t, host_answered_, no_completion);
                      request(to_card, t);
                    }),
      host_answered_("host_answered", transaction_place::root_complex,
                     [this](transfer& t) {
                       if (lost_with_link(t)) return lose(t, host_answered_, no_completion);
                       answer(from_host, t);
                     }),
      reaches_host_("reaches_host", transaction_place::memory,
                    [this](transfer& t) {
                      if (lost_with_link(t)) return lose(t, card_answered_, no_completion);
                      request(to_host, t);
                    }),
      card_answered_("card_answered", transaction_place::card_shell, [this](transfer& t) {
        if (lost_with_link(t)) return lose(t, card_answered_, no_completion);
        if (t.is_read()) tags_used_ -= read_tlps(settings_, t.get_data_length()).tlps;
        answer(from_card, t);
        send_waiting_reads();
      }) {
  from_host.register_nb_transport_fw(this, &pcie_link::host_asks);
  to_card.register_nb_transport_bw(this, &pcie_link::card_answers);
  from_card.register_nb_transport_fw(this, &pcie_link::card_asks);
  to_host.register_nb_transport_bw(this, &pcie_link::host_answers);
}

void pcie_link::go_down(picoseconds until) {
  ++link_up_;
  down_until_ = until;
}

void pcie_link::retrain(picoseconds until) {
  down_.hold(until);
  up_.hold(until);
}

void pcie_link::send(transfer& t, const tlp_group& group, direction way, stage& arrives,
                     stage& ends) {
  const picoseconds now = now_ps();
  const fault_source::fate fate = faults_.of_tlps(group.kind, way, now);
  const bool no_link = now < down_until_;
  if (no_link && fate.what != tlp_fault::lost) faults_.lost_with_link();
  if (fate.what == tlp_fault::lost || no_link) return lose(t, ends, no_completion);
  link_direction& wire = way == direction::down ? down_ : up_;
  picoseconds at = wire.send(group, now, fate.delay);
  if (fate.what == tlp_fault::duplicated) send_twice(t, group, way, arrives);
  if (group.kind != tlp_kind::completion) {
    // A receiver drops poisoned writes.
    if (fate.what == tlp_fault::poisoned) return lose(t, ends, poisoned);
  } else if (fate.what == tlp_fault::poisoned) {
    fail(t, poisoned);
  } else if (faults_.any() && at > t.began + faults_.completion_timeout()) {
    return lose(t, ends, no_completion);
  }
  t.on_wire = true;
  t.link_up = link_up_;
  arrives.put(t, at);
}

void pcie_link::lose(transfer& t, stage& ends, const char* why) {
  if (t.copy) return t.release();
  t.on_wire = false;
  if (t.is_write()) {
    tell_end(t);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
    return ends.put(t, now_ps());
  }
  if (why == no_completion) faults_.timed_out(now_ps());
  fail(t, why);
  ends.put(t, std::max(now_ps(), t.began + faults_.completion_timeout()));
}

void pcie_link::send_twice(const transfer& t, const tlp_group& group, direction way,
                           stage& arrives) {
  const picoseconds at = (way == direction::down ? down_ : up_).send(group, now_ps());
  if (group.kind == tlp_kind::completion) return;  // nobody waits for it: it is dropped
  transfer& copy = copies_.get(t.get_command(), t.get_address(), t.get_data_length());
  copy.data = t.data;
  copy.copy = copy.on_wire = true;
  copy.link_up = link_up_;
  arrives.put(copy, at);
}

bool pcie_link::drop_answer(transfer& t, direction way) {
  if (!t.copy) return false;
  if (t.is_read())
    (way == direction::down ? down_ : up_)
        .send(completion_tlps(settings_, t.get_data_length()), now_ps());
  t.release();
  return true;
}

tlm::tlm_sync_enum pcie_link::host_asks(payload& p, phase& ph, time&) {
  transfer& t = as_transfer(p);
  const unsigned bytes = p.get_data_length();
  t.began = now_ps();
  send(t, p.is_write() ? write_tlps(settings_, bytes) : read_tlps(settings_, bytes),
       direction::down, reaches_card_, host_answered_);
  return taken(ph);
}

tlm::tlm_sync_enum pcie_link::card_answers(payload& p, phase&, time&) {
  transfer& t = as_transfer(p);
  if (drop_answer(t, direction::up)) return tlm::TLM_COMPLETED;
  if (p.is_write()) {
    // A posted write has no answer on the wire.
    t.on_wire = false;
    host_answered_.put(t, now_ps());
  } else {
    send(t, completion_tlps(settings_, p.get_data_length()), direction::up, host_answered_,
         host_answered_);
  }
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum pcie_link::card_asks(payload& p, phase& ph, time&) {
  transfer& t = as_transfer(p);
  t.began = now_ps();
  if (p.is_write()) {
    send(t, write_tlps(settings_, p.get_data_length()), direction::up, reaches_host_,
         card_answered_);
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
    send(t, group, direction::up, reaches_host_, card_answered_);
  }
}

tlm::tlm_sync_enum pcie_link::host_answers(payload& p, phase&, time&) {
  transfer& t = as_transfer(p);
  if (drop_answer(t, direction::down)) return tlm::TLM_COMPLETED;
  if (p.is_write()) {
    answer(from_card, t);
  } else {
    send(t, completion_tlps(settings_, p.get_data_length()), direction::down, card_answered_,
         card_answered_);
  }
  return tlm::TLM_COMPLETED;
}

}  // namespace exalloc::sim
