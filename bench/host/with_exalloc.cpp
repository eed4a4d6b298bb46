// exalloc, on the card that EXALLOC_CARD names: zones by their plain, locked and lock-free calls,
// lookaside lists over pool, and pool.
#include "cases.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

constexpr ULONG tag = 'B' | 'n' << 8 | 'c' << 16 | 'h' << 24;

[[noreturn]] void fail() { throw std::runtime_error(exalloc_last_error()); }

enum class zone_calls { plain, locked, lockfree };

template <zone_calls Calls>
class zones {
 public:
  explicit zones(const std::vector<unsigned>& sizes, unsigned blocks = blocks_each) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      one& z = zones_[i];
      const std::size_t bytes = sizeof(ZONE_SEGMENT_HEADER) + std::size_t{sizes[i]} * blocks;
      z.memory.emplace(bytes, sizeof(ZONE_SEGMENT_HEADER));
      KeInitializeSpinLock(&z.lock);
      if (!NT_SUCCESS(
              ExInitializeZone(&z.header, sizes[i], z.memory->data(), static_cast<ULONG>(bytes))))
        fail();
      if (Calls == zone_calls::lockfree) exalloc_zone_lockfree(&z.header, 1);
    }
  }
  ~zones() {
    for (one& z : zones_)
      if (z.memory) exalloc_zone_delete(&z.header);
  }
  zones(const zones&) = delete;
  zones& operator=(const zones&) = delete;
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    one& z = zones_[which];
    if constexpr (Calls == zone_calls::plain) return ExAllocateFromZone(&z.header);
    return ExInterlockedAllocateFromZone(&z.header, &z.lock);
  }
  [[gnu::always_inline]] void release(void* p, unsigned which) {
    one& z = zones_[which];
    if constexpr (Calls == zone_calls::plain) {
      ExFreeToZone(&z.header, p);
    } else {
      ExInterlockedFreeToZone(&z.header, p, &z.lock);
    }
  }

 private:
  struct one {
    alignas(64) ZONE_HEADER header;
    alignas(64) KSPIN_LOCK lock;
    std::optional<arena> memory;
  };
  std::array<one, 3> zones_{};
};

class lookaside_lists {
 public:
  explicit lookaside_lists(const std::vector<unsigned>& sizes) : count_(sizes.size()) {
    for (std::size_t i = 0; i < count_; ++i)
      ExInitializePagedLookasideList(&lists_[i], nullptr, nullptr, 0, sizes[i], tag, 0);
  }
  ~lookaside_lists() {
    for (std::size_t i = 0; i < count_; ++i) ExDeletePagedLookasideList(&lists_[i]);
  }
  lookaside_lists(const lookaside_lists&) = delete;
  lookaside_lists& operator=(const lookaside_lists&) = delete;
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    return ExAllocateFromPagedLookasideList(&lists_[which]);
  }
  [[gnu::always_inline]] void release(void* p, unsigned which) {
    ExFreeToPagedLookasideList(&lists_[which], p);
  }

 private:
  std::size_t count_;
  std::array<PAGED_LOOKASIDE_LIST, 3> lists_{};
};

class pool_blocks {
 public:
  explicit pool_blocks(const std::vector<unsigned>& sizes) {
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  }
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    return ExAllocatePoolWithTag(PagedPool, sizes_[which], tag);
  }
  [[gnu::always_inline]] void release(void* p, unsigned) { ExFreePoolWithTag(p, tag); }

 private:
  std::array<unsigned, 3> sizes_{};
};

void open_card() {
  if (exalloc_card_name() == nullptr) fail();
}

}  // namespace

sample measure_zone(const request& r) {
  open_card();
  // Plain calls are for callers that serialise themselves.
  if (r.what.front() <= 'b') return measure<alone, zones<zone_calls::plain>>(r);
  return measure<apart | passing | ending, zones<zone_calls::locked>>(r);
}
sample measure_zone_lockfree(const request& r) {
  open_card();
  return measure<alone | apart | passing | ending, zones<zone_calls::lockfree>>(r);
}
sample measure_lookaside(const request& r) {
  open_card();
  return measure<alone | apart | passing | shifting, lookaside_lists>(r);
}
sample measure_pool(const request& r) {
  open_card();
  return measure<alone | apart | passing | shifting, pool_blocks>(r);
}

}  // namespace exalloc::bench
