// What the DMA engine on the card is told.
#pragma once

#include <cstdint>

namespace exalloc::sim {

// Its doorbell, outside the registers of the card.
inline constexpr std::uint32_t dma_doorbell = 0x8000'0000;

// Both sides begin at the same offset in a line of 64 bytes; what goes to the host is whole lines.
struct dma_job {
  bool to_card = false;
  std::uint64_t card_address = 0, host_address = 0;
  unsigned bytes = 0;
  // A line in host memory that is written behind all else: its first word is this or ~this, the
  // latter when something has failed.
  std::uint64_t status_address = 0, number = 0;
};

}  // namespace exalloc::sim
