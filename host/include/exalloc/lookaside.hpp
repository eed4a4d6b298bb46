// A lookaside list in C++: a cache of memory for objects of one type, in front of the pool.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "exalloc/exalloc.h"
#include "exalloc/nt/lookaside.h"
#include "exalloc/pool.hpp"

namespace exalloc {
inline namespace front {

// Thread-safe but for construction and destruction. Does not move.
template <class T>
class lookaside {
  static_assert(alignof(T) <= 64, "pool blocks are aligned to 64 bytes at most");

 public:
  // `where` and `pool_tag`: of the memory that the list does not have. Throws std::runtime_error
  // without a card.
  explicit lookaside(ULONG pool_tag, pool::kind where = pool::kind::nonpaged) {
    if (exalloc_card_name() == nullptr) throw std::runtime_error(exalloc_last_error());
    const bool paged = where == pool::kind::paged;
    constexpr bool lines = alignof(T) > 16;
    const POOL_TYPE type = paged ? (lines ? PagedPoolCacheAligned : PagedPool)
                                 : (lines ? NonPagedPoolNxCacheAligned : NonPagedPoolNx);
    if (!NT_SUCCESS(
            ExInitializeLookasideListEx(&list_, nullptr, nullptr, type, 0, sizeof(T), pool_tag, 0)))
      throw std::runtime_error(exalloc_last_error());
  }
  // Memory that is still out stays the caller's, to be freed with ExFreePool.
  ~lookaside() { ExDeleteLookasideListEx(&list_); }
  lookaside(const lookaside&) = delete;
  lookaside& operator=(const lookaside&) = delete;

  // Memory for one T, not initialised: what was freed last, else from the pool. Null when that is
  // exhausted.
  void* try_allocate() { return ExAllocateFromLookasideListEx(&list_); }
  // The same, but throws std::bad_alloc.
  T* allocate() {
    void* memory = try_allocate();
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  // Keeps the memory for the next allocation, or frees it if the list holds Depth entries.
  void deallocate(void* memory) noexcept {
    if (memory != nullptr) ExFreeToLookasideListEx(&list_, memory);
  }

  template <class... Arguments>
  std::unique_ptr<T, give_back<lookaside>> make(Arguments&&... arguments) {
    T* memory = allocate();
    try {
      return {::new (static_cast<void*>(memory)) T(std::forward<Arguments>(arguments)...), {this}};
    } catch (...) {
      deallocate(memory);
      throw;
    }
  }

  // Frees what the list holds now.
  void flush() { ExFlushLookasideListEx(&list_); }

  // The live fields: Depth, TotalAllocates, AllocateMisses, ...
  const GENERAL_LOOKASIDE& fields() const noexcept { return list_.L; }
  // For the C interface.
  PLOOKASIDE_LIST_EX native() noexcept { return &list_; }

 private:
  LOOKASIDE_LIST_EX list_;
};

}  // namespace front
}  // namespace exalloc
