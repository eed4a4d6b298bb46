#include "shadow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace exalloc::replay {
namespace {

// A ZONE_SEGMENT_HEADER, as the contract fixes it; on purpose not taken from the library's header.
constexpr std::size_t segment_header_bytes = 16;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t findings_kept = 10;

std::uintptr_t address_of(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }

// The number goes to both ends, so that a neighbour that is too long or too early is seen as well.
void stamp(void* block, std::size_t bytes, std::uint64_t number) {
  const std::size_t n = std::min(bytes, sizeof number);
  auto* const at = static_cast<std::byte*>(block);
  std::memcpy(at + bytes - n, &number, n);
  std::memcpy(at, &number, n);
}

bool has_stamp(const void* block, std::size_t bytes, std::uint64_t number) {
  const std::size_t n = std::min(bytes, sizeof number);
  const auto* const at = static_cast<const std::byte*>(block);
  if (std::memcmp(at, &number, n) != 0) return false;
  // In a block of under 16 bytes the two stamps overlap and the first one won.
  return bytes < 2 * sizeof number || std::memcmp(at + bytes - n, &number, n) == 0;
}

}  // namespace

shadow::zone_number shadow::add_zone(std::string name, std::size_t block_size) {
  zones_.push_back({std::move(name), block_size, 0, 0, {}});
  return static_cast<zone_number>(zones_.size() - 1);
}

shadow::zone_number shadow::add_pool_list(std::string name) {
  const zone_number number = add_zone(std::move(name), 0);
  zones_[number].from_pool = true;
  return number;
}

void shadow::add_segment(zone_number zone, const void* memory, std::size_t bytes) {
  zone_record& z = zones_[zone];
  const std::uint64_t blocks =
      bytes < segment_header_bytes ? 0 : (bytes - segment_header_bytes) / z.block_size;
  const std::uintptr_t first = address_of(memory) + segment_header_bytes;
  z.segments.emplace(first, segment{first, first + blocks * z.block_size});
  z.carved += blocks;
}

bool shadow::is_in_segment(const zone_record& zone, std::uintptr_t block) const {
  const auto after = zone.segments.upper_bound(block);
  if (after == zone.segments.begin()) return false;
  const segment& s = std::prev(after)->second;
  return block < s.end && (block - s.first) % zone.block_size == 0;
}

bool shadow::overlaps(std::uintptr_t begin, std::uintptr_t end) const {
  const auto next = live_.lower_bound(begin);
  if (next != live_.end() && next->first < end) return true;
  return next != live_.begin() && std::prev(next)->second.end > begin;
}

void shadow::note(zone_number zone, const void* block, const std::string& what) {
  if (found_.first.size() >= findings_kept) return;
  const std::string where = line_ == 0 ? "after the trace" : fmt::format("line {}", line_);
  const std::string which =
      zone == pool
          ? "pool"
          : fmt::format("{} {}", zones_[zone].from_pool ? "list" : "zone", zones_[zone].name);
  const std::string at = block == nullptr ? "" : fmt::format(", block {}", block);
  found_.first.push_back(fmt::format("{}, {}{}: {}", where, which, at, what));
}

std::uint64_t shadow::allocated(zone_number zone, void* block, std::size_t bytes) {
  const std::uintptr_t begin = address_of(block);
  if (zone != pool) ++zones_[zone].live;
  if (zone == pool || zones_[zone].from_pool) {
    const std::size_t alignment = bytes >= page_bytes ? page_bytes : 16;
    if (begin % alignment != 0) {
      ++found_.outside_segment;
      note(zone, block, fmt::format("is not aligned to {} bytes", alignment));
    } else if (bytes < page_bytes && begin % page_bytes + bytes > page_bytes) {
      ++found_.outside_segment;
      note(zone, block, "is less than a page, but crosses a page boundary");
    }
  } else {
    if (!is_in_segment(zones_[zone], begin)) {
      ++found_.outside_segment;
      note(zone, block, "is no block of any segment of the zone");
      return untracked;
    }
  }
  // A block of no bytes still needs an address of its own.
  const std::uintptr_t end = begin + std::max<std::size_t>(bytes, 1);
  if (overlaps(begin, end)) {
    ++found_.overlapping;
    note(zone, block, "overlaps a block that is live");
    return untracked;
  }
  const std::uint64_t number = next_number_++;
  live_.emplace(begin, live_block{end, bytes, number});
  stamp(block, bytes, number);
  return number;
}

void shadow::freed(zone_number zone, void* block, std::uint64_t number) {
  if (zone != pool) --zones_[zone].live;
  if (number == untracked) return;
  const auto at = live_.find(address_of(block));
  const std::size_t bytes = at->second.bytes;
  live_.erase(at);
  if (!has_stamp(block, bytes, number)) {
    ++found_.corrupted;
    note(zone, block, "was written by somebody else while it was live");
  }
}

void shadow::drained(zone_number zone, std::uint64_t got) {
  const zone_record& z = zones_[zone];
  if (got >= z.carved) return;  // more than that overlap or lie outside, and were counted there
  found_.lost += z.carved - got;
  note(zone, nullptr,
       fmt::format("all blocks were freed, but only {} of {} come out again", got, z.carved));
}

void shadow::not_given_back(zone_number list, std::uint64_t blocks) {
  if (blocks == 0) return;
  found_.lost += blocks;
  note(list, nullptr,
       fmt::format("all blocks were freed and the list deleted, but {} did not come "
                   "back",
                   blocks));
}

void shadow::wrong_answer(zone_number zone, const std::string& what) {
  ++found_.wrong_answers;
  note(zone, nullptr, what);
}

}  // namespace exalloc::replay
