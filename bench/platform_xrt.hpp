// The simulated card below XRT, for the platform bench.
#pragma once

#include <memory>

#include "platform_host.hpp"

namespace exalloc::bench {

// With the card's registers and memory as XRT gives them, timed by the simulation. The first one
// decides for the process which link the card is on. Throws std::runtime_error without XRT, and for
// a card that has no simulated clock.
std::unique_ptr<measured_card> open_measured_xrt(const sim::link_settings& link);

}  // namespace exalloc::bench
