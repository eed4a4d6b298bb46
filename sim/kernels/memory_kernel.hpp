// A kernel on the simulated card that reaches the card's own memory, as through an AXI4 port.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "exalloc/card.hpp"

namespace exalloc::sim {

// Of 1 to 256 bytes that lie in one aligned piece of 256.
struct memory_access {
  bool is_write = false;
  std::uint64_t address = 0;
  unsigned bytes = 0;
  std::array<unsigned char, 256> data{};
};
enum class memory_response { okay, decode_error };  // the latter: there is no memory

// The sim card has such memory; on other cards nobody asks such a kernel for its accesses.
class memory_kernel : public stream_kernel {
 public:
  // Its next access, asked for behind each edge until there is none. Accesses to one bank are done
  // in order; those of others may pass.
  virtual std::optional<memory_access> ask() = 0;
  // What became of an access: of a read with its data. Comes between edges, from which on busy()
  // tells whether there is something to do.
  virtual void answered(const memory_access& access, memory_response response) = 0;
};

}  // namespace exalloc::sim
