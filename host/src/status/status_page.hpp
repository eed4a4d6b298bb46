// The process's own status page: made at the first use of a card, gone with the process.
#pragma once

#include "status/status_layout.hpp"

namespace exalloc {

// Always there: without shared memory (EXALLOC_STATUS=0, or none to be had, which is reported once)
// it is private memory that nobody else can read. Never destroyed.
status::page& status_page() noexcept;

}  // namespace exalloc
