// The API, called in any order with any arguments: what is wrong is refused or is a bug check, and
// no block is in two hands.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "bug_trap.hpp"
#include "exalloc/bulk.h"
#include "exalloc/exalloc.h"
#include "exalloc/pool.h"
#include "exalloc/wdm.h"

namespace {

// Reads what to do from the input; zeros when that is over.
class script {
 public:
  script(const std::uint8_t* data, std::size_t size) : next_(data), left_(size) {}
  bool over() const { return left_ == 0; }
  unsigned byte() {
    if (left_ == 0) return 0;
    --left_;
    return *next_++;
  }
  unsigned word() { return byte() | byte() << 8; }

 private:
  const std::uint8_t* next_;
  std::size_t left_;
};

void demand(bool condition) {
  if (!condition) std::abort();
}

// Live memory: no two pieces overlap, and each keeps what was written into it.
class live_memory {
 public:
  struct piece {
    std::size_t bytes;
    unsigned char stamp;
    int from;
    ULONG tag;
  };
  void add(void* p, std::size_t bytes, int from, ULONG tag) {
    if (p == nullptr) return;
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    const std::size_t size = bytes != 0 ? bytes : 1;
    const auto next = live_.lower_bound(at);
    demand(next == live_.end() || at + size <= next->first);
    demand(next == live_.begin() || std::prev(next)->first + std::prev(next)->second.bytes <= at);
    const auto stamp = static_cast<unsigned char>(++stamps_);
    std::memset(p, stamp, bytes);
    live_[at] = {bytes, stamp, from, tag};
  }
  // The n-th piece of a source, or null.
  void* pick(int from, unsigned n) const {
    std::vector<std::uintptr_t> all;
    for (const auto& [at, p] : live_)
      if (p.from == from) all.push_back(at);
    return all.empty() ? nullptr : reinterpret_cast<void*>(all[n % all.size()]);
  }
  piece remove(void* p) {
    const auto it = live_.find(reinterpret_cast<std::uintptr_t>(p));
    demand(it != live_.end());
    const piece found = it->second;
    const auto* c = static_cast<const unsigned char*>(p);
    for (std::size_t i = 0; i < found.bytes; ++i) demand(c[i] == found.stamp);
    live_.erase(it);
    return found;
  }
  bool holds(const void* p) const { return live_.count(reinterpret_cast<std::uintptr_t>(p)) != 0; }

 private:
  std::map<std::uintptr_t, piece> live_;
  unsigned stamps_ = 0;
};

constexpr int pool_source = 100, lookaside_source = 50;

class machine {
 public:
  explicit machine(script& s) : s_(s) {
    for (int i = 0; i < 2; ++i)
      ExInitializePagedLookasideList(&lists_[i], nullptr, nullptr, 0, 40, 0x4C7A7546, 0);
  }
  ~machine() {
    while (void* p = live_.pick(pool_source, 0)) {
      live_.remove(p);
      ExFreePool(p);
    }
    for (int i = 0; i < 2; ++i) {
      while (void* p = live_.pick(lookaside_source + i, 0)) {
        live_.remove(p);
        ExFreeToPagedLookasideList(&lists_[i], p);
      }
      ExDeletePagedLookasideList(&lists_[i]);
      if (made_[i]) exalloc_zone_delete(&zones_[i]);
    }
  }
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  void step() {
    const int i = static_cast<int>(s_.byte() & 1);
    switch (s_.byte() % 16) {
      case 0:
        return make_zone(i);
      case 1:
        return extend(i);
      case 2:
      case 3:
        return allocate_from_zone(i);
      case 4:
        return free_to_zone(i);
      case 5:
        return free_garbage_to_zone(i);
      case 6:
      case 7:
        return allocate_pool();
      case 8:
        return free_pool();
      case 9:
        return free_garbage_to_pool();
      case 10:
        return damage_and_free();
      case 11:
        return live_.add(ExAllocateFromPagedLookasideList(&lists_[i]), 40, lookaside_source + i, 0);
      case 12:
        if (void* p = live_.pick(lookaside_source + i, s_.word())) {
          live_.remove(p);
          ExFreeToPagedLookasideList(&lists_[i], p);
        }
        return;
      case 13:
        exalloc_processor_flush();
        return;
      case 14:
        exalloc_pool_trim();
        return;
      default:
        check_zone(i);
    }
  }

