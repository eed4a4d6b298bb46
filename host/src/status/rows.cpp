#include "status/rows.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "errors.hpp"
#include "lookaside_table.hpp"
#include "pool/pool_memory.hpp"
#include "zone_counts.hpp"
#include "zone_table.hpp"

namespace exalloc::status {
namespace {

// Copies memory that may be gone: a caller's fields, if he forgot to delete his list. False then.
bool copy_if_there(const void* from, void* to, std::size_t bytes) {
  const iovec source{const_cast<void*>(from), bytes}, target{to, bytes};
  if (::process_vm_readv(::getpid(), &target, 1, &source, 1, 0) == static_cast<ssize_t>(bytes))
    return true;
  // Some containers forbid that call, but not this.
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  const auto offset = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(from));
  const bool copied = ::pread(memory, to, bytes, offset) == static_cast<ssize_t>(bytes);
  ::close(memory);
  return copied;
}

void collect_lookasides(rows& r) {
  lookaside_table::get().each([&](const lookaside_list& list, std::uint64_t name_in_fields) {
    if (r.lookasides.size() == lookaside_rows) {
      ++r.lookasides_left_out;
      return;
    }
    GENERAL_LOOKASIDE fields;
    if (!copy_if_there(&list.fields(), &fields, sizeof fields) ||
        fields.ListHead.Alignment != name_in_fields) {
      ++r.lookasides_left_out;
      return;
    }
    lookaside_row row{};
    row.address = reinterpret_cast<std::uintptr_t>(&list.fields());
    row.tag = fields.Tag;
    row.type = static_cast<std::uint32_t>(fields.Type);
    row.size = fields.Size;
    row.depth = fields.Depth;
    row.maximum_depth = fields.MaximumDepth;
    row.allocates = fields.TotalAllocates;
    row.allocate_misses = fields.AllocateMisses;
    row.frees = fields.TotalFrees;
    row.free_misses = fields.FreeMisses;
    row.list = list.host_backed() ? UINT32_MAX : list.number();
    r.lookasides.push_back(row);
  });
}

void collect_zones(core& c, rows& r) {
  // While the table is locked, so that all of them live.
  zone_table::get().with_all([&](const std::vector<zone_table::entry>& all) {
    const std::size_t count = std::min(all.size(), zone_rows);
    r.zones_left_out = static_cast<std::uint32_t>(all.size() - count);
    std::vector<zone*> zones;
    for (std::size_t i = 0; i < count; ++i) zones.push_back(all[i].z);
    const std::vector<zone_counts> counts = count_blocks(c, zones);
    for (std::size_t i = 0; i < count; ++i) {
      const zone& z = *zones[i];
      zone_row row{};
      row.address = reinterpret_cast<std::uintptr_t>(all[i].header);
      row.blocks = counts[i].blocks;
      row.in_use = counts[i].in_use;
      row.block_size = z.block_size();
      row.segments = static_cast<std::uint32_t>(z.extents().size());
      row.list = z.host_backed() ? UINT32_MAX : z.number();
      row.quarantined = counts[i].quarantined;
      if (!z.host_backed() && c.card_driver.lost()) {
        row.mode = 2;
      } else {
        row.mode = z.shared() && !z.host_backed();
      }
      r.zones.push_back(row);
    }
  });
}

void collect_card(core& c, card_row& row) {
  driver& d = c.card_driver;
  const std::string_view name = d.device().name();
  std::memcpy(row.name.data(), name.data(), std::min(name.size(), row.name.size() - 1));
  const card_geometry& g = d.geometry();
  const driver::usage_counts used = d.usage();
  row.lists = g.lists;
  row.lists_used = used.lists;
  row.slabs = g.slabs - 1;  // slab 0 is never used
  row.slabs_used = used.slabs;
  row.lookasides = g.lookaside_lists;
  row.lookasides_used = used.lookasides;
  row.portals = g.portals;
  row.portals_used = used.portals;
  row.recalls = c.counts.recalls.load(std::memory_order_relaxed);
  row.recalled_blocks = c.counts.recalled_blocks.load(std::memory_order_relaxed);
  row.scarce_entries = c.counts.scarce_entries.load(std::memory_order_relaxed);
  row.errors = errors_reported();
  const driver::event_counters counters = d.read_counters();
  static_assert(card_counters <= std::tuple_size_v<decltype(row.counters)>);
  std::copy(counters.begin(), counters.end(), row.counters.begin());
  row.counters_used = card_counters;
}

void collect_pool(std::array<pool_row, pool_kinds>& all) {
  const pool_memory* pool = pool_memory::opened();
  for (std::size_t kind = 0; pool != nullptr && kind < pool_kinds; ++kind) {
    const pool_usage u = pool->usage(static_cast<pool_kind>(kind));
    all[kind] = {u.held, u.locked, u.limit, u.reserve, u.big_blocks, u.big_pages};
  }
}

}  // namespace

rows collect(core& c) {
  rows r;
  collect_lookasides(r);
  collect_zones(c, r);
  collect_card(c, r.card);
  collect_pool(r.pool);
  return r;
}

}  // namespace exalloc::status
