#include "zone_counts.hpp"

#include <algorithm>
#include <mutex>

#include "zone_table.hpp"

namespace exalloc {
namespace {

// What calls counted, of a zone that only the host uses: those that a magazine served; the others
// are counted in the list.
std::int64_t calls_in_use(const magazine& m) { return m.in_use() + m.slow_in_use(); }

// A kernel's calls are counted by nobody here: blocks out of the card, less those that lie in
// stock. Under the processor's lock.
std::int64_t stock(const magazine& m) {
  const std::int32_t ready = m.frozen() ? 0 : std::max(0, m.size());
  return ready + static_cast<std::int64_t>(m.parked.size());
}

std::int64_t out_of_card(core& c, zone& z) {
  const std::lock_guard lock(z.mutex);
  const std::uint32_t at = regs::offset::lists_base + z.number() * regs::offset::lists_stride;
  return static_cast<std::int64_t>(c.card_driver.read(at + regs::offset::list_in_use)) -
         static_cast<std::int64_t>(z.store.size());
}

zone_counts by_state(const zone& z) {
  zone_counts result;
  for (const zone::extent& e : z.extents()) {
    result.blocks += e.blocks;
    for (std::uint32_t i = 0; i < e.blocks; ++i) {
      const block_state state = z.state(e.first_token + i).load(std::memory_order_relaxed);
      result.in_use += state != block_state::free;
      result.quarantined += state == block_state::away;
    }
  }
  return result;
}

}  // namespace

std::vector<zone_counts> count_blocks(core& c, std::span<zone* const> zones) {
  std::vector<std::int64_t> in_use;
  in_use.reserve(zones.size());
  const auto told_by_card = [&](const zone& z) { return z.streamed() && !c.card_driver.lost(); };
  for (zone* z : zones) in_use.push_back(told_by_card(*z) ? out_of_card(c, *z) : z->slow_in_use());
  {
    const std::lock_guard registry_lock(c.processors.mutex);
    c.processors.each([&](processor& p) {
      for (std::size_t i = 0; i < zones.size(); ++i) {
        const magazine* m = p.find(*zones[i]);
        if (m == nullptr) continue;
        if (told_by_card(*zones[i])) p.poll();
        in_use[i] += told_by_card(*zones[i]) ? -stock(*m) : calls_in_use(*m);
      }
    });
  }
  std::vector<zone_counts> result;
  result.reserve(zones.size());
  for (std::size_t i = 0; i < zones.size(); ++i) {
    if (zones[i]->streamed() && c.card_driver.lost()) {
      result.push_back(by_state(*zones[i]));
      continue;
    }
    const auto blocks = static_cast<std::int64_t>(zones[i]->total());
    result.push_back({static_cast<std::uint64_t>(blocks),
                      static_cast<std::uint64_t>(std::clamp<std::int64_t>(in_use[i], 0, blocks)),
                      0});
  }
  return result;
}

zone_counts count_blocks(core& c, zone& z) {
  zone* const one[] = {&z};
  return count_blocks(c, one).front();
}

std::optional<zone_counts> count_zone(const ZONE_HEADER* header) {
  zone* z = header != nullptr ? zone_table::find(header) : nullptr;
  core* c = core::opened();
  if (z == nullptr || c == nullptr) return std::nullopt;
  return count_blocks(*c, *z);
}

}  // namespace exalloc
