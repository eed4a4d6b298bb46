// ExAllocatePool2, ExAllocatePool3, ExFreePool2.
#include <bit>
#include <cstring>

#include "exalloc/nt/pool.h"
#include "exalloc/nt/pool2.h"
#include "pool/pool_policy.hpp"
#include "raise.hpp"

namespace exalloc {
namespace {

constexpr POOL_FLAGS nonpaged_flags = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE;
constexpr POOL_FLAGS known_flags = POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED |
                                   POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED |
                                   POOL_FLAG_RAISE_ON_FAILURE | nonpaged_flags | POOL_FLAG_PAGED;
constexpr POOL_FLAGS required = 0xFFFF'FFFF;

NTSTATUS check_parameters(PCPOOL_EXTENDED_PARAMETER parameters, ULONG count) {
  if (count != 0 && parameters == nullptr) return STATUS_INVALID_PARAMETER;
  for (ULONG i = 0; i < count; ++i) {
    switch (parameters[i].Type) {
      case PoolExtendedParameterPriority:
      case PoolExtendedParameterNumaNode:
        break;
      case PoolExtendedParameterSecurePool:
        if (parameters[i].Optional == 0) return STATUS_NOT_SUPPORTED;
        break;
      default:
        if (parameters[i].Optional == 0) return STATUS_INVALID_PARAMETER;
    }
  }
  return STATUS_SUCCESS;
}

NTSTATUS check_flags(POOL_FLAGS flags, SIZE_T bytes) {
  if ((flags & required & ~known_flags) != 0) return STATUS_INVALID_PARAMETER;
  if (std::popcount(flags & (nonpaged_flags | POOL_FLAG_PAGED)) != 1)
    return STATUS_INVALID_PARAMETER;
  return bytes != 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

unsigned type_of(POOL_FLAGS flags) {
  const bool lines = (flags & POOL_FLAG_CACHE_ALIGNED) != 0;
  if ((flags & POOL_FLAG_PAGED) != 0) return lines ? PagedPoolCacheAligned : PagedPool;
  return lines ? NonPagedPoolNxCacheAligned : NonPagedPoolNx;
}

NTSTATUS status_of(pool_failure failure) {
  switch (failure) {
    case pool_failure::none:
    case pool_failure::refused:
      return STATUS_SUCCESS;
    case pool_failure::over_quota:
      return STATUS_QUOTA_EXCEEDED;
    default:
      return STATUS_INSUFFICIENT_RESOURCES;
  }
}

PVOID allocate_or_raise(POOL_FLAGS flags, SIZE_T bytes, ULONG tag, NTSTATUS status,
                        const void* caller) {
  if (NT_SUCCESS(status)) status = check_flags(flags, bytes);
  void* data = nullptr;
  if (NT_SUCCESS(status)) {
    const pool_result result =
        allocate_pool({type_of(flags), bytes, tag, caller, (flags & POOL_FLAG_USE_QUOTA) != 0});
    data = result.data;
    status = status_of(result.failure);
  }
  if (!NT_SUCCESS(status) && (flags & POOL_FLAG_RAISE_ON_FAILURE) != 0) raise_status(status);
  if (data != nullptr && (flags & POOL_FLAG_UNINITIALIZED) == 0) std::memset(data, 0, bytes);
  return data;
}

}  // namespace
}  // namespace exalloc

extern "C" {

PVOID ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag) {
  return exalloc::allocate_or_raise(Flags, NumberOfBytes, Tag, STATUS_SUCCESS,
                                    __builtin_return_address(0));
}

PVOID ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
                      PCPOOL_EXTENDED_PARAMETER ExtendedParameters, ULONG ExtendedParametersCount) {
  return exalloc::allocate_or_raise(
      Flags, NumberOfBytes, Tag,
      exalloc::check_parameters(ExtendedParameters, ExtendedParametersCount),
      __builtin_return_address(0));
}

VOID ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER, ULONG) {
  exalloc::free_pool(P, Tag);
}

}  // extern "C"
