// Exact counts of whole numbers (latencies, sizes): percentiles and powers of two.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace exalloc::replay {

// Values of a replay repeat a lot, so counting each one apart is small and loses nothing.
class distribution {
 public:
  void add(std::uint64_t value) {
    ++counts_[value];
    ++total_;
  }
  std::uint64_t total() const { return total_; }

  // The smallest value that at least `share` (0 to 1) of all are not above; nothing if empty.
  std::optional<std::uint64_t> percentile(double share) const;
  std::optional<std::uint64_t> maximum() const { return percentile(1.0); }

  // How many values lie in [from, 2 * from); the first bucket also holds 0.
  struct bucket {
    std::uint64_t from;
    std::uint64_t count;
  };
  // From the first bucket that holds something to the last.
  std::vector<bucket> buckets() const;

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace exalloc::replay
