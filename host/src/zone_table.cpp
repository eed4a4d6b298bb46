#include "zone_table.hpp"

#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <string>

#include "errors.hpp"

namespace exalloc {

namespace {

std::string missing(const char* routine, const ZONE_HEADER* header) {
  return fmt::format("{}: the zone header at {} was not set up by ExInitializeZone", routine,
                     static_cast<const void*>(header));
}

}  // namespace

constinit std::atomic<std::uintptr_t> zone_table::begin_{1};

zone_table::zone_table() : slots_(max_zones) {
  begin_.store(reinterpret_cast<std::uintptr_t>(slots_.data()), std::memory_order_relaxed);
}

zone_table& zone_table::get() {
  alignas(zone_table) static std::byte storage[sizeof(zone_table)];
  static zone_table* const instance = ::new (storage) zone_table;
  return *instance;
}

zone& zone_table::require(const char* routine, const ZONE_HEADER* header) {
  zone* z = header != nullptr ? find(header) : nullptr;
  if (z == nullptr) throw std::runtime_error(missing(routine, header));
  return *z;
}

zone& zone_table::require_on_card(const char* routine, const ZONE_HEADER* header) {
  zone& z = require(routine, header);
  if (z.host_backed())
    throw std::runtime_error(
        fmt::format("{}: the zone is kept in the host, because the card had no list left when it "
                    "was made; retire a zone first",
                    routine));
  return z;
}

void zone_table::report_missing(const char* routine, const ZONE_HEADER* header) noexcept {
  report_error({missing(routine, header), "bad_list", nullptr, 0, 0, -1});
}

PZONE_HEADER zone_table::header_of(std::uint32_t list) {
  const std::lock_guard lock(mutex_);
  for (const auto& [address, s] : by_header_)
    if (s->get()->number() == list) return reinterpret_cast<PZONE_HEADER>(address);
  return nullptr;
}

bool zone_table::add(core& c, PZONE_HEADER header, std::uint32_t block_size, std::byte* segment,
                     std::uint32_t segment_bytes) {
  const std::lock_guard lock(mutex_);
  remove_locked(header);
  if (unused_.empty()) {
    if (used_ == max_zones) throw std::bad_alloc();
    unused_.reserve(max_zones / 64);
    unused_.push_back(&slots_[used_++]);
  }
  slot* s = unused_.back();
  zone* z = ::new (s->storage) zone(c, header, block_size);
  try {
    if (!z->add_segment(segment, segment_bytes)) {
      z->~zone();
      return false;
    }
    by_header_.emplace(reinterpret_cast<std::uintptr_t>(header), s);
  } catch (...) {
    z->~zone();
    throw;
  }
  unused_.pop_back();
  s->header.store(header, std::memory_order_release);
  header->FreeList.Next = reinterpret_cast<PSINGLE_LIST_ENTRY>(s);
  return true;
}

bool zone_table::remove(const ZONE_HEADER* header) {
  const std::lock_guard lock(mutex_);
  return remove_locked(header);
}

bool zone_table::remove_locked(const ZONE_HEADER* header) {
  const auto address = reinterpret_cast<std::uintptr_t>(header);
  auto it = by_header_.lower_bound(address - sizeof(ZONE_HEADER) + 1);
  bool any = false;
  while (it != by_header_.end() && it->first < address + sizeof(ZONE_HEADER)) {
    slot* s = it->second;
    it = by_header_.erase(it);
    s->header.store(nullptr, std::memory_order_relaxed);
    s->get()->~zone();
    unused_.push_back(s);
    any = true;
  }
  return any;
}

}  // namespace exalloc
