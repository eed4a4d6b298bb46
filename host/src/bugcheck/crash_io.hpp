// System calls for a process that is damaged: no heap, no locks, no faults.
#pragma once

#include <cstddef>
#include <string_view>

namespace exalloc {

// Copies memory that may not be there. False, and zeros, if it is not.
bool copy_if_readable(void* to, const void* from, std::size_t bytes) noexcept;

// Writes all of it. False with errno set.
bool write_all(int file, const void* bytes, std::size_t count) noexcept;

// To standard error, whatever has become of stdio.
void say(std::string_view text) noexcept;

}  // namespace exalloc
