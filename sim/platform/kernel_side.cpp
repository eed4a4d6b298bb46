#include "platform/kernel_side.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "platform/stream_bridge.hpp"

namespace exalloc::sim {

kernel_side::kernel_side(sc_core::sc_module_name name) : sc_module(name) {
  pop.register_nb_transport_fw(this, &kernel_side::port_offers);
  push.register_nb_transport_bw(this, &kernel_side::port_takes);
  memory.register_nb_transport_bw(this, &kernel_side::memory_answers);
}

void kernel_side::attach(std::shared_ptr<stream_kernel>& kernel) {
  kernel_.swap(kernel);
  with_memory_ = dynamic_cast<memory_kernel*>(kernel_.get());
  ++kernels_;
  pins_ = {};
  offered_ = nullptr;
  if (pushed_ != nullptr) std::exchange(pushed_, nullptr)->release();
}

bool kernel_side::clock() {
  const stream_pins before = pins_;
  const bool moved = pins_.popped() || pins_.pushed();
  kernel_->clock(pins_);
  const bool changed = pins_ != before;
  // A token that was taken is on the pins for that edge only.
  if (before.popped()) pins_.pop_valid = false;
  pins_.push_ready = false;
  drive();
  if (with_memory_ != nullptr) ask_memory();
  return moved || changed;
}

void kernel_side::drive() {
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  if (pushed_ != nullptr && !pins_.push_valid) {
    tlm::tlm_phase phase = OFFER_WITHDRAWN;
    push->nb_transport_fw(*pushed_, phase, delay);
    std::exchange(pushed_, nullptr)->release();
  }
  if (pins_.push_valid) {
    const bool is_new = pushed_ == nullptr;
    if (is_new) pushed_ = &pool_.get(tlm::TLM_WRITE_COMMAND, 0, sizeof pins_.push_token);
    // A token that changes in mid-offer changes on the port's pins too, where it is caught.
    std::memcpy(pushed_->data.data(), &pins_.push_token, sizeof pins_.push_token);
    if (is_new) request(push, *pushed_);
  }
  if (offered_ != nullptr && pins_.pop_ready) answer(pop, *std::exchange(offered_, nullptr));
}

void kernel_side::ask_memory() {
  while (const auto r = with_memory_->ask()) {
    if (r->bytes == 0 || r->bytes > r->data.size() ||
        r->address / r->data.size() != (r->address + r->bytes - 1) / r->data.size())
      throw std::logic_error(
          "sim card: a kernel's access to memory is empty or leaves its 256 bytes");
    transfer& t = pool_.get(r->is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
                            r->address, r->bytes);
    std::memcpy(t.data.data(), r->data.data(), r->bytes);
    t.card_life = kernels_;
    request(memory, t);
  }
}

tlm::tlm_sync_enum kernel_side::memory_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  if (with_memory_ != nullptr && t.card_life == kernels_) {
    memory_access a{t.is_write(), t.get_address(), t.get_data_length(), {}};
    if (t.ok()) std::memcpy(a.data.data(), t.data.data(), a.bytes);
    with_memory_->answered(a, t.ok() ? memory_response::okay : memory_response::decode_error);
    if (memory_answered) memory_answered();
  }
  t.release();
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum kernel_side::port_offers(payload& p, tlm::tlm_phase& phase, sc_core::sc_time&) {
  if (phase == OFFER_WITHDRAWN) {
    offered_ = nullptr;
    pins_.pop_valid = false;
    return tlm::TLM_COMPLETED;
  }
  pins_.pop_valid = true;
  std::memcpy(&pins_.pop_token, p.get_data_ptr(), sizeof pins_.pop_token);
  offered_ = &as_transfer(p);
  if (pins_.pop_ready) answer(pop, *std::exchange(offered_, nullptr));
  return taken(phase);
}

tlm::tlm_sync_enum kernel_side::port_takes(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  if (pushed_ == &p) std::exchange(pushed_, nullptr)->release();
  pins_.push_ready = true;
  return tlm::TLM_COMPLETED;
}

}  // namespace exalloc::sim
