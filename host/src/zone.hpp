// A zone: a list whose blocks are carved from segments that the caller gives.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "block_list.hpp"
#include "core.hpp"
#include "exalloc/wdm.h"
#include "magazine.hpp"

namespace exalloc {

class zone final : public block_list {
 public:
  // On the card, or in the host only when the card has no list left. Throws std::bad_alloc.
  zone(core& c, const ZONE_HEADER* header, std::uint32_t block_size);
  // Retires the list and gives its slabs back.
  ~zone() override;

  // Carves a segment: everything behind its header that is a whole block. False when the card has
  // not enough slabs.
  bool add_segment(std::byte* segment, std::uint32_t bytes);
  // Bytes of header and blocks of such a segment.
  std::uint32_t carved_bytes(std::uint32_t segment_bytes) const noexcept;

  // The block at that address; token 0 if none of the zone's blocks begins there.
  block find(void* address) const noexcept {
    const segment_table* table = segments_.load(std::memory_order_acquire);
    const auto p = reinterpret_cast<std::uintptr_t>(address);
    const segment* s = &table->first;
    if (p - s->begin >= s->bytes) [[unlikely]]
      s = table->other(p);
    if (s == nullptr) return {};
    const std::uint64_t offset = p - s->begin;
    // Multiplying by 2^64 / block size, rounded up, divides 32-bit numbers exactly.
    const auto index =
        static_cast<std::uint32_t>((static_cast<unsigned __int128>(reciprocal_) * offset) >> 64);
    if (std::uint64_t{index} * block_size_ != offset) return {};
    return {address, s->first_token + index};
  }
  // Whether the address lies in any of the zone's blocks.
  bool contains(const void* address) const noexcept;
  bool in_first_segment(const void* address) const noexcept {
    const segment& s = segments_.load(std::memory_order_acquire)->first;
    return reinterpret_cast<std::uintptr_t>(address) - s.begin < s.bytes;
  }

  // Where the blocks of each segment lie, the first segment first, the others by address.
  struct extent {
    std::uintptr_t begin;
    std::uint32_t first_token, blocks;
  };
  std::vector<extent> extents() const;
  void each_extent(const std::function<void(std::uint32_t, std::uint32_t)>& visit) override {
    for (const extent& e : extents()) visit(e.first_token, e.blocks);
  }
  std::uint32_t block_size() const noexcept { return block_size_; }

  // Whether Interlocked calls go without the caller's lock.
  bool lockfree() const noexcept { return lockfree_.load(std::memory_order_relaxed); }
  void set_lockfree(bool on);

  void describe(exalloc_magazine& m) const noexcept override;
  run first_run() const noexcept override;

 private:
  struct segment {
    std::uintptr_t begin = 0;  // of the blocks
    std::uint64_t bytes = 0;   // all blocks
    std::uint32_t first_token = 0;
  };
  // Never changed: an extension publishes a new one.
  struct segment_table {
    segment first;
    std::vector<segment> others;  // by address
    const segment* other(std::uintptr_t address) const noexcept;
  };
  struct slab_range {
    std::uint32_t first, count;
  };

  zone(core& c, const ZONE_HEADER* header, std::uint32_t block_size, const driver::list_name& name);
  void publish(const segment& s);

  core& core_;
  const ZONE_HEADER* const header_;
  std::atomic<bool> lockfree_{false};
  std::uint32_t block_size_;
  std::uint64_t reciprocal_;
  std::atomic<const segment_table*> segments_;
  std::vector<std::unique_ptr<const segment_table>>
      tables_;  // all published ones: readers may still look at any
  bool has_first_ = false;
  std::vector<slab_range> slabs_;
};

// Reports the free of an address at which none of the zone's blocks begins.
void report_foreign(const zone& z, void* address) noexcept;

}  // namespace exalloc
