// The tables of a bug check, copied to where a core file or a dump file takes them from.
#pragma once

#include <string_view>

#include "exalloc/bugcheck.h"

namespace exalloc {

// Copies the tables into memory of its own that core files hold, and leaves it there: the process
// is about to end. With a path the same is written to a file. Tells on standard error where they
// are, or why not. Takes no heap memory, and no lock that a stopped thread may hold.
void save_dump(const exalloc_bug_check& check, std::string_view description,
               const char* path) noexcept;

}  // namespace exalloc
