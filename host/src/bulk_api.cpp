// Bulk allocation and counts of the C interface.
#include "errors.hpp"
#include "exalloc/bulk.h"
#include "raise.hpp"
#include "stock.hpp"
#include "zone_counts.hpp"
#include "zone_table.hpp"

using exalloc::zone;
using exalloc::zone_table;

extern "C" {

size_t exalloc_zone_allocate(PZONE_HEADER Zone, PVOID* Blocks, size_t Count) {
  zone* z = zone_table::find_or_report("exalloc_zone_allocate", Zone);
  if (z == nullptr) return 0;
  size_t done = 0;
  for (; done < Count; ++done) {
    Blocks[done] = exalloc::allocate(*z);
    if (Blocks[done] == nullptr) break;
  }
  return done;
}

void exalloc_zone_free(PZONE_HEADER Zone, PVOID const* Blocks, size_t Count) {
  zone* z = zone_table::find_or_report("exalloc_zone_free", Zone);
  if (z == nullptr) return;
  for (size_t i = 0; i < Count; ++i) {
    if (const exalloc::block b = z->find(Blocks[i]); b.token != 0) {
      exalloc::free(*z, b, false);
    } else {
      exalloc::report_foreign(*z, Blocks[i]);
    }
  }
}

int exalloc_zone_count(PZONE_HEADER Zone, exalloc_zone_usage* Usage) {
  return exalloc::guarded([&] {
    zone& z = zone_table::require("exalloc_zone_count", Zone);
    const exalloc::zone_counts counts = exalloc::count_blocks(exalloc::core::get(), z);
    *Usage = {counts.blocks, counts.in_use, counts.free()};
  });
}

size_t exalloc_pool_allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PVOID* Blocks,
                             size_t Count) {
  constexpr auto raise = static_cast<unsigned>(POOL_RAISE_IF_ALLOCATION_FAILURE);
  const auto type = static_cast<POOL_TYPE>(static_cast<unsigned>(PoolType) & ~raise);
  for (size_t done = 0; done < Count; ++done) {
    Blocks[done] = ExAllocatePoolWithTag(type, NumberOfBytes, Tag);
    if (Blocks[done] != nullptr) continue;
    if ((static_cast<unsigned>(PoolType) & raise) == 0) return done;
    exalloc_pool_free(Blocks, done, Tag);
    exalloc::raise_status(STATUS_INSUFFICIENT_RESOURCES);
  }
  return Count;
}

void exalloc_pool_free(PVOID const* Blocks, size_t Count, ULONG Tag) {
  for (size_t i = 0; i < Count; ++i) ExFreePoolWithTag(Blocks[i], Tag);
}

}  // extern "C"
