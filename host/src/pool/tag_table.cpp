#include "pool/tag_table.hpp"

#include <algorithm>

#include "pool/tag_counters.hpp"
#include "pool/tag_sums.hpp"

namespace exalloc {
namespace tag_counters {
namespace {

// A table that is nearly full must not make every call slow.
constexpr std::uint32_t most_probes = 128;

constexpr std::uint32_t after(std::uint32_t slot) noexcept {
  return slot + 1 == overflow_slot ? 0 : slot + 1;
}

}  // namespace

std::uint32_t find_further(std::uint32_t name) noexcept {
  if (name == 0) return no_slot;
  const status::page& p = status_page();
  std::uint32_t slot = first_slot(name);
  for (std::uint32_t i = 0; i < most_probes; ++i, slot = after(slot)) {
    const std::uint32_t found = p.tags.tag[slot].load(std::memory_order_relaxed);
    if (found == name) return slot;
    if (found == 0) return no_slot;
  }
  return no_slot;
}

std::uint32_t find_or_make(std::uint32_t tag) noexcept {
  const std::uint32_t name = tag & ~protected_tag_bit;
  status::page& p = status_page();
  std::uint32_t slot = first_slot(name);
  for (std::uint32_t i = 0; i < most_probes; ++i, slot = after(slot)) {
    std::uint32_t found = p.tags.tag[slot].load(std::memory_order_relaxed);
    if (found == 0 &&
        p.tags.tag[slot].compare_exchange_strong(found, name, std::memory_order_relaxed))
      return slot;
    if (found == name) return slot;
  }
  p.tags.tag[overflow_slot].store(tag_overflow, std::memory_order_relaxed);
  return overflow_slot;
}

}  // namespace tag_counters

std::vector<tag_usage> tag_usages() {
  std::vector<tag_usage> result;
  each_tag_usage(status_page(), [&](const tag_usage& u) { result.push_back(u); });
  std::sort(result.begin(), result.end(), [](const tag_usage& a, const tag_usage& b) {
    return a.tag != b.tag ? a.tag < b.tag : a.kind < b.kind;
  });
  return result;
}

}  // namespace exalloc
