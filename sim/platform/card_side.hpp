// The Verilated card on the link: AXI4-Lite and AXI4 bridges to TLM, its kernels, its clock; beside
// it in the shell the engine that copies to and from the card's own memory.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "platform/axi_checks.hpp"
#include "platform/card_memory.hpp"
#include "platform/dma_engine.hpp"
#include "platform/fault_source.hpp"
#include "platform/kernel_side.hpp"
#include "platform/link_settings.hpp"
#include "platform/stream_bridge.hpp"
#include "platform/transfer.hpp"
#include "rtl_card.hpp"

namespace exalloc::sim {

// The clock stands still while the card and its kernels have nothing to do.
class card_side final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(card_side);
  card_side(sc_core::sc_module_name name, const link_settings& settings,
            const card_memory_settings& on_card, fault_source& faults);

  tlm_utils::simple_target_socket<card_side> registers{"registers"};
  tlm_utils::simple_initiator_socket<card_side> memory{"memory"};

  rtl_card& rtl() { return rtl_; }
  const rtl_card& rtl() const { return rtl_; }
  bool asleep() const { return asleep_; }
  bool interrupt() const { return interrupt_; }
  banked_memory& on_card() { return on_card_; }
  dma_engine& dma() { return dma_; }
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel>& kernel);
  // All that the card knows is gone, and so is what it had under way.
  void reset();
  // Wakes the clock if a kernel has been given work since it stopped.
  void look_at_kernels() {
    if (!kernels_rest()) wake();
  }

  std::function<void()> interrupt_rose;
  // A protocol was violated, or a kernel threw: the clock has stopped for good.
  std::function<void(std::exception_ptr)> failed;

 private:
  using payload = tlm::tlm_generic_payload;

  struct stream_port {
    stream_port(unsigned number, axi_checks& checks);
    stream_bridge bridge;
    kernel_side kernel;
    stream_pins pins;       // as the bridge left them
    unsigned restless = 0;  // cycles until the card has seen what moved there
  };

  void tick();
  void cycle();
  void clock_kernels();
  bool kernels_rest() const;
  void wake();
  void start_access();
  void end_access();
  tlm::tlm_sync_enum host_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&);
  tlm::tlm_sync_enum memory_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&);
  void take_answer(transfer& t);
  void ring_dma(transfer& t);
  tlm::tlm_sync_enum dma_asks(payload& p, tlm::tlm_phase& ph, sc_core::sc_time&);

  void go_out(transfer& t);

  const picoseconds register_path_, memory_path_;
  fault_source& faults_;
  rtl_card rtl_;
  axi_checks checks_;
  sc_core::sc_event wake_;
  bool asleep_ = false, dead_ = false;
  bool interrupt_ = false;   // the line at the last clock
  std::uint64_t cycle_ = 0;  // left-out ones included
  unsigned life_ = 0;        // resets so far
  transfer_pool pool_;
  std::deque<transfer*> accesses_;  // the first is on the bus if busy_
  bool busy_ = false;
  std::deque<transfer*> reads_;  // AXI answers them in order
  banked_memory on_card_;
  dma_engine dma_;
  tlm_utils::simple_target_socket<card_side> from_dma_{"from_dma"};
  std::vector<std::unique_ptr<stream_port>> streams_;
  stage register_arrives_, register_answered_, to_link_, from_link_;
};

}  // namespace exalloc::sim
