// The pool in C++: memory of any size, under a tag.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "exalloc/bulk.h"
#include "exalloc/nt/pool.h"
#include "exalloc/zone.hpp"

namespace exalloc {
inline namespace front {

// A pool tag from its 1 to 4 characters: tag("Net ").
consteval ULONG tag(std::string_view text) {
  if (text.empty() || text.size() > 4) throw "a tag has 1 to 4 characters";
  ULONG value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < 0x20 || text[i] > 0x7E) throw "a tag's characters are 0x20 to 0x7E";
    value |= static_cast<ULONG>(text[i]) << (8 * i);
  }
  return value;
}

// A handle, freely copied: which pool, under which tag. Thread-safe.
class pool {
 public:
  // Memory that the card can reach is nonpaged (locked), the other pageable.
  enum class kind { nonpaged, paged };

  constexpr explicit pool(ULONG pool_tag, kind where = kind::nonpaged) noexcept
      : tag_(pool_tag), where_(where) {}

  // Memory, not initialised, aligned to 16 bytes, 64 or a page, whichever is asked for. Null when
  // exhausted, and for an alignment beyond a page.
  void* try_allocate(std::size_t bytes,
                     std::size_t alignment = alignof(std::max_align_t)) noexcept {
    if (alignment > PAGE_SIZE) return nullptr;
    return ExAllocatePoolWithTag(type(alignment), sized(bytes, alignment), tag_);
  }
  // The same, but throws std::bad_alloc.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    void* block = try_allocate(bytes, alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  // Memory of this pool with this tag, or null; anything else is a bug check.
  void deallocate(void* block) const {
    if (block != nullptr) ExFreePoolWithTag(block, tag_);
  }
  // Many of one size. Returns how many: fewer than asked for only when exhausted.
  std::size_t try_allocate(std::size_t bytes, std::span<void*> blocks) {
    return exalloc_pool_allocate(type(1), bytes, tag_, blocks.data(), blocks.size());
  }
  void deallocate(std::span<void* const> blocks) const {
    exalloc_pool_free(blocks.data(), blocks.size(), tag_);
  }

  template <class T>
  struct destroy {
    ULONG tag;
    void operator()(T* object) const {
      object->~T();
      ExFreePoolWithTag(object, tag);
    }
  };
  // An object in pool. Throws std::bad_alloc.
  template <class T, class... Arguments>
  std::unique_ptr<T, destroy<T>> make(Arguments&&... arguments) {
    void* block = allocate(sizeof(T), alignof(T));
    try {
      return {::new (block) T(std::forward<Arguments>(arguments)...), {tag_}};
    } catch (...) {
      deallocate(block);
      throw;
    }
  }

  ULONG pool_tag() const noexcept { return tag_; }
  kind where() const noexcept { return where_; }
  friend bool operator==(const pool&, const pool&) = default;

 private:
  POOL_TYPE type(std::size_t alignment) const noexcept {
    const bool lines = alignment > 16;
    if (where_ == kind::paged) return lines ? PagedPoolCacheAligned : PagedPool;
    return lines ? NonPagedPoolNxCacheAligned : NonPagedPoolNx;
  }
  // Only a page or more is page-aligned.
  static constexpr std::size_t sized(std::size_t bytes, std::size_t alignment) noexcept {
    return alignment > 64 && bytes < PAGE_SIZE ? PAGE_SIZE : bytes;
  }

  ULONG tag_;
  kind where_;
};

// For standard containers: std::vector<int, exalloc::pool_allocator<int>>
// v(exalloc::pool(exalloc::tag("Vect"))).
template <class T>
class pool_allocator {
 public:
  using value_type = T;

  pool_allocator(pool from) noexcept : pool_(from) {}
  template <class Other>
  pool_allocator(const pool_allocator<Other>& other) noexcept : pool_(other.source()) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(pool_.allocate(count * sizeof(T), alignof(T)));
  }
  void deallocate(T* memory, std::size_t) { pool_.deallocate(memory); }

  pool source() const noexcept { return pool_; }
  template <class Other>
  friend bool operator==(const pool_allocator& a, const pool_allocator<Other>& b) noexcept {
    return a.source() == b.source();
  }

 private:
  pool pool_;
};

}  // namespace front
}  // namespace exalloc
