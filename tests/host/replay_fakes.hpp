// An allocator for tests of the replay: right by default, wrong in one chosen way.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "allocator.hpp"
#include "event.hpp"

namespace exalloc::replay {

enum class fault {
  none,
  same_block_twice,   // the fifth zone block is the fourth again
  off_the_grid,       // the fifth zone block lies 8 bytes too high
  scribble,           // a call writes into a live block
  lose_a_block,       // one freed block never comes back
  null_too_early,     // NULL although blocks are free
  never_full,         // ExIsFullZone says FALSE always
  free_says_nothing,  // ExFreeToZone returns NULL always
  wrong_total,        // TotalSegmentSize forgets the header
  cannot_extend,
  pool_overlap,  // two pool blocks at one address
  pool_null,
  reports_error,
  list_gives_twice,      // the fifth entry of a lookaside list is the fourth again
  list_swallows,         // one entry never comes back to Free
  list_frees_twice,      // one entry comes to Free twice
  list_keeps_too_many,   // one more than Depth
  list_counts_too_much,  // TotalAllocates
  list_misses_unseen,    // AllocateMisses stays 0
  card_counts_wrong,     // only the card's count of frees
};

class fake_allocator final : public allocator {
 public:
  explicit fake_allocator(fault wrong = fault::none) : fault_(wrong) {}
  ~fake_allocator() override {
    for (void* block : pool_) std::free(block);
  }

  void enter(unsigned processor) override { current_ = processor; }
  NTSTATUS initialize_zone(ZONE_HEADER& zone, ULONG block_size, void* segment,
                           ULONG segment_size) override {
    zone = {};
    zone.BlockSize = block_size;
    zones_[&zone];
    return carve(zone, segment, segment_size);
  }
  NTSTATUS extend_zone(ZONE_HEADER& zone, void* segment, ULONG segment_size) override {
    if (fault_ == fault::cannot_extend) return STATUS_INSUFFICIENT_RESOURCES;
    return carve(zone, segment, segment_size);
  }
  void* allocate_from_zone(ZONE_HEADER& zone) override {
    auto& free_blocks = zones_[&zone];
    const unsigned call = ++zone_calls_;
    processor_stats& s = stats_[current_];
    if (call == 5 && fault_ == fault::same_block_twice) return last_;
    if (call == 5 && fault_ == fault::null_too_early) return nullptr;
    if (free_blocks.empty()) {
      ++s.slow_allocations;
      ++s.waits;
      s.waited_ns += 500;
      return nullptr;
    }
    ++s.fast_allocations;
    auto* block = static_cast<std::byte*>(free_blocks.back());
    free_blocks.pop_back();
    if (call == 5 && fault_ == fault::off_the_grid) block += 8;
    if (call == 5 && fault_ == fault::scribble) std::memset(last_, 0xff, 4);
    if (call == 5 && fault_ == fault::reports_error) ++errors_;
    return last_ = block;
  }
  void* free_to_zone(ZONE_HEADER& zone, void* block) override {
    auto& free_blocks = zones_[&zone];
    void* const head = free_blocks.empty() ? nullptr : free_blocks.back();
    ++stats_[current_].fast_frees;
    if (++zone_frees_ != 3 || fault_ != fault::lose_a_block) free_blocks.push_back(block);
    return fault_ == fault::free_says_nothing ? nullptr : head;
  }
  bool is_full_zone(ZONE_HEADER& zone) override {
    return fault_ != fault::never_full && zones_[&zone].empty();
  }
  void delete_zone(ZONE_HEADER& zone) override { zones_.erase(&zone); }

