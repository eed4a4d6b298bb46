#include "from_environment.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace exalloc {

std::string_view text_from_environment(const char* name, const char* otherwise) noexcept {
  const char* const text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : otherwise;
}

std::optional<std::uint64_t> number_from_environment(const char* name, std::uint64_t least,
                                                     std::uint64_t most) {
  const std::string_view text = text_from_environment(name);
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  const char* const behind = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), behind, value);
  if (error != std::errc() || end != behind || value < least || value > most)
    throw std::runtime_error(
        fmt::format("exalloc: the environment variable {} is \"{}\"; it must be a number from {} "
                    "to {}, or not be set",
                    name, text, least, most));
  return value;
}

std::optional<bool> switch_from_environment(const char* name) {
  const std::string_view text = text_from_environment(name);
  if (text.empty()) return std::nullopt;
  if (text != "on" && text != "off")
    throw std::runtime_error(
        fmt::format("exalloc: the environment variable {} is \"{}\"; it must be on or off, or not "
                    "be set",
                    name, text));
  return text == "on";
}

}  // namespace exalloc
