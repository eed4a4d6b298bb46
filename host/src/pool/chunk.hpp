// Consecutive pages full of blocks of one class, and the slabs that stand for them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mapped_array.hpp"
#include "pool/size_classes.hpp"

namespace exalloc {

class size_class;

// How blocks of a class lie in their pages.
struct class_shape {
  explicit constexpr class_shape(const size_classes::size& s) noexcept
      : stride(s.stride),
        per_page(static_cast<std::uint32_t>(page_size / s.stride)),
        reciprocal(((std::uint64_t{1} << 32) + s.stride - 1) / s.stride),
        first_data(s.front ? sizeof(pool_header) : 0),
        room(static_cast<std::uint32_t>(s.room())),
        front(s.front) {}

  std::uint32_t stride, per_page;
  std::uint64_t reciprocal;  // 2^32 / stride, rounded up: divides what is less than a page exactly
  std::uint32_t first_data;  // from a page's start to the first block's data
  std::uint32_t room;
  bool front;
};

// What a free or a lookup reads comes first, and does not change while the chunk has pages. A chunk
// is never destroyed, so that a wrong address at a wrong moment leads to a refusal, not to a fault.
struct alignas(64) chunk {
  // Throws std::bad_alloc, std::system_error.
  chunk(size_class& owner, const class_shape& s, std::uint32_t block_count);

  const class_shape shape;
  std::atomic<std::byte*> base{nullptr};  // null: it has no pages
  pool_header* headers = nullptr;         // of blocks without one in front
  size_class* const list;
  std::atomic<std::uint32_t> first_token{0};  // 0: it has no slabs
  const std::uint32_t blocks;

  chunk* next = nullptr;  // of the class

  std::uint32_t slabs() const noexcept { return blocks / slab_width; }
  std::uint32_t pages() const noexcept { return (blocks + shape.per_page - 1) / shape.per_page; }
  block_layout layout() const noexcept {
    return {base.load(std::memory_order_relaxed) + shape.first_data, shape.stride, shape.per_page};
  }

  static constexpr std::uint32_t none = UINT32_MAX;
  // The index of the block whose data begins at an address within the pages; none if there is none.
  std::uint32_t index_of(const void* address) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) -
                                                 base.load(std::memory_order_relaxed));
    const std::size_t in_page = offset % page_size - shape.first_data;  // may wrap
    const auto place = static_cast<std::uint32_t>((in_page % page_size) * shape.reciprocal >> 32);
    const auto index = static_cast<std::uint32_t>(offset / page_size) * shape.per_page + place;
    if (std::size_t{place} * shape.stride != in_page || place >= shape.per_page || index >= blocks)
      return none;
    return index;
  }
  pool_header* header_of(std::byte* data, std::uint32_t index) const noexcept {
    return shape.front ? reinterpret_cast<pool_header*>(data) - 1 : headers + index;
  }

  // ---- Under the class's growth lock ----
  mapped_array<pool_header> header_table;
  // Free blocks that are in the class's hands, a word for each slab; not those of parked pages.
  std::vector<std::uint64_t> withheld;
  enum class page_state : std::uint8_t {
    active,
    draining,  // what is freed there is withheld
    parked,    // empty, and its memory was given back
  };
  std::vector<page_state> states;
  std::uint32_t parked_pages = 0;

  // The block numbers of a page.
  std::uint32_t first_of(std::uint32_t page) const noexcept { return page * shape.per_page; }
  std::uint32_t end_of(std::uint32_t page) const noexcept {
    const std::uint32_t end = first_of(page + 1);
    return end < blocks ? end : blocks;
  }
  std::uint32_t withheld_in(std::uint32_t page) const noexcept;
  bool empty(std::uint32_t page) const noexcept {
    return withheld_in(page) == end_of(page) - first_of(page);
  }
  // Calls take(index) for each withheld block of a page, and forgets them.
  template <class Take>
  void take_page(std::uint32_t page, Take&& take) {
    for (std::uint32_t i = first_of(page); i < end_of(page); ++i) {
      std::uint64_t& word = withheld[i / slab_width];
      const std::uint64_t bit = std::uint64_t{1} << i % slab_width;
      if ((word & bit) != 0) take(i);
      word &= ~bit;
    }
  }
};

}  // namespace exalloc
