// Settings out of environment variables. Text that is none is an error: a setting that is silently
// left out is worse than none.
#pragma once

#include <cstdint>
#include <optional>

namespace exalloc {

// A number between the bounds; nothing if the variable is not set or empty. Throws
// std::runtime_error with a sentence for the user.
std::optional<std::uint32_t> number_from_environment(const char* name, std::uint32_t least,
                                                     std::uint32_t most);

// "on" or "off"; nothing if the variable is not set or empty. Throws the same.
std::optional<bool> switch_from_environment(const char* name);

}  // namespace exalloc
