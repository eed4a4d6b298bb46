// What the memory on the card is like: figures, and the presets that have names. docs/platform.md
// tells where each comes from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/latency.hpp"

namespace exalloc::sim {

// Where kernels see it: above all addresses of a processor, under which they see the host's.
inline constexpr std::uint64_t card_memory_base = std::uint64_t{1} << 60;

// Banks lie one behind the other, as on cards whose kernels choose theirs.
struct card_memory_settings {
  std::string_view name;
  std::string_view bank_name;  // "HBM": the banks are HBM[0], HBM[1] and so on
  unsigned banks = 0;
  std::uint64_t bank_bytes = 0;
  std::uint32_t latency_ns = 0;        // of an access, when its bank has nothing else to do
  std::uint64_t bytes_per_second = 0;  // of a bank, reads and writes together

  std::uint64_t bytes() const { return banks * bank_bytes; }
  // How long an access keeps its bank.
  picoseconds transfer_time(unsigned bytes) const {
    return bytes * (1'000'000'000 * ps_per_ns / 1'000) / (bytes_per_second / 1'000);
  }
  // The bank of that name, the first if it is empty; throws std::runtime_error with the names there
  // are.
  unsigned bank(const std::string& called) const;
};

// Throws std::invalid_argument with the names there are.
const card_memory_settings& card_memory_preset(std::string_view name);

}  // namespace exalloc::sim
