#include "zone_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace exalloc::replay {
namespace {

// A segment doubles the zone up to these limits.
constexpr std::uint64_t most_blocks = 64 * 1024;
constexpr std::uint64_t most_bytes = 64 * 1024 * 1024;
constexpr std::size_t jitter_steps = 64;  // of 8 bytes

}  // namespace

zone_list::zone_list(allocator& calls, shadow& checker, std::mt19937_64& random,
                     const std::string& name, std::size_t block_size, std::uint64_t first_blocks)
    : calls_(calls),
      checker_(checker),
      random_(random),
      block_size_(block_size),
      first_blocks_(first_blocks),
      number_(checker.add_zone(name, block_size)) {
  segment first = make_segment(next_blocks());
  const NTSTATUS status =
      calls_.initialize_zone(header_, static_cast<ULONG>(block_size), first.begin, first.bytes);
  if (!NT_SUCCESS(status)) {
    throw std::runtime_error(fmt::format(
        "the zone for cache {} ({} bytes a block) cannot be made: status 0x{:08X}{}", name,
        block_size, static_cast<std::uint32_t>(status),
        status == STATUS_INSUFFICIENT_RESOURCES ? ", the card has no list or no slabs left" : ""));
  }
  checker_.add_segment(number_, first.begin, first.bytes);
  segment_bytes_ = first.bytes;
  segments_.push_back(std::move(first));
}

zone_list::~zone_list() {
  if (!segments_.empty()) calls_.delete_zone(header_);
}

std::uint64_t zone_list::next_blocks() const {
  const std::uint64_t limit = std::clamp<std::uint64_t>(most_bytes / block_size_, 1, most_blocks);
  return std::min(std::max(checker_.carved(number_), first_blocks_), limit);
}

zone_list::segment zone_list::make_segment(std::uint64_t blocks) {
  segment s;
  s.bytes = static_cast<ULONG>(sizeof(ZONE_SEGMENT_HEADER) + blocks * block_size_);
  const std::size_t offset = random_() % jitter_steps * 8;
  s.memory = std::make_unique_for_overwrite<std::byte[]>(s.bytes + jitter_steps * 8);
  s.begin = s.memory.get() + offset;
  return s;
}

bool zone_list::extend() {
  segment s = make_segment(next_blocks());
  if (!NT_SUCCESS(calls_.extend_zone(header_, s.begin, s.bytes))) return false;
  ++extends_;
  checker_.add_segment(number_, s.begin, s.bytes);
  segment_bytes_ += s.bytes;
  segments_.push_back(std::move(s));
  if (calls_.is_full_zone(header_)) {
    checker_.wrong_answer(number_, "full, although it has just been extended");
  }
  return true;
}

void* zone_list::allocate() {
  if (void* const block = calls_.allocate_from_zone(header_)) return block;
  const std::uint64_t free_blocks = checker_.carved(number_) - checker_.live(number_);
  if (free_blocks != 0) {
    checker_.wrong_answer(number_, fmt::format("NULL, although {} blocks are free", free_blocks));
  }
  if (!calls_.is_full_zone(header_)) {
    checker_.wrong_answer(number_, "not full, although it has just answered NULL");
  }
  return extend() ? calls_.allocate_from_zone(header_) : nullptr;
}

void zone_list::free(void* block, std::uint64_t stamp) {
  const bool was_full = checker_.live(number_) == checker_.carved(number_);
  checker_.freed(number_, block, stamp);
  const void* const previous_head = calls_.free_to_zone(header_, block);
  if ((previous_head == nullptr) != was_full) {
    checker_.wrong_answer(number_, was_full
                                       ? "a free says that other blocks were free, but none was"
                                       : "a free says that no block was free, but some were");
  }
}

void zone_list::check_at_end() {
  if (header_.BlockSize != block_size_) {
    checker_.wrong_answer(number_,
                          fmt::format("BlockSize is {}, not {}", header_.BlockSize, block_size_));
  }
  if (header_.TotalSegmentSize != segment_bytes_) {
    checker_.wrong_answer(number_, fmt::format("TotalSegmentSize is {}, not {}",
                                               header_.TotalSegmentSize, segment_bytes_));
  }
  if (calls_.is_full_zone(header_)) {
    checker_.wrong_answer(number_, "full, although every block was freed");
  }
  const std::uint64_t carved = checker_.carved(number_);
  std::vector<std::pair<void*, std::uint64_t>> blocks;
  // One more than there are is one too many, and enough to know.
  while (blocks.size() <= carved) {
    void* const block = calls_.allocate_from_zone(header_);
    if (block == nullptr) break;
    blocks.emplace_back(block, checker_.allocated(number_, block, block_size_));
  }
  checker_.drained(number_, blocks.size());
  if (blocks.size() == carved && !calls_.is_full_zone(header_)) {
    checker_.wrong_answer(number_, "not full, although every block is allocated");
  }
  for (const auto& [block, stamp] : blocks) {
    checker_.freed(number_, block, stamp);
    calls_.free_to_zone(header_, block);
  }
}

}  // namespace exalloc::replay
