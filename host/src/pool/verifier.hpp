// What Driver Verifier's users expect of a pool: allocations that fail on purpose, and blocks with
// guard pages.
#pragma once

#include <cstdint>

#include "pool/guard_pool.hpp"
#include "pool/injection.hpp"
#include "pool/settings.hpp"

namespace exalloc::verifier {

// From now on; the default setting turns it off.
void inject(const injection_setting& setting) noexcept;
injection& failures() noexcept;

// Which allocations come from the guard-page pool from now on. Throws std::system_error when there
// is no address space for it.
void guard(const guard_setting& setting);
// Whether those with this tag do, while attention says that some do.
bool guarded(std::uint32_t tag) noexcept;
// Null before there was a block with guard pages.
guard_pool* guards() noexcept;

}  // namespace exalloc::verifier
