#include "pool/settings.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "errors.hpp"
#include "from_environment.hpp"
#include "pool/tag_text.hpp"

namespace exalloc {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::uint32_t without_end(std::uint32_t tag) noexcept {
  tag &= ~protected_tag_bit;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const std::uint32_t last = tag >> shift & 0xFF;
    if (last != 0 && last != ' ') break;
    tag &= ~(std::uint32_t{0xFF} << shift);
  }
  return tag;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  const auto number = parse_number(text);
  if (!number) return std::nullopt;
  int shift = 0;
  if (!text.empty()) {
    switch (text.front()) {
      case 'k':
      case 'K':
        shift = 10;
        break;
      case 'm':
      case 'M':
        shift = 20;
        break;
      case 'g':
      case 'G':
        shift = 30;
        break;
      case 't':
      case 'T':
        shift = 40;
        break;
      default:
        return std::nullopt;
    }
    text.remove_prefix(1);
  }
  if (!text.empty() || *number > UINT64_MAX >> shift) return std::nullopt;
  return *number << shift;
}

std::optional<std::uint32_t> parse_tag(std::string_view text) noexcept {
  if (text.empty() || text.size() > 4) return std::nullopt;
  std::uint32_t tag = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c > 0x7E) return std::nullopt;
    tag |= std::uint32_t{c} << (8 * i);
  }
  return tag;
}

bool same_name(std::uint32_t tag, std::uint32_t other) noexcept {
  return without_end(tag) == without_end(other);
}

std::optional<injection_setting> parse_injection(std::string_view text) noexcept {
  injection_setting result;
  if (take_prefix(text, "every=")) {
    const auto every = parse_number(text);
    if (!every || *every == 0) return std::nullopt;
    result.every = *every;
  } else if (take_prefix(text, "once")) {
    result.once_per_site = true;
  } else {
    return std::nullopt;
  }
  if (text.empty()) return result;
  if (!take_prefix(text, ",tag=")) return std::nullopt;
  const auto tag = parse_tag(text);
  if (!tag) return std::nullopt;
  result.tag = *tag;
  return result;
}

std::optional<guard_setting> parse_guard(std::string_view text) noexcept {
  if (text == "all") return guard_setting{true, 0};
  if (!take_prefix(text, "tag=")) return std::nullopt;
  const auto tag = parse_tag(text);
  if (!tag) return std::nullopt;
  return guard_setting{true, *tag};
}

void report_setting(const char* name, const char* expected) {
  post_error({fmt::format("{}=\"{}\" is not understood and ignored: {} is expected", name,
                          text_from_environment(name), expected),
              "ok", nullptr, 0, 0, -1});
}

std::uint64_t size_setting(const char* name, std::uint64_t otherwise) {
  const std::string_view text = text_from_environment(name);
  if (text.empty()) return otherwise;
  if (const auto bytes = parse_size(text)) return *bytes;
  report_setting(name, "a number of bytes, like 64M (K, M, G or T)");
  return otherwise;
}

}  // namespace exalloc
