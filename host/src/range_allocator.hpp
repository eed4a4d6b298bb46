// Consecutive numbers (slabs, pages): first fit, neighbours joined when they come back.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace exalloc {

class range_allocator {
 public:
  // Manages the numbers first .. first + count - 1.
  range_allocator(std::uint64_t first, std::uint64_t count) {
    if (count != 0) free_.emplace(first, count);
  }

  std::optional<std::uint64_t> take(std::uint64_t count) {
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second < count) continue;
      const auto [first, length] = *it;
      free_.erase(it);
      if (length > count) free_.emplace(first + count, length - count);
      return first;
    }
    return std::nullopt;
  }

  void give_back(std::uint64_t first, std::uint64_t count) {
    if (count == 0) return;
    auto next = free_.lower_bound(first);
    if (next != free_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == first) {
        first = before->first;
        count += before->second;
        free_.erase(before);
      }
    }
    if (next != free_.end() && first + count == next->first) {
      count += next->second;
      free_.erase(next);
    }
    free_.emplace(first, count);
  }

  // From which number on all up to `end` are free.
  std::uint64_t end_of_use(std::uint64_t end) const {
    if (free_.empty()) return end;
    const auto& [first, count] = *free_.rbegin();
    return first + count == end ? first : end;
  }

  // How many are free.
  std::uint64_t free_count() const {
    std::uint64_t sum = 0;
    for (const auto& [first, count] : free_) sum += count;
    return sum;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;  // first -> count
};

}  // namespace exalloc
