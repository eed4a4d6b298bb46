#include "platform/card_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "exalloc/regs.hpp"

namespace exalloc::sim {
namespace {

// 300 MHz: three cycles in 10 ns.
constexpr picoseconds time_of(std::uint64_t cycle) { return cycle * 10'000 / 3; }
constexpr std::uint64_t cycle_at(picoseconds t) { return (t * 3 + 9'999) / 10'000; }
constexpr unsigned idle_lag = 8;  // cycles by which rtl_card::idle may lag behind a pin

axi_response response_of(const transfer& t) {
  if (t.ok()) return axi_response::okay;
  return t.get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE ? axi_response::decode_error
                                                                    : axi_response::slave_error;
}

}  // namespace

card_side::card_side(sc_core::sc_module_name name, const link_settings& s,
                     const card_memory_settings& on_card, fault_source& faults)
    : sc_module(name),
      register_path_(s.register_path_ns * ps_per_ns),
      memory_path_(s.memory_path_ns * ps_per_ns),
      faults_(faults),
      on_card_("on_card", on_card),
      dma_("dma"),
      register_arrives_("register_arrives", transaction_place::card,
                        [this](transfer& t) {
                          if (t.get_address() == dma_doorbell) return ring_dma(t);
                          accesses_.push_back(&t);
                          wake();
                        }),
      register_answered_("register_answered", transaction_place::link_up,
                         [this](transfer& t) { answer(registers, t); }),
      to_link_("to_link", transaction_place::link_up, [this](transfer& t) { request(memory, t); }),
      from_link_("from_link", std::nullopt, [this](transfer& t) { take_answer(t); }) {
  registers.register_nb_transport_fw(this, &card_side::host_asks);
  memory.register_nb_transport_bw(this, &card_side::memory_answers);
  rtl_.watch(&checks_);
  for (unsigned i = 0; i < rtl_card::stream_ports; ++i)
    streams_.push_back(std::make_unique<stream_port>(i, checks_));
  for (const auto& s : streams_) {
    s->kernel.memory.bind(on_card_.port);
    s->kernel.memory_answered = [this] { wake(); };
  }
  dma_.to_memory.bind(on_card_.port);
  from_dma_.register_nb_transport_fw(this, &card_side::dma_asks);
  dma_.to_host.bind(from_dma_);
  SC_METHOD(tick);
}

card_side::stream_port::stream_port(unsigned number, axi_checks& checks)
    : bridge(fmt::format("stream_{}", number).c_str(), number, checks),
      kernel(fmt::format("kernel_{}", number).c_str()) {
  bridge.pop.bind(kernel.pop);
  kernel.push.bind(bridge.push);
}

void card_side::attach(unsigned port, std::shared_ptr<stream_kernel>& kernel) {
  stream_port& s = *streams_.at(port);
  // A kernel that is taken away in mid-offer breaks its promise, the port's checks need not.
  checks_.kernel_changes(port);
  s.bridge.forget(rtl_.stream(port));
  s.kernel.attach(kernel);
  s.restless = idle_lag;
  wake();
}

bool card_side::kernels_rest() const {
  return std::none_of(streams_.begin(), streams_.end(), [](const auto& s) {
    return s->kernel.has_kernel() && (s->restless != 0 || s->kernel.busy());
  });
}

void card_side::clock_kernels() {
  for (unsigned i = 0; i < streams_.size(); ++i) {
    stream_port& s = *streams_[i];
    if (!s.kernel.has_kernel()) continue;
    stream_pins& pins = rtl_.stream(i);
    const bool moved = pins.popped() || pins.pushed();
    s.bridge.after_edge(pins);
    const bool acted = s.kernel.clock();
    s.bridge.before_edge(pins, rtl_.offered(i));
    if (moved || acted || pins != s.pins) {
      s.restless = idle_lag;
    } else if (s.restless != 0) {
      --s.restless;
    }
    s.pins = pins;
  }
}

void card_side::wake() {
  if (!asleep_) return;
  asleep_ = false;
  const std::uint64_t next = cycle_at(now_ps());
  if (next > cycle_) {
    rtl_.leave_out(next - cycle_);
    cycle_ = next;
  }
  wake_.notify(time_from_now(time_of(cycle_)));
}

void card_side::tick() {
  if (dead_) return next_trigger(wake_);
  try {
    cycle();
    if (!checks_.violation().empty())
      throw std::runtime_error("sim card: bus protocol violated: " + checks_.violation());
  } catch (...) {
    dead_ = true;
    failed(std::current_exception());
    return next_trigger(wake_);
  }
  asleep_ = rtl_.idle() && accesses_.empty() && kernels_rest();
  if (asleep_) {
    next_trigger(wake_);
  } else {
    next_trigger(time_from_now(time_of(cycle_)));
  }
}

void card_side::cycle() {
  if (!busy_ && !accesses_.empty()) start_access();
  rtl_.clock();
  clock_kernels();
  ++cycle_;
  if (rtl_.interrupt() && !interrupt_ && interrupt_rose) interrupt_rose();
  interrupt_ = rtl_.interrupt();
  end_access();
  while (auto r = rtl_.take_read()) {
    transfer& t = pool_.get(tlm::TLM_READ_COMMAND, r->address, r->lines * sizeof(line_data));
    reads_.push_back(&t);
    tell_begin(t, transaction_kind::card_read, transaction_place::card_shell);
    go_out(t);
  }
  while (auto w = rtl_.take_write()) {
    transfer& t = pool_.get(tlm::TLM_WRITE_COMMAND, w->address, sizeof(line_data));
    std::memcpy(t.data.data(), w->data.data(), sizeof(line_data));
    tell_begin(t, transaction_kind::card_write, transaction_place::card_shell);
    go_out(t);
  }
}

// What the bus refuses does not get to the link.
void card_side::go_out(transfer& t) {
  t.card_life = life_;
  const axi_fault fault = faults_.of_access(t.is_write(), now_ps());
  if (fault == axi_fault::none) return to_link_.put(t, now_ps() + memory_path_);
  t.set_response_status(fault == axi_fault::decode_error ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                         : tlm::TLM_GENERIC_ERROR_RESPONSE);
  from_link_.put(t, now_ps() + memory_path_);
}

void card_side::reset() {
  if (dead_) return;
  wake();
  rtl_.reset();
  dma_.reset();
  ++life_;
  interrupt_ = false;
  for (transfer* t : reads_)
    if (t->complete) t->release();
  reads_.clear();
  if (busy_) {
    transfer& t = *accesses_.front();
    accesses_.pop_front();
    busy_ = false;
    t.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    t.error = "the card was reset";
    if (t.is_write()) tell_end(t);
    register_answered_.put(t, now_ps() + (t.is_read() ? register_path_ : 0));
  }
  for (unsigned i = 0; i < streams_.size(); ++i) {
    // What it offered is gone with all else.
    if (streams_[i]->kernel.has_kernel())
      streams_[i]->bridge.before_edge(rtl_.stream(i), std::nullopt);
    streams_[i]->restless = idle_lag;
  }
}

void card_side::start_access() {
  transfer& t = *accesses_.front();
  const auto offset = static_cast<std::uint32_t>(t.get_address());
  busy_ = true;
  if (t.is_read()) return rtl_.start_register_read(offset);
  std::uint32_t value;
  std::memcpy(&value, t.data.data(), sizeof value);
  rtl_.start_register_write(offset, value);
  for (unsigned i = 0; i < rtl_card::stream_ports; ++i) {
    const std::uint32_t config =
        regs::offset::streams_base + i * regs::offset::streams_stride + regs::offset::stream_config;
    if (offset == config || offset == regs::offset::control) checks_.stream_changes(i);
  }
}

void card_side::end_access() {
  const auto got = rtl_.take_register_answer();
  if (!got) return;
  transfer& t = *accesses_.front();
  accesses_.pop_front();
  busy_ = false;
  if (t.is_read()) std::memcpy(t.data.data(), &got->value, sizeof got->value);
  t.set_response_status(got->ok ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE);
  if (t.is_read()) {
    tell_move(t, transaction_place::card_shell);
  } else {
    tell_end(t);
  }
  register_answered_.put(t, now_ps() + (t.is_read() ? register_path_ : 0));
}

tlm::tlm_sync_enum card_side::host_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&) {
  register_arrives_.put(as_transfer(p), now_ps() + register_path_);
  return taken(ph);
}

tlm::tlm_sync_enum card_side::memory_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  from_link_.put(as_transfer(p), now_ps() + (p.is_read() ? memory_path_ : 0));
  return tlm::TLM_COMPLETED;
}

void card_side::ring_dma(transfer& t) {
  tell_end(t);
  t.set_response_status(tlm::TLM_OK_RESPONSE);
  register_answered_.put(t, now_ps());
  dma_.doorbell();
}

tlm::tlm_sync_enum card_side::dma_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  t.of_dma = true;
  tell_begin(t, t.is_read() ? transaction_kind::card_read : transaction_kind::card_write,
             transaction_place::card_shell);
  to_link_.put(t, now_ps() + memory_path_);
  return taken(ph);
}

void card_side::take_answer(transfer& t) {
  if (t.of_dma) return answer(from_dma_, t);
  if (t.card_life != life_) return t.release();  // a card asked that knows nothing of it any more
  wake();
  if (t.is_write()) {
    rtl_.answer_write(response_of(t));
    return t.release();
  }
  t.complete = true;
  while (!reads_.empty() && reads_.front()->complete) {
    transfer& first = *reads_.front();
    reads_.pop_front();
    for (unsigned at = 0; at < first.get_data_length(); at += sizeof(line_data)) {
      line_data data{};
      if (first.ok()) std::memcpy(data.data(), first.data.data() + at, sizeof data);
      rtl_.answer_read(data, response_of(first));
    }
    first.release();
  }
}

}  // namespace exalloc::sim