 private:
  // Sizes, addresses and block sizes as they come; only the segment's end must be memory.
  void make_zone(int i) {
    while (void* p = live_.pick(i, 0)) live_.remove(p);
    const unsigned block_size = s_.byte();
    const unsigned offset = s_.byte() % 16;
    const unsigned size = s_.word() % (memory_bytes - 32);
    ZONE_HEADER fresh;
    const bool done =
        NT_SUCCESS(ExInitializeZone(&fresh, block_size, memory_[i].data() + offset, size));
    demand(done == (block_size != 0 && block_size % 8 == 0 && offset % 8 == 0 &&
                    block_size <= size && size >= 16));
    if (done) exalloc_zone_delete(&fresh);
    if (made_[i]) exalloc_zone_delete(&zones_[i]);
    made_[i] =
        NT_SUCCESS(ExInitializeZone(&zones_[i], block_size, memory_[i].data() + offset, size));
    demand(made_[i] == done);
    extended_[i] = false;
  }
  void extend(int i) {
    if (!made_[i] || extended_[i]) return;
    extended_[i] = NT_SUCCESS(ExExtendZone(&zones_[i], more_[i].data() + s_.byte() % 16,
                                           s_.word() % (memory_bytes - 32)));
  }
  void allocate_from_zone(int i) {
    if (made_[i]) live_.add(ExAllocateFromZone(&zones_[i]), zones_[i].BlockSize, i, 0);
  }
  void free_to_zone(int i) {
    void* p = live_.pick(i, s_.word());
    if (p == nullptr) return;
    live_.remove(p);
    ExFreeToZone(&zones_[i], p);
    if (s_.byte() % 4 == 0) ExFreeToZone(&zones_[i], p);  // twice: refused
  }
  void free_garbage_to_zone(int i) {
    if (!made_[i]) return;
    void* p = memory_[i].data() + s_.word() % memory_bytes;
    if (live_.holds(p)) return;
    ExFreeToZone(&zones_[i], p);
  }
  void check_zone(int i) {
    if (!made_[i]) return;
    exalloc_zone_usage usage;
    demand(exalloc_zone_count(&zones_[i], &usage) == 0);
    demand((ExIsFullZone(&zones_[i]) != FALSE) == (usage.free == 0));
  }
  void allocate_pool() {
    const auto type = static_cast<POOL_TYPE>(s_.byte() & 5U);
    const SIZE_T bytes = s_.byte() % 8 == 0 ? s_.word() : s_.word() % 512;
    const ULONG tag = s_.byte() | 0x61626300U;
    void* p = nullptr;
    const bug b = bug_trap::of([&] { p = ExAllocatePoolWithTag(type, bytes, tag); });
    demand(b.code == 0 || b.code == BAD_POOL_CALLER);
    live_.add(p, bytes, pool_source, tag);
  }
  void free_pool() {
    void* p = live_.pick(pool_source, s_.word());
    if (p == nullptr) return;
    const ULONG tag = live_.remove(p).tag;
    demand(bug_trap::of([&] { ExFreePoolWithTag(p, tag); }).code == 0);
  }
  void free_garbage_to_pool() {
    auto* p = static_cast<char*>(live_.pick(pool_source, s_.word()));
    const unsigned offset = s_.word();
    if (offset == 0) return;
    auto* wrong = reinterpret_cast<void*>(reinterpret_cast<ULONG_PTR>(p) + offset);
    if (live_.holds(wrong)) return;
    const bug b = bug_trap::of([&] { ExFreePool(wrong); });
    demand(b.code == BAD_POOL_CALLER || b.code == BAD_POOL_HEADER);
  }
  // A block's header is damaged, noticed, and mended.
  void damage_and_free() {
    void* p = live_.pick(pool_source, s_.word());
    if (p == nullptr) return;
    const auto found = live_.remove(p);
    const bug b = bug_trap::of([&] { ExFreePoolWithTag(p, found.tag ^ 0x01000000U); });
    demand(b.code == BAD_POOL_CALLER && b.parameters[0] == POOL_CALLER_WRONG_TAG);
    demand(bug_trap::of([&] { ExFreePool(p); }).code == 0);
  }

  static constexpr unsigned memory_bytes = 70'000;
  script& s_;
  live_memory live_;
  std::array<ZONE_HEADER, 2> zones_{};
  std::array<bool, 2> made_{}, extended_{};
  std::array<PAGED_LOOKASIDE_LIST, 2> lists_;
  struct alignas(16) block_memory : std::array<char, memory_bytes> {};
  inline static std::array<block_memory, 2> memory_, more_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bug_trap trap;
  exalloc_set_error_handler([](const exalloc_error*, void*) {}, nullptr);
  script s(data, size);
  machine m(s);
  while (!s.over()) m.step();
  return 0;
}
