// The platform: host, PCIe link and card in one SystemC simulation. Nothing of SystemC shows here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "platform/card_memory_settings.hpp"
#include "platform/dma_engine_job.hpp"
#include "platform/fault_plan.hpp"
#include "platform/fault_source.hpp"
#include "platform/link_settings.hpp"
#include "platform/transactions.hpp"
#include "rtl_card.hpp"

namespace exalloc {
class process_memory;
}

namespace exalloc::sim {

// Not thread safe, but platforms may be used in several threads: SystemC's one global state is
// switched, under a lock. Nothing runs but in run(). Callbacks come from there and may call pause()
// and nothing else.
class platform {
 public:
  platform(const link_settings& link, process_memory& memory, fault_plan faults = {},
           const card_memory_settings& on_card = card_memory_preset("hbm2"));
  ~platform();
  platform(const platform&) = delete;
  platform& operator=(const platform&) = delete;

  picoseconds now() const;

  // A processor's register accesses, begun now.
  void write(std::uint32_t offset, std::uint32_t value);
  void read(std::uint32_t offset, std::function<void(const register_answer&)> answered);

  // Tells the card's DMA engine of a copy, in place of the one there was, and rings its doorbell.
  void copy(const dma_job& job);
  // The card's own memory as it is now, without time; null unless all of it is there.
  std::byte* on_card(std::uint64_t address, std::size_t bytes);

  // Lets time pass up to `until`, or to where a callback pauses. Throws std::runtime_error when a
  // bus protocol was violated, and what a kernel threw; then, and from then on.
  void run(picoseconds until);
  // The same, but stops earlier when nothing is under way any more.
  void run_what_is_under_way(picoseconds until);
  void pause();
  // Nothing is under way: nothing will happen by itself.
  bool quiet() const;

  // Faults injected so far.
  const fault_source::counts& injected() const;
  std::vector<fault_source::rule_count> injected_by_rule() const;
  bool has_faults() const;
  // The first fault after which somebody may wait in vain, in words; empty before it.
  const std::string& harm() const;
  // The longest that something on its way may take because of one.
  picoseconds longest_delay() const;

  // Told of each line that the card has written, when processors see it.
  void on_line(std::function<void(std::uint64_t address)> told);
  void on_interrupt(std::function<void()> told);
  bool interrupt() const;

  // Puts a kernel behind a stream port, and leaves the one there was in its place.
  void attach(unsigned stream_port, std::shared_ptr<stream_kernel>& kernel);
  void trace(const std::string& file);
  // Tells somebody of each transaction that begins from now on; null for nobody.
  void watch(std::shared_ptr<transaction_watcher> watcher);

  struct traffic {
    std::uint64_t down_bytes, up_bytes;  // on the wire
    std::uint64_t cycles;                // that the card was clocked
  };
  traffic counted() const;

 private:
  struct parts;
  class entered;
  enum class stop_at { time, nothing_under_way };
  void advance(picoseconds until, stop_at how);
  std::unique_ptr<parts> parts_;
};

}  // namespace exalloc::sim
