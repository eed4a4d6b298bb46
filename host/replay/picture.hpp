// A histogram drawn with characters.
#pragma once

#include <string>

#include "distribution.hpp"

namespace exalloc::replay {

// One row a power of two: its lower end in `unit`, a bar, count and share.
std::string picture(const distribution& values, const std::string& unit, bool unicode);

}  // namespace exalloc::replay
