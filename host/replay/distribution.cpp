#include "distribution.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

namespace exalloc::replay {

std::optional<std::uint64_t> distribution::percentile(double share) const {
  if (total_ == 0) return std::nullopt;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted(counts_.begin(), counts_.end());
  std::sort(sorted.begin(), sorted.end());
  const double wanted = std::ceil(share * static_cast<double>(total_));
  std::uint64_t seen = 0;
  for (const auto& [value, count] : sorted) {
    seen += count;
    if (static_cast<double>(seen) >= wanted) return value;
  }
  return sorted.back().first;
}

std::vector<distribution::bucket> distribution::buckets() const {
  std::array<std::uint64_t, 64> counts{};
  for (const auto& [value, count] : counts_) {
    counts[value == 0 ? 0 : static_cast<std::size_t>(std::bit_width(value)) - 1] += count;
  }
  std::size_t first = 0, last = counts.size();
  while (first < last && counts[first] == 0) ++first;
  while (last > first && counts[last - 1] == 0) --last;
  std::vector<bucket> result;
  for (std::size_t i = first; i < last; ++i) result.push_back({std::uint64_t{1} << i, counts[i]});
  return result;
}

}  // namespace exalloc::replay
