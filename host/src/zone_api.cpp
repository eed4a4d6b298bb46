// The NT names for zones.
#include <fmt/format.h>

#include <exception>
#include <mutex>

#include "errors.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"
#include "spin_lock.hpp"
#include "stock.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

NTSTATUS fail(NTSTATUS status, const std::string& what) {
  set_last_error(what);
  return status;
}

// The checks of ExInitializeZone and ExExtendZone; STATUS_SUCCESS if all hold.
NTSTATUS check_segment(const char* routine, ULONG block_size, const void* segment, ULONG size) {
  const auto wrong = [&](std::string_view what) {
    return fail(STATUS_UNSUCCESSFUL, fmt::format("{}: {}", routine, what));
  };
  if (block_size == 0) return wrong("BlockSize is 0");
  if (block_size % 8 != 0) return wrong("BlockSize is not a multiple of 8");
  if (segment == nullptr) return wrong("the segment is NULL");
  if (reinterpret_cast<std::uintptr_t>(segment) % 8 != 0)
    return wrong("the segment's address is not a multiple of 8");
  if (block_size > size) return wrong("BlockSize is larger than the segment");
  if (size < sizeof(ZONE_SEGMENT_HEADER))
    return wrong("the segment has no room for its header of 16 bytes");
  return STATUS_SUCCESS;
}

NTSTATUS no_slabs(const char* routine) {
  return fail(
      STATUS_INSUFFICIENT_RESOURCES,
      fmt::format(
          "{}: the card has not enough consecutive free slabs for this segment; retire a zone "
          "(exalloc_zone_delete) or use smaller segments",
          routine));
}

void push_segment(PZONE_HEADER zone_header, void* segment, ULONG carved) {
  auto* header = static_cast<PZONE_SEGMENT_HEADER>(segment);
  header->SegmentList.Next = zone_header->SegmentList.Next;
  header->Reserved = nullptr;
  zone_header->SegmentList.Next = &header->SegmentList;
  zone_header->TotalSegmentSize += carved;
}

// The thread's next calls on this zone are served where they are compiled.
[[gnu::always_inline]] inline void remember(const zone& z) noexcept {
  if (const processor* p = fast_processor; p != nullptr)
    if (magazine* m = p->find(z); m != nullptr) exalloc_now = m;
}

[[gnu::always_inline]] inline void* allocate_from(zone& z) noexcept {
  remember(z);
  return allocate(z);
}

[[gnu::always_inline]] inline void* free_to(zone& z, void* address) noexcept {
  remember(z);
  const block b = z.find(address);
  if (b.token == 0) [[unlikely]] {
    report_foreign(z, address);
    return nullptr;
  }
  return free(z, b, true);
}

// The lock an Interlocked call takes: the caller's, unless the zone does without.
PKSPIN_LOCK lock_of(const zone& z, PKSPIN_LOCK lock) noexcept {
  return z.lockfree() ? nullptr : lock;
}

NTSTATUS extend(const char* routine, zone& z, PZONE_HEADER header, void* segment, ULONG size) {
  const NTSTATUS status = check_segment(routine, header->BlockSize, segment, size);
  if (!NT_SUCCESS(status)) return status;
  try {
    if (!z.add_segment(static_cast<std::byte*>(segment), size)) return no_slabs(routine);
  } catch (const std::exception& e) {
    return fail(STATUS_INSUFFICIENT_RESOURCES, fmt::format("{}: {}", routine, e.what()));
  }
  push_segment(header, segment, z.carved_bytes(size));
  return STATUS_SUCCESS;
}

}  // namespace
}  // namespace exalloc

using exalloc::spin_lock_guard;
using exalloc::zone;
using exalloc::zone_table;

extern "C" {

NTSTATUS ExInitializeZone(PZONE_HEADER Zone, ULONG BlockSize, PVOID InitialSegment,
                          ULONG InitialSegmentSize) {
  using namespace exalloc;
  if (Zone == nullptr)
    return fail(STATUS_UNSUCCESSFUL, "ExInitializeZone: the zone header is NULL");
  const NTSTATUS status =
      check_segment("ExInitializeZone", BlockSize, InitialSegment, InitialSegmentSize);
  if (!NT_SUCCESS(status)) return status;
  NTSTATUS result = STATUS_SUCCESS;
  try {
    core& c = core::get();
    auto* segment = static_cast<std::byte*>(InitialSegment);
    if (!zone_table::get().add(c, Zone, BlockSize, segment, InitialSegmentSize)) {
      result = no_slabs("ExInitializeZone");
    } else {
      Zone->SegmentList.Next = nullptr;
      Zone->BlockSize = BlockSize;
      Zone->TotalSegmentSize = 0;
      push_segment(Zone, InitialSegment, zone_table::find(Zone)->carved_bytes(InitialSegmentSize));
    }
  } catch (const std::exception& e) {
    report_error({fmt::format("ExInitializeZone: {}", e.what()), "ok", nullptr, 0, 0, -1});
    result = STATUS_INSUFFICIENT_RESOURCES;
  }
  deliver_errors();
  return result;
}

NTSTATUS ExExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize) {
  zone* z = zone_table::find_or_report("ExExtendZone", Zone);
  if (z == nullptr) return STATUS_UNSUCCESSFUL;
  return exalloc::extend("ExExtendZone", *z, Zone, Segment, SegmentSize);
}

