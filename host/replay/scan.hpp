// Small steps over a line of text, shared by the parsers.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace exalloc::replay::scan {

inline std::string_view skip_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

inline std::string_view trim(std::string_view text) {
  text = skip_spaces(text);
  const auto last = text.find_last_not_of(" \t");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// Takes the first word off the text.
inline std::string_view take_word(std::string_view& text) {
  text = skip_spaces(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

// Takes the last word off the text.
inline std::string_view take_last_word(std::string_view& text) {
  text = trim(text);
  const auto space = text.find_last_of(" \t");
  const std::string_view word = space == std::string_view::npos ? text : text.substr(space + 1);
  text.remove_suffix(word.size());
  return word;
}

template <typename number>
bool parse_number(std::string_view text, number& value, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// An address as printk, glibc and perf write it; "(null)" and "(nil)" are 0.
inline bool parse_address(std::string_view text, std::uint64_t& value) {
  if (text == "(null)" || text == "(nil)") {
    value = 0;
    return true;
  }
  if (text.starts_with("0x")) text.remove_prefix(2);
  return parse_number(text, value, 16);
}

}  // namespace exalloc::replay::scan
