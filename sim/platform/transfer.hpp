// The TLM payload of everything that travels on the platform, and stages it waits in.
#pragma once

#include <tlm_utils/peq_with_get.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <systemc>
#include <tlm>
#include <vector>

#include "platform/latency.hpp"
#include "platform/transactions.hpp"
#include "rtl_card.hpp"

namespace exalloc::sim {

// A generic payload with its data. Every payload on the platform is one.
class transfer final : public tlm::tlm_generic_payload {
 public:
  static constexpr unsigned most_bytes = 256;  // the card's longest burst
  std::array<unsigned char, most_bytes> data{};
  std::function<void(const register_answer&)> answered;  // of a register read
  bool complete = false;                                 // has come back to the bridge
  transaction about{};                                   // number 0: nobody watches it
  picoseconds began = 0;                                 // when it came to the link
  bool copy = false;            // a duplicate: whoever answers it answers nobody
  bool on_wire = false;         // what is coming now travels, and can be lost with the link
  unsigned link_up = 0;         // which of the times that the link was up it travels in
  unsigned card_life = 0;       // the card has been reset since if this is not its own number
  const char* error = nullptr;  // why a read has failed
  bool of_dma = false;          // the shell asked for it, not the card
  unsigned asker = 0;           // of the card's memory: where the answer goes

  bool ok() const { return is_response_ok(); }
};

inline transfer& as_transfer(tlm::tlm_generic_payload& payload) {
  return static_cast<transfer&>(payload);
}

class transfer_pool final : public tlm::tlm_mm_interface {
 public:
  // Acquired once; release() gives it back.
  transfer& get(tlm::tlm_command command, std::uint64_t address, unsigned bytes);
  void free(tlm::tlm_generic_payload* payload) override;

 private:
  std::vector<std::unique_ptr<transfer>> all_;
  std::vector<transfer*> free_;
};

inline picoseconds now_ps() { return sc_core::sc_time_stamp().value(); }
inline sc_core::sc_time time_from_now(picoseconds at) {
  const picoseconds now = now_ps();
  return sc_core::sc_time::from_value(at > now ? at - now : 0);
}

// Who is told of what travels. Like SystemC's own current context there is one at a time: the one
// of the platform that runs, and none of others.
struct watching {
  transaction_watcher* watcher = nullptr;
  std::uint64_t begun = 0;
};
inline watching* current_watching = nullptr;

inline void tell_begin(transfer& t, transaction_kind kind, transaction_place place,
                       std::uint32_t value = 0, unsigned port = 0) {
  t.about = {};
  if (current_watching == nullptr || current_watching->watcher == nullptr) return;
  t.about = {++current_watching->begun, kind, t.get_address(), t.get_data_length(), value, port};
  current_watching->watcher->begins(t.about, place, now_ps());
}
inline void tell_move(const transfer& t, transaction_place to) {
  if (t.about.number == 0 || current_watching->watcher == nullptr) return;
  current_watching->watcher->moves(t.about, to, now_ps());
}
inline void tell_end(transfer& t) {
  if (t.about.number == 0) return;
  if (current_watching->watcher != nullptr) current_watching->watcher->ends(t.about, now_ps());
  t.about = {};
}

// Transfers wait here, each until its own time; those of one time leave in the order they came.
class stage final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(stage);
  // `next` is where they go; without it what was to be watched of them is over.
  stage(sc_core::sc_module_name name, std::optional<transaction_place> next,
        std::function<void(transfer&)> leave);

  void put(transfer& t, picoseconds at) { queue_.notify(t, time_from_now(at)); }

 private:
  void leave();

  tlm_utils::peq_with_get<transfer> queue_{"queue"};
  std::optional<transaction_place> next_;
  std::function<void(transfer&)> leave_;
};

// The base protocol in short: a request is always taken at once, an answer ends the transfer.
inline tlm::tlm_sync_enum taken(tlm::tlm_phase& phase) {
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}
template <typename initiator>
void request(initiator& socket, transfer& t) {
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  socket->nb_transport_fw(t, phase, delay);
}
template <typename target>
void answer(target& socket, transfer& t) {
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  socket->nb_transport_bw(t, phase, delay);
}

}  // namespace exalloc::sim