NTSTATUS ExInterlockedExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize,
                                 PKSPIN_LOCK Lock) {
  zone* z = zone_table::find_or_report("ExInterlockedExtendZone", Zone);
  if (z == nullptr) return STATUS_UNSUCCESSFUL;
  // Also with exalloc_zone_lockfree: SegmentList is the caller's memory, which only this lock
  // guards.
  const spin_lock_guard guard(Lock);
  return exalloc::extend("ExInterlockedExtendZone", *z, Zone, Segment, SegmentSize);
}

PVOID ExAllocateFromZone(PZONE_HEADER Zone) {
  zone* z = zone_table::find_or_report("ExAllocateFromZone", Zone);
  return z != nullptr ? exalloc::allocate_from(*z) : nullptr;
}

PVOID ExInterlockedAllocateFromZone(PZONE_HEADER Zone, PKSPIN_LOCK Lock) {
  zone* z = zone_table::find_or_report("ExInterlockedAllocateFromZone", Zone);
  if (z == nullptr) return nullptr;
  const spin_lock_guard guard(exalloc::lock_of(*z, Lock));
  return exalloc::allocate_from(*z);
}

PVOID ExFreeToZone(PZONE_HEADER Zone, PVOID Block) {
  zone* z = zone_table::find_or_report("ExFreeToZone", Zone);
  return z != nullptr ? exalloc::free_to(*z, Block) : nullptr;
}

PVOID ExInterlockedFreeToZone(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock) {
  zone* z = zone_table::find_or_report("ExInterlockedFreeToZone", Zone);
  if (z == nullptr) return nullptr;
  const spin_lock_guard guard(exalloc::lock_of(*z, Lock));
  return exalloc::free_to(*z, Block);
}

BOOLEAN ExIsFullZone(PZONE_HEADER Zone) {
  zone* z = zone_table::find_or_report("ExIsFullZone", Zone);
  return z == nullptr || exalloc::is_full(*z) ? TRUE : FALSE;
}

BOOLEAN ExIsObjectInFirstZoneSegment(PZONE_HEADER Zone, PVOID Object) {
  zone* z = zone_table::find_or_report("ExIsObjectInFirstZoneSegment", Zone);
  return z != nullptr && z->in_first_segment(Object) ? TRUE : FALSE;
}

void exalloc_zone_delete(PZONE_HEADER Zone) {
  if (zone_table::find_or_report("exalloc_zone_delete", Zone) == nullptr) return;
  zone_table::get().remove(Zone);
  *Zone = ZONE_HEADER{};
  exalloc::deliver_errors();
}

void exalloc_zone_lockfree(PZONE_HEADER Zone, int on) {
  if (zone* z = zone_table::find_or_report("exalloc_zone_lockfree", Zone)) z->set_lockfree(on != 0);
}

PVOID exalloc_call_allocate(PZONE_HEADER Zone) __attribute__((alias("ExAllocateFromZone")));
PVOID exalloc_call_free(PZONE_HEADER Zone, PVOID Block) __attribute__((alias("ExFreeToZone")));
PVOID exalloc_call_interlocked_allocate(PZONE_HEADER Zone, PKSPIN_LOCK Lock)
    __attribute__((alias("ExInterlockedAllocateFromZone")));
PVOID exalloc_call_interlocked_free(PZONE_HEADER Zone, PVOID Block, PKSPIN_LOCK Lock)
    __attribute__((alias("ExInterlockedFreeToZone")));
BOOLEAN exalloc_call_is_full(PZONE_HEADER Zone) __attribute__((alias("ExIsFullZone")));

PVOID exalloc_pop_slowly(struct exalloc_magazine* Magazine, int Top) {
  auto& m = static_cast<exalloc::magazine&>(*Magazine);
  return exalloc::allocate_slow(*m.list, exalloc::magazine::slot_of(Top));
}

PVOID exalloc_pop_doubtful(struct exalloc_magazine* Magazine, int Top) {
  auto& m = static_cast<exalloc::magazine&>(*Magazine);
  return exalloc::allocate_doubtful(*m.list, m, exalloc::magazine::slot_of(Top));
}

PVOID exalloc_push_slowly(struct exalloc_magazine* Magazine, PVOID Block, const UCHAR* State) {
  auto& m = static_cast<exalloc::magazine&>(*Magazine);
  return exalloc::free_to_full(*m.list, {Block, m.token_of(State)});
}

}  // extern "C"
