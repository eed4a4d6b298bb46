// The NT names for the pool.
#include <exception>

#include "errors.hpp"
#include "exalloc/wdm.h"
#include "pool.hpp"
#include "raise.hpp"

namespace exalloc {
namespace {

constexpr ULONG tag_none = 'N' | 'o' << 8 | 'n' << 16 | 'e' << 24;

// The pool; null and a report when the card cannot be opened.
pool* pool_or_report() noexcept {
  try {
    return &pool::get();
  } catch (const std::exception& e) {
    report_error({e.what(), "ok", nullptr, 0, 0, -1});
    return nullptr;
  }
}

}  // namespace
}  // namespace exalloc

extern "C" {

PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  (void)Tag;
  exalloc::pool* p = exalloc::pool_or_report();
  const bool cache_aligned = (static_cast<unsigned>(PoolType) & NonPagedPoolCacheAligned) != 0;
  void* block = p != nullptr ? p->allocate(NumberOfBytes, cache_aligned) : nullptr;
  if (block == nullptr && (static_cast<unsigned>(PoolType) & POOL_RAISE_IF_ALLOCATION_FAILURE) != 0)
    exalloc::raise_status(STATUS_INSUFFICIENT_RESOURCES);
  return block;
}

PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  return ExAllocatePoolWithTag(PoolType, NumberOfBytes, exalloc::tag_none);
}

VOID ExFreePool(PVOID P) {
  if (exalloc::pool* p = exalloc::pool_or_report()) p->free(P);
}

}  // extern "C"
