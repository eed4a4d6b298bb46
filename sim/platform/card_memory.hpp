// The card's own memory as a module: a socket that many reach, banks that each take their time.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "platform/card_memory_settings.hpp"
#include "platform/transfer.hpp"

namespace exalloc::sim {

// A bank moves one access after the other, at its rate, and answers each its latency later. What
// lies outside the memory is an address error, as an interconnect's DECERR.
class banked_memory final : public sc_core::sc_module {
 public:
  banked_memory(sc_core::sc_module_name name, const card_memory_settings& settings);

  tlm_utils::multi_passthrough_target_socket<banked_memory> port{"port"};

  // What lies there, without time; null unless all of it is in the memory.
  std::byte* at(std::uint64_t address, std::size_t bytes);

 private:
  struct unmap {
    std::size_t bytes;
    void operator()(std::byte* first) const;
  };

  tlm::tlm_sync_enum asked(int who, tlm::tlm_generic_payload& p, tlm::tlm_phase& phase,
                           sc_core::sc_time&);
  void access(transfer& t);

  const card_memory_settings settings_;
  std::unique_ptr<std::byte, unmap> storage_;  // reserved at the first use, filled as it is used
  std::vector<picoseconds> busy_until_;        // of each bank
  stage done_;
};

}  // namespace exalloc::sim
