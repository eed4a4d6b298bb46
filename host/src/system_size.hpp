// The rules behind MmQuerySystemSize and MmIsThisAnNtAsSystem.
#pragma once

#include <cstdint>

#include "exalloc/nt/system.h"

namespace exalloc {

// ReactOS's thresholds times 512.
constexpr MM_SYSTEMSIZE system_size_of(std::uint64_t bytes, bool server) noexcept {
  constexpr std::uint64_t step = std::uint64_t{512} << 20;
  if (bytes <= 19 * step) return MmSmallSystem;
  return bytes >= (server ? 64 : 32) * step ? MmLargeSystem : MmMediumSystem;
}

// DMI's chassis types (SMBIOS 7.4.1): main server, rack mount, multi-system, blade, blade
// enclosure.
constexpr bool is_server_chassis(int type) noexcept {
  return type == 17 || type == 23 || type == 25 || type == 28 || type == 29;
}

}  // namespace exalloc
