// All zones, found by header. They lie in one array, so that garbage in a header is noticed instead
// of followed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "exalloc/wdm.h"
#include "fork_mutex.hpp"
#include "mapped_array.hpp"
#include "zone.hpp"

namespace exalloc {

class zone_table {
 public:
  // Never destroyed.
  static zone_table& get();

  // The zone of a header; null if ExInitializeZone did not set it up.
  static zone* find(const ZONE_HEADER* header) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(header->FreeList.Next);
    if (address - begin_.load(std::memory_order_relaxed) >= max_zones * sizeof(slot)) [[unlikely]]
      return nullptr;
    auto* s = reinterpret_cast<slot*>(address);
    if (s->header.load(std::memory_order_relaxed) != header) [[unlikely]]
      return nullptr;
    return s->get();
  }

  // The same, but throws std::runtime_error, in the name of the routine that was called.
  static zone& require(const char* routine, const ZONE_HEADER* header);
  // And when the zone is kept in the host.
  static zone& require_on_card(const char* routine, const ZONE_HEADER* header);
  // Null and a report, in the name of the routine, if ExInitializeZone did not set it up.
  [[gnu::always_inline]] static zone* find_or_report(const char* routine,
                                                     const ZONE_HEADER* header) noexcept {
    if (header != nullptr) [[likely]] {
      if (zone* z = find(header)) [[likely]]
        return z;
    }
    report_missing(routine, header);
    return nullptr;
  }
  // The header of the zone behind one of the card's lists; null if there is none.
  PZONE_HEADER header_of(std::uint32_t list);

  // Calls use(all zones, by address); none is retired meanwhile.
  struct entry {
    PZONE_HEADER header;
    zone* z;
  };
  template <class Use>
  void with_all(Use&& use) {
    const std::lock_guard lock(mutex_);
    std::vector<entry> all;
    for (const auto& [address, s] : by_header_)
      all.push_back({reinterpret_cast<PZONE_HEADER>(address), s->get()});
    use(all);
  }

  // Makes a zone for a header, with a first segment; retires the header's former one. Throws
  // std::bad_alloc; false when the card has not enough slabs.
  bool add(core& c, PZONE_HEADER header, std::uint32_t block_size, std::byte* segment,
           std::uint32_t segment_bytes);
  // Retires the zone of a header, and any whose header overlaps it: that memory is used for
  // something else now.
  bool remove(const ZONE_HEADER* header);

 private:
  static constexpr std::size_t max_zones = 1U << 16;
  struct slot {
    std::atomic<const ZONE_HEADER*> header;
    alignas(zone) std::byte storage[sizeof(zone)];
    zone* get() noexcept { return std::launder(reinterpret_cast<zone*>(storage)); }
  };

  zone_table();
  [[gnu::cold]] static void report_missing(const char* routine, const ZONE_HEADER* header) noexcept;
  bool remove_locked(const ZONE_HEADER* header);

  // Of slots_; 1 while there is none, so that no address is inside.
  static std::atomic<std::uintptr_t> begin_;
  fork_mutex mutex_{lock_row::table};
  mapped_array<slot> slots_;
  std::vector<slot*> unused_;
  std::size_t used_ = 0;
  std::map<std::uintptr_t, slot*> by_header_;
};

}  // namespace exalloc
