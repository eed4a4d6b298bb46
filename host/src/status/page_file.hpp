// Where status pages lie, and which of them are leftovers. For the library and for the programs
// that read pages.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace exalloc::status {

// The folder of all pages: shared memory.
inline constexpr const char* folder = "/dev/shm";
std::string path_of(std::uint64_t process);

// When a process was started, in clock ticks since boot; nothing if there is no such process.
std::optional<std::uint64_t> start_of(std::uint64_t process);

// The process that a file is the page of, by its name alone.
std::optional<std::uint64_t> process_of(const std::string& file_name);
// All processes that have a file here, whoever owns it.
std::vector<std::uint64_t> processes_with_page();

// Whoever makes a page holds a lock (flock) on it until it ends, whatever ends it. Removes the page
// of a process if it is the calling user's and nobody holds it. `mine`: it is to be made anew, so
// that even one without contents is a leftover.
void remove_leftover(std::uint64_t process, bool mine = false) noexcept;
void remove_leftovers() noexcept;

}  // namespace exalloc::status
