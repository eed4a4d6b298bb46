// What XRT tells of the devices it has, and what it lacks.
#pragma once

#include <string>

namespace exalloc::xrt_card {

// What keeps XRT from working at all, as a sentence that says how to mend it; empty if nothing
// does.
std::string xrt_problem();

}  // namespace exalloc::xrt_card