  void initialize_lookaside(NPAGED_LOOKASIDE_LIST& list, PALLOCATE_FUNCTION allocate,
                            PFREE_FUNCTION free, std::size_t size, ULONG tag) override {
    list = {};
    list.L.Depth = 4;
    list.L.MaximumDepth = 256;
    list.L.Size = static_cast<ULONG>(size);
    list.L.Tag = tag;
    list.L.Allocate = allocate;
    list.L.Free = free;
    lookasides_[&list];
  }
  void* allocate_from_lookaside(NPAGED_LOOKASIDE_LIST& list) override {
    auto& entries = lookasides_[&list];
    const ULONG call = ++list.L.TotalAllocates;
    if (call == 5 && fault_ == fault::list_counts_too_much) ++list.L.TotalAllocates;
    if (call == 5 && fault_ == fault::list_gives_twice) return last_;
    if (entries.empty()) {
      if (fault_ != fault::list_misses_unseen) ++list.L.AllocateMisses;
      return last_ = list.L.Allocate(list.L.Type, list.L.Size, list.L.Tag);
    }
    ++stats_[current_].fast_allocations;
    last_ = entries.back();
    entries.pop_back();
    return last_;
  }
  void free_to_lookaside(NPAGED_LOOKASIDE_LIST& list, void* entry) override {
    auto& entries = lookasides_[&list];
    const ULONG call = ++list.L.TotalFrees;
    if (call == 3 && fault_ == fault::list_swallows) return;
    if (entries.size() >= list.L.Depth + (fault_ == fault::list_keeps_too_many ? 1U : 0U)) {
      ++list.L.FreeMisses;
      list.L.Free(entry);
      if (call == 5 && fault_ == fault::list_frees_twice) list.L.Free(entry);
    } else {
      entries.push_back(entry);
    }
  }
  void delete_lookaside(NPAGED_LOOKASIDE_LIST& list) override {
    for (void* entry : lookasides_[&list]) list.L.Free(entry);
    lookasides_.erase(&list);
  }
  std::optional<exalloc_lookaside_counts> lookaside_counts(
      const NPAGED_LOOKASIDE_LIST& list) override {
    exalloc_lookaside_counts c{};
    c.depth = list.L.Depth;
    c.held = static_cast<std::uint32_t>(lookasides_.at(&list).size());
    c.allocates = list.L.TotalAllocates;
    c.allocate_misses = list.L.AllocateMisses;
    c.frees = list.L.TotalFrees + (fault_ == fault::card_counts_wrong ? 1 : 0);
    c.free_misses = list.L.FreeMisses;
    if (fault_ == fault::list_keeps_too_many) c.held = c.depth;
    return c;
  }
  void govern() override { ++governed; }
  unsigned governed = 0;
  bool magazines() override { return fault_ != fault::card_counts_wrong; }

  void* allocate_pool(POOL_TYPE, std::size_t bytes, ULONG) override {
    if (fault_ == fault::pool_null) return nullptr;
    if (fault_ == fault::pool_overlap && !pool_.empty()) return pool_.front();
    // As large as the block: pool below a page never crosses one.
    const std::size_t alignment = std::bit_ceil(std::max<std::size_t>(bytes, 16));
    ++stats_[current_].slow_allocations;
    // With room behind it: pool_overlap hands a block out again for a larger request.
    pool_.push_back(std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment * 8));
    return pool_.back();
  }
  void free_pool(void*) override { ++stats_[current_].slow_frees; }

  processor_stats stats() override { return stats_[current_]; }
  std::uint64_t now_ns() override { return now_; }
  void advance_to(std::uint64_t ns) override { now_ = std::max(now_, ns); }
  bool has_time() override { return true; }
  std::string card_name() override { return "fake"; }
  card_counters counters() override { return {}; }
  library_stats library() override { return {}; }
  std::uint64_t errors_reported() override { return errors_; }
  std::vector<std::string> first_errors() override { return {}; }

 private:
  NTSTATUS carve(ZONE_HEADER& zone, void* segment, ULONG size) {
    const ULONG blocks = (size - 16) / zone.BlockSize;
    for (ULONG i = blocks; i-- > 0;) {
      zones_[&zone].push_back(static_cast<std::byte*>(segment) + 16 + i * zone.BlockSize);
    }
    zone.TotalSegmentSize += (fault_ == fault::wrong_total ? 0 : 16) + blocks * zone.BlockSize;
    return STATUS_SUCCESS;
  }

  fault fault_;
  std::map<ZONE_HEADER*, std::vector<void*>> zones_;
  std::map<const NPAGED_LOOKASIDE_LIST*, std::vector<void*>> lookasides_;
  std::vector<void*> pool_;
  std::map<unsigned, processor_stats> stats_;
  unsigned current_ = 0;
  unsigned zone_calls_ = 0;
  unsigned zone_frees_ = 0;
  void* last_ = nullptr;
  std::uint64_t now_ = 5000;  // a card that has been up for a while
  std::uint64_t errors_ = 0;
};

inline event cache_allocate(std::uint64_t address, std::string_view cache, std::uint64_t bytes,
                            unsigned processor = 0) {
  return {event_kind::cache_allocate, processor, address, bytes, bytes, cache};
}
inline event cache_free(std::uint64_t address, std::string_view cache = "",
                        unsigned processor = 0) {
  return {event_kind::cache_free, processor, address, 0, 0, cache};
}
inline event kmalloc(std::uint64_t address, std::uint64_t requested, std::uint64_t allocated) {
  return {event_kind::allocate, 0, address, requested, allocated, ""};
}
inline event kfree(std::uint64_t address, unsigned processor = 0) {
  return {event_kind::free, processor, address, 0, 0, ""};
}

}  // namespace exalloc::replay
