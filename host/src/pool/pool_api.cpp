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

// What the short way leaves over.
[[gnu::noinline]] PVOID allocate_otherwise(ULONG type, SIZE_T bytes, ULONG tag, const void* caller,
                                           std::int32_t popped) {
  const pool_result result = detail::allocate_otherwise(type, bytes, tag, caller, popped);
  return result.data != nullptr ? result.data : failed(type, false, result.failure);
}

[[gnu::always_inline]] inline PVOID allocate_or_raise(POOL_TYPE type, SIZE_T bytes, ULONG tag,
                                                      const void* caller) {
  const auto modified = static_cast<ULONG>(type);
  std::int32_t popped = no_slot;
  if (void* data = allocate_pool_shortly(modified, bytes, tag, popped)) [[likely]]
    return data;
  return allocate_otherwise(modified, bytes, tag, caller, popped);
}

PVOID allocate_with_quota(POOL_TYPE type, SIZE_T bytes, ULONG tag, const void* caller) {
  const auto modified = static_cast<ULONG>(type);
  const pool_result result = detail::allocate_carefully({modified, bytes, tag, caller, true});
  return result.data != nullptr ? result.data : failed(modified, true, result.failure);
}

}  // namespace
}  // namespace exalloc

extern "C" {

constinit struct exalloc_pool_way exalloc_pool_way {};

PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

PVOID exalloc_call_pool_allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

PVOID exalloc_pool_popped(ULONG PoolType, SIZE_T NumberOfBytes, ULONG Tag, int Top) {
  return exalloc::allocate_otherwise(PoolType, NumberOfBytes, Tag, __builtin_return_address(0),
                                     exalloc::magazine::slot_of(Top));
}

PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, exalloc::tag_none,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                    EX_POOL_PRIORITY Priority) {
  (void)Priority;
  return exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  void* block =
      exalloc::allocate_or_raise(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
  if (block != nullptr) std::memset(block, 0, NumberOfBytes);
  return block;
}

PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_with_quota(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

PVOID ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  return exalloc::allocate_with_quota(PoolType, NumberOfBytes, exalloc::tag_none,
                                      __builtin_return_address(0));
}

VOID ExFreePoolWithTag(PVOID P, ULONG Tag) { exalloc::free_pool_here(P, Tag); }

VOID exalloc_call_pool_free(PVOID P, ULONG Tag) { exalloc::free_pool_here(P, Tag); }

VOID exalloc_pool_pushed(PVOID Block, const UCHAR* State) {
  exalloc::detail::free_marked(
      Block, static_cast<std::uint32_t>(
                 State - reinterpret_cast<const UCHAR*>(exalloc::short_way::states())));
}

VOID ExFreePool(PVOID P) { exalloc::free_pool_here(P, 0); }

}  // extern "C"
