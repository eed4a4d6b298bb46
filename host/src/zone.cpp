#include "zone.hpp"

#include <algorithm>
#include <limits>
#include <mutex>

#include "errors.hpp"
#include "magazine.hpp"
#include "stock.hpp"

namespace exalloc {

namespace {

driver::list_name open_list(core& c) {
  if (const auto name = c.card_driver.open_list()) return *name;
  if (!c.card_driver.lost())
    post_error({"the card has no list left: this zone is kept in the host, under a lock", "ok",
                nullptr, 0, block_list::host_number, -1});
  return {block_list::host_number, 0};
}

}  // namespace

zone::zone(core& c, const ZONE_HEADER* header, std::uint32_t block_size)
    : zone(c, header, block_size, open_list(c)) {}

zone::zone(core& c, const ZONE_HEADER* header, std::uint32_t block_size,
           const driver::list_name& name)
    : block_list(name.number, name.generation, c.tokens.states()),
      core_(c),
      header_(header),
      block_size_(block_size),
      reciprocal_(std::numeric_limits<std::uint64_t>::max() / block_size + 1) {
  tables_.push_back(std::make_unique<segment_table>());
  segments_.store(tables_.back().get(), std::memory_order_release);
  if (c.depots && !host_backed()) use_depot();
}

zone::~zone() {
  retire(core_, *this);
  driver& d = core_.card_driver;
  for (const slab_range& r : slabs_) core_.tokens.forget(r.first, r.count);
  if (host_backed()) {
    for (const slab_range& r : slabs_) core_.return_host_slabs(r.first, r.count);
    return;
  }
  d.close_list(number());
  for (const slab_range& r : slabs_) {
    d.unlink(number(), r.first, r.count);
    d.return_slabs(r.first, r.count);
  }
  d.return_list(number());
}

void zone::describe(exalloc_magazine& m) const noexcept {
  const segment& s = segments_.load(std::memory_order_acquire)->first;
  m.begin = s.begin;
  m.reciprocal = reciprocal_;
  m.states = reinterpret_cast<UCHAR*>(states() + s.first_token);
  m.blocks = s.bytes / block_size_;
  const void* none = magazine::nothing();
  __atomic_store_n(&m.zone, static_cast<const void*>(header_), __ATOMIC_RELAXED);
  __atomic_store_n(&m.lockfree, lockfree() ? header_ : none, __ATOMIC_RELAXED);
}

block_list::run zone::first_run() const noexcept {
  const segment& s = segments_.load(std::memory_order_acquire)->first;
  return {reinterpret_cast<std::byte*>(s.begin), s.first_token,
          static_cast<std::uint32_t>(s.bytes / block_size_), block_size_};
}

void zone::set_lockfree(bool on) {
  lockfree_.store(on, std::memory_order_relaxed);
  const std::lock_guard registry_lock(core_.processors.mutex);
  core_.processors.each([&](processor& p) {
    if (magazine* m = p.find(*this)) describe(*m);
  });
}

std::uint32_t zone::carved_bytes(std::uint32_t segment_bytes) const noexcept {
  constexpr std::uint32_t header_bytes = sizeof(ZONE_SEGMENT_HEADER);
  return header_bytes + (segment_bytes - header_bytes) / block_size_ * block_size_;
}

const zone::segment* zone::segment_table::other(std::uintptr_t address) const noexcept {
  auto it = std::upper_bound(others.begin(), others.end(), address,
                             [](std::uintptr_t a, const segment& s) { return a < s.begin; });
  if (it == others.begin()) return nullptr;
  --it;
  return address - it->begin < it->bytes ? &*it : nullptr;
}

bool zone::contains(const void* address) const noexcept {
  const segment_table* table = segments_.load(std::memory_order_acquire);
  const auto p = reinterpret_cast<std::uintptr_t>(address);
  return p - table->first.begin < table->first.bytes || table->other(p) != nullptr;
}

std::vector<zone::extent> zone::extents() const {
  const segment_table* table = segments_.load(std::memory_order_acquire);
  std::vector<extent> result;
  const auto add = [&](const segment& s) {
    result.push_back({s.begin, s.first_token, static_cast<std::uint32_t>(s.bytes / block_size_)});
  };
  add(table->first);
  for (const segment& s : table->others) add(s);
  return result;
}

void zone::publish(const segment& s) {
  auto table = std::make_unique<segment_table>(*tables_.back());
  if (!has_first_) {
    table->first = s;
  } else {
    const auto at =
        std::upper_bound(table->others.begin(), table->others.end(), s,
                         [](const segment& a, const segment& b) { return a.begin < b.begin; });
    table->others.insert(at, s);
  }
  segments_.store(table.get(), std::memory_order_release);
  tables_.push_back(std::move(table));
}

bool zone::add_segment(std::byte* bytes, std::uint32_t size) {
  const std::uint32_t blocks = (carved_bytes(size) - sizeof(ZONE_SEGMENT_HEADER)) / block_size_;
  segment s{reinterpret_cast<std::uintptr_t>(bytes) + sizeof(ZONE_SEGMENT_HEADER),
            std::uint64_t{blocks} * block_size_, 0};
  if (blocks == 0) {
    publish(s);
    has_first_ = true;
    return true;
  }
  const std::uint32_t count = (blocks + slab_width - 1) / slab_width;
  slabs_.reserve(slabs_.size() + 1);
  std::optional<std::uint32_t> first;
  if (host_backed()) {
    first = core_.take_host_slabs(count);
  } else {
    first = core_.card_driver.take_slabs(count);
  }
  if (!first) return false;
  s.first_token = token_of(*first, 0);
  // Everything must be in place before the card hands out the first block.
  core_.tokens.describe(*first, count, {bytes + sizeof(ZONE_SEGMENT_HEADER), block_size_, 0});
  if (streamed() && !core_.card_driver.lost())
    for (std::uint32_t i = 0; i < blocks; ++i)
      state(token_of(*first, i)).store(block_state::away, std::memory_order_relaxed);
  publish(s);
  if (host_backed()) {
    const std::lock_guard lock(mutex);
    for (std::uint32_t i = blocks; i-- > 0;) {
      const std::uint32_t token = token_of(*first, i);
      store.push_back({core_.tokens.pointer(token), token});
    }
  } else {
    core_.card_driver.link(number(), *first, count, (blocks - 1) % slab_width);
  }
  slabs_.push_back({*first, count});
  has_first_ = true;
  add_total(blocks);
  if (core_.card_driver.lost()) set_rescued(false);
  return true;
}

void report_foreign(const zone& z, void* address) noexcept {
  const bool inside = z.contains(address);
  report_error({inside ? "an address inside a block was freed; nothing is changed"
                       : "a block was freed to a zone it does not belong to; nothing is changed",
                inside ? "range" : "foreign", address, 0, z.number(), -1});
}

}  // namespace exalloc
