// How many blocks of a zone are in use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core.hpp"
#include "exalloc/wdm.h"
#include "zone.hpp"

namespace exalloc {

struct zone_counts {
  std::uint64_t blocks = 0, in_use = 0;
  // Of those in use: what the card or its kernels had when the card was lost.
  std::uint64_t quarantined = 0;
  std::uint64_t free() const noexcept { return blocks - in_use; }
};

// Exact when no thread is in a call. In a zone that kernels on the card share, blocks on their way
// between host and card count as in use. No block is moved: magazines stay as they are. Takes the
// lock of every processor for a moment, so it must not be called under any lock from a list's
// downwards (docs/host.md).
zone_counts count_blocks(core& c, zone& z);
// With a lost card, of a zone that kernels shared: what its state bytes say.
// The same of many at once: answers in their order.
std::vector<zone_counts> count_blocks(core& c, std::span<zone* const> zones);

// By the header; nothing if ExInitializeZone did not set it up. The zone must live meanwhile.
std::optional<zone_counts> count_zone(const ZONE_HEADER* header);

}  // namespace exalloc
