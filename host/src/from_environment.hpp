// Settings out of environment variables. Text that is none is an error: a setting that is silently
// left out is worse than none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace exalloc {

// What a variable says, up to its end; `otherwise` if it is not set or empty. Like getenv: valid
// until somebody changes the environment, and followed by a zero. Not to be called on a fast path.
std::string_view text_from_environment(const char* name, const char* otherwise = "") noexcept;

// A number between the bounds; nothing if the variable is not set or empty. Throws
// std::runtime_error with a sentence for the user.
std::optional<std::uint64_t> number_from_environment(const char* name, std::uint64_t least,
                                                     std::uint64_t most);

// "on" or "off"; nothing if the variable is not set or empty. Throws the same.
std::optional<bool> switch_from_environment(const char* name);

}  // namespace exalloc
