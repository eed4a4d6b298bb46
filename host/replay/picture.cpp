#include "picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace exalloc::replay {
namespace {

constexpr std::uint64_t width = 40;  // characters of the longest bar

std::string bar(std::uint64_t count, std::uint64_t most, bool unicode) {
  if (!unicode) return std::string(std::max<std::uint64_t>(count * width / most, 1), '#');
  static constexpr std::array<std::string_view, 9> eighths{"",  "▏", "▎", "▍", "▌",
                                                           "▋", "▊", "▉", "█"};
  const std::uint64_t length = std::max<std::uint64_t>(count * width * 8 / most, 1);
  std::string text;
  for (std::uint64_t i = 0; i < length / 8; ++i) text += eighths[8];
  return text += eighths[length % 8];
}

}  // namespace

std::string picture(const distribution& values, const std::string& unit, bool unicode) {
  const auto buckets = values.buckets();
  std::uint64_t most = 1;
  for (const auto& bucket : buckets) most = std::max(most, bucket.count);
  std::string text;
  for (const auto& bucket : buckets) {
    // The bar goes last: padding after it would have to know how wide its characters are.
    const double share =
        100.0 * static_cast<double>(bucket.count) / static_cast<double>(values.total());
    text += fmt::format("  {:>9} {} {:>9} {:>6.2f} %", bucket.from, unit, bucket.count, share);
    if (bucket.count != 0) text += "  " + bar(bucket.count, most, unicode);
    text += "\n";
  }
  return text;
}

}  // namespace exalloc::replay
