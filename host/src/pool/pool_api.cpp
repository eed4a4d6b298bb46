// The NT names for the pool.
#include <cstring>

#include "exalloc/wdm.h"
#include "pool/pool_calls.hpp"
#include "raise.hpp"

namespace exalloc {
namespace {

constexpr ULONG tag_none = 'N' | 'o' << 8 | 'n' << 16 | 'e' << 24;

[[gnu::cold, gnu::noinline]] PVOID failed(ULONG type, bool quota, pool_failure failure) {
  if (failure == pool_failure::refused) return nullptr;
  const bool raises = quota ? (type & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0
                            : (type & POOL_RAISE_IF_ALLOCATION_FAILURE) != 0;
  if (raises)
    raise_status(failure == pool_failure::over_quota ? STATUS_QUOTA_EXCEEDED
                                                     : STATUS_INSUFFICIENT_RESOURCES);
  return nullptr;
}

[[gnu::always_inline]] inline PVOID allocate_or_raise(POOL_TYPE type, SIZE_T bytes, ULONG tag,
                                                      bool quota, const void* caller) {
  const auto modified = static_cast<ULONG>(type);
  const pool_result result = allocate_pool_here({modified, bytes, tag, caller, quota});
  if (result.data == nullptr) [[unlikely]]
    return failed(modified, quota, result.failure);
  return result.data;
}

}  // namespace
}  // namespace exalloc

extern "C" {

PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, false,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, exalloc::tag_none, false,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                    EX_POOL_PRIORITY Priority) {
  (void)Priority;
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, false,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  void* block =
      exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, false, __builtin_return_address(0));
  if (block != nullptr) std::memset(block, 0, NumberOfBytes);
  return block;
}

PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, true,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, exalloc::tag_none, true,
                                    __builtin_return_address(0));
}

VOID ExFreePoolWithTag(PVOID P, ULONG Tag) { exalloc::free_pool_here(P, Tag); }

VOID ExFreePool(PVOID P) { exalloc::free_pool_here(P, 0); }

}  // extern "C"
