// Pool that was not freed, by tag.
#pragma once

#include <cstdint>

namespace exalloc {

// Prints it to standard error. The number of blocks.
std::uint64_t report_leaks();
// Does so when the process has ended all else.
void report_leaks_at_exit() noexcept;

}  // namespace exalloc
