// What the environment says about the pool. A value that cannot be understood is posted as an
// error, and counts as not given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace exalloc {

// Bytes with an optional K, M, G or T behind: "64M". Nothing if it is not that.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;
// 1 to 4 printable characters as a tag: "Foo" is 'Foo ' with a blank or a zero behind, whichever a
// program uses, see same_name(). Nothing if it is not that.
std::optional<std::uint32_t> parse_tag(std::string_view text) noexcept;
// Whether two tags read the same: PROTECTED_POOL, and blanks or zeros at the end, make no
// difference.
bool same_name(std::uint32_t tag, std::uint32_t other) noexcept;

struct injection_setting {
  std::uint64_t every = 0;  // 0: not so
  bool once_per_site = false;
  std::uint32_t tag = 0;  // 0: all
};
// "every=100", "once", either with ",tag=Foo".
std::optional<injection_setting> parse_injection(std::string_view text) noexcept;

struct guard_setting {
  bool on = false;
  std::uint32_t tag = 0;  // 0: all
};
// "all" or "tag=Foo".
std::optional<guard_setting> parse_guard(std::string_view text) noexcept;

// An environment variable as bytes, `otherwise` if it is not set. Not to be called on a fast path.
std::uint64_t size_setting(const char* name, std::uint64_t otherwise);
// Posts that the value of a variable is none of `expected`.
void report_setting(const char* name, const char* expected);

}  // namespace exalloc
