// A bank of the slab engine, as the specification sees it (docs/protocol.md, "The slab engine").
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "exalloc/regs.hpp"

namespace exalloc::soft {

inline constexpr unsigned slab_width = 64;
inline constexpr unsigned quarter_width = slab_width / 4;
inline constexpr std::uint8_t no_owner = 255;

struct bank_result {
  regs::status status = regs::status::ok;
  std::uint32_t slab = 0;  // grant, trim: which slab
  std::uint64_t mask = 0;  // grant: the blocks handed out
};

// Every slab number here is the bank's own. A refused operation changes nothing.
class bank {
 public:
  explicit bank(std::uint32_t slabs) : slabs_(slabs) {}

  bank_result grant(unsigned list, unsigned domain) {
    list_state& l = lists_[list];
    if (!l.open) return {regs::status::bad_list};
    if (l.domain != domain) return {regs::status::domain};
    if (l.order.empty()) return {regs::status::empty};
    const std::uint32_t slab = l.order.back();
    std::uint64_t& free = slabs_[slab].free;
    const unsigned quarter = std::countr_zero(free) / quarter_width;
    const std::uint64_t taken = free & (quarter_mask << (quarter * quarter_width));
    free &= ~taken;
    if (free == 0) l.order.pop_back();
    return {regs::status::ok, slab, taken};
  }

  bank_result release(unsigned list, unsigned domain, std::uint32_t slab, std::uint64_t blocks) {
    list_state& l = lists_[list];
    slab_state& s = slabs_[slab];
    if (!l.open) return {regs::status::bad_list};
    if (l.domain != domain) return {regs::status::domain};
    if (s.owner != list) return {regs::status::foreign};
    if (blocks == 0 || (blocks & ~existing(s.limit))) return {regs::status::range};
    if (s.free & blocks) return {regs::status::double_free};
    if (s.free == 0) l.order.push_back(slab);
    s.free |= blocks;
    return {};
  }

  bank_result link(unsigned list, std::uint32_t slab, unsigned limit) {
    slab_state& s = slabs_[slab];
    if (!lists_[list].open) return {regs::status::bad_list};
    if (s.owner != no_owner) return {regs::status::slab_in_use};
    s = {existing(limit), static_cast<std::uint8_t>(list), static_cast<std::uint8_t>(limit)};
    lists_[list].order.push_back(slab);
    return {};
  }

  bank_result trim(unsigned list) {
    list_state& l = lists_[list];
    if (!l.open) return {regs::status::bad_list};
    if (l.order.empty() || ~slabs_[l.order.back()].free) return {regs::status::empty};
    const std::uint32_t slab = l.order.back();
    l.order.pop_back();
    slabs_[slab] = {};
    return {regs::status::ok, slab};
  }

  bank_result open(unsigned list, unsigned domain) {
    if (lists_[list].open) return {regs::status::bad_list};
    lists_[list] = {true, domain, {}};
    return {};
  }

  bank_result close(unsigned list) {
    if (!lists_[list].open) return {regs::status::bad_list};
    lists_[list] = {};
    return {};
  }

  bank_result unlink(unsigned list, std::uint32_t slab) {
    if (lists_[list].open) return {regs::status::bad_list};
    if (slabs_[slab].owner != list) return {regs::status::foreign};
    slabs_[slab] = {};
    return {};
  }

 private:
  struct slab_state {
    std::uint64_t free = 0;  // bit i: block i is free
    std::uint8_t owner = no_owner;
    std::uint8_t limit = 0;  // last existing block
  };
  struct list_state {
    bool open = false;
    unsigned domain = 0;
    std::vector<std::uint32_t> order;  // slabs with a free block, the most recently freed last
  };
  static constexpr std::uint64_t quarter_mask = (std::uint64_t{1} << quarter_width) - 1;
  static constexpr std::uint64_t existing(unsigned limit) {
    return ~std::uint64_t{0} >> (63 - limit);
  }

  std::vector<slab_state> slabs_;
  std::array<list_state, regs::max_lists> lists_{};
};

}  // namespace exalloc::soft
