#include "platform/stream_bridge.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace exalloc::sim {

stream_bridge::stream_bridge(sc_core::sc_module_name name, unsigned port, axi_checks& checks)
    : sc_module(name),
      port_(port),
      name_in_reports_(fmt::format("kernel at stream port {}", port)),
      checks_(checks) {
  pop.register_nb_transport_bw(this, &stream_bridge::kernel_takes);
  push.register_nb_transport_fw(this, &stream_bridge::kernel_offers);
}

bool stream_bridge::check(bool holds, const char* rule) {
  checks_.check(holds, name_in_reports_.c_str(), rule);
  return holds;
}

void stream_bridge::end_pop() {
  tell_end(*offered_);
  std::exchange(offered_, nullptr)->release();
  taken_ = false;
}

void stream_bridge::after_edge(const stream_pins& pins) {
  if (pins.popped() && offered_ != nullptr) end_pop();
  if (pins.pushed() && pushed_ != nullptr) {
    transfer& t = *std::exchange(pushed_, nullptr);
    tell_end(t);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
    answer(push, t);
  }
}

void stream_bridge::before_edge(stream_pins& pins, std::optional<std::uint32_t> offered) {
  if (offered_ != nullptr && offered != token_) {
    transfer& t = *offered_;
    tlm::tlm_phase phase = OFFER_WITHDRAWN;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    pop->nb_transport_fw(t, phase, delay);
    end_pop();
  }
  if (offered_ == nullptr && offered) {
    offered_ = &pool_.get(tlm::TLM_WRITE_COMMAND, 0, sizeof token_);
    token_ = *offered;
    std::memcpy(offered_->data.data(), &token_, sizeof token_);
    tell_begin(*offered_, transaction_kind::token_popped, transaction_place::card, token_, port_);
    request(pop, *offered_);
  }
  pins.pop_ready = taken_;
  pins.push_valid = pushed_ != nullptr;
  if (pushed_ != nullptr)
    std::memcpy(&pins.push_token, pushed_->get_data_ptr(), sizeof pins.push_token);
}

void stream_bridge::forget(stream_pins& pins) {
  if (offered_ != nullptr) end_pop();
  if (pushed_ != nullptr) tell_end(*std::exchange(pushed_, nullptr));
  pins.pop_ready = pins.push_valid = false;
}

tlm::tlm_sync_enum stream_bridge::kernel_takes(payload& p, tlm::tlm_phase& phase,
                                               sc_core::sc_time&) {
  if (check(phase == tlm::BEGIN_RESP, "an answer of an unknown phase") &&
      check(offered_ == &p, "it takes a token that it is not offered") &&
      check(!taken_, "it takes a token twice")) {
    tell_move(*offered_, transaction_place::kernel);
    taken_ = true;
  }
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum stream_bridge::kernel_offers(payload& p, tlm::tlm_phase& phase,
                                                sc_core::sc_time&) {
  if (phase == OFFER_WITHDRAWN) {
    if (check(pushed_ == &p, "it withdraws a token that it does not offer"))
      tell_end(*std::exchange(pushed_, nullptr));
    return tlm::TLM_COMPLETED;
  }
  const bool is_token = p.is_write() && p.get_data_length() == sizeof token_ &&
                        p.get_address() == 0 && p.get_byte_enable_ptr() == nullptr;
  if (!check(phase == tlm::BEGIN_REQ, "a request of an unknown phase") ||
      !check(is_token, "what it pushes is no write of 4 bytes to address 0") ||
      !check(pushed_ == nullptr, "it offers a token before the last one was taken"))
    return tlm::TLM_COMPLETED;
  pushed_ = &as_transfer(p);
  std::uint32_t token;
  std::memcpy(&token, p.get_data_ptr(), sizeof token);
  tell_begin(*pushed_, transaction_kind::token_pushed, transaction_place::kernel, token, port_);
  return taken(phase);
}

}  // namespace exalloc::sim
