#include "platform/host_side.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace exalloc::sim {

transfer& transfer_pool::get(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<transfer>());
    all_.back()->set_mm(this);
    free_.push_back(all_.back().get());
  }
  transfer& t = *free_.back();
  free_.pop_back();
  t.acquire();
  t.set_command(command);
  t.set_address(address);
  t.set_data_ptr(t.data.data());
  t.set_data_length(bytes);
  t.set_streaming_width(bytes);
  t.set_byte_enable_ptr(nullptr);
  t.set_dmi_allowed(false);
  t.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.complete = t.copy = t.on_wire = t.of_dma = false;
  t.error = nullptr;
  return t;
}

void transfer_pool::free(tlm::tlm_generic_payload* payload) {
  transfer& t = as_transfer(*payload);
  t.answered = nullptr;
  free_.push_back(&t);
}

stage::stage(sc_core::sc_module_name name, std::optional<transaction_place> next,
             std::function<void(transfer&)> leave)
    : sc_module(name), next_(next), leave_(std::move(leave)) {
  SC_METHOD(leave);
  sensitive << queue_.get_event();
  dont_initialize();
}

void stage::leave() {
  while (transfer* t = queue_.get_next_transaction()) {
    if (next_) {
      tell_move(*t, *next_);
    } else {
      tell_end(*t);
    }
    leave_(*t);
  }
}

host_memory::host_memory(sc_core::sc_module_name name, process_memory& memory)
    : sc_module(name), memory_(memory) {
  port.register_b_transport(this, &host_memory::access);
}

void host_memory::access(tlm::tlm_generic_payload& p, sc_core::sc_time&) {
  std::byte* const at = memory_.at(p.get_address(), p.get_data_length());
  if (at == nullptr) return p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  if (p.is_read()) {
    // The host publishes a line by its doorbell, so a plain copy is ordered behind it.
    std::memcpy(p.get_data_ptr(), at, p.get_data_length());
  } else {
    // The header is what a poller looks at.
    std::uint64_t header;
    std::memcpy(&header, p.get_data_ptr(), sizeof header);
    std::memcpy(at + sizeof header, p.get_data_ptr() + sizeof header,
                p.get_data_length() - sizeof header);
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at)).store(header, std::memory_order_release);
  }
  p.set_response_status(tlm::TLM_OK_RESPONSE);
}

root_complex::root_complex(sc_core::sc_module_name name, const link_settings& s)
    : sc_module(name),
      issue_latency_(s.register_issue, s.seed, 2),
      answer_latency_(s.register_answer, s.seed, 3),
      read_latency_(s.host_read, s.seed, 4),
      write_latency_(s.host_write, s.seed, 5),
      issued_("issued", transaction_place::link_down, [this](transfer& t) { request(to_link, t); }),
      answered_("answered", std::nullopt,
                [](transfer& t) {
                  std::uint32_t value;
                  std::memcpy(&value, t.data.data(), sizeof value);
                  if (t.answered) t.answered({t.ok(), value, t.error});
                  t.release();
                }),
      memory_reached_("memory_reached", transaction_place::link_down,
                      [this](transfer& t) { reach_memory(t); }) {
  to_link.register_nb_transport_bw(this, &root_complex::answered);
  from_link.register_nb_transport_fw(this, &root_complex::card_asks);
}

// Writes leave in order, and reads behind the writes before them.
void root_complex::issue(transfer& t) {
  const picoseconds at = std::max(now_ps() + issue_latency_.next(), last_issue_);
  if (t.is_write()) last_issue_ = at;
  issued_.put(t, at);
}

void root_complex::write(std::uint32_t offset, std::uint32_t value) {
  transfer& t = pool_.get(tlm::TLM_WRITE_COMMAND, offset, sizeof value);
  std::memcpy(t.data.data(), &value, sizeof value);
  tell_begin(t, transaction_kind::register_write, transaction_place::root_complex, value);
  issue(t);
}

void root_complex::read(std::uint32_t offset,
                        std::function<void(const register_answer&)> answered) {
  transfer& t = pool_.get(tlm::TLM_READ_COMMAND, offset, sizeof(std::uint32_t));
  t.answered = std::move(answered);
  tell_begin(t, transaction_kind::register_read, transaction_place::root_complex);
  issue(t);
}

tlm::tlm_sync_enum root_complex::answered(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  if (p.is_write()) {
    t.release();
  } else {
    answered_.put(t, now_ps() + answer_latency_.next());
  }
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum root_complex::card_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&) {
  const picoseconds latency = p.is_write() ? write_latency_.next() : read_latency_.next();
  const picoseconds at = std::max(now_ps() + latency, last_write_);
  if (p.is_write()) last_write_ = at;
  memory_reached_.put(as_transfer(p), at);
  return taken(ph);
}

void root_complex::reach_memory(transfer& t) {
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  memory->b_transport(t, delay);
  if (t.is_write()) tell_end(t);
  if (t.is_write() && t.ok() && line_written) line_written(t.get_address());
  answer(from_link, t);
}

}  // namespace exalloc::sim
