// The state of one list as the bank keeps it (rtl/slab_bank_order.sv), to and from Verilated ports.
#pragma once

#include <array>
#include <cstdint>

#include "ports.hpp"

namespace list_state {

constexpr unsigned kWindow = 9, kCached = 4, kIdW = 14, kBits = 64;

struct State {
  std::array<unsigned, kWindow> ids{};
  unsigned known = 1, exist = 0, ready = 0;  // a bit an entry; here an empty list
  std::array<unsigned, kCached> flags{};
  std::array<uint64_t, kCached> masks{};
  bool hint = false;
  bool operator==(const State&) const = default;
};

// Which quarters of a mask are not 0.
inline unsigned Flags(uint64_t mask) {
  unsigned flags = 0;
  for (unsigned q = 0; q < 4; ++q)
    flags |= static_cast<unsigned>((mask >> q * 16 & 0xFFFF) != 0) << q;
  return flags;
}

template <typename Ids, typename Flags, typename Masks>
void Put(const State& s, Ids& ids, uint16_t& known, uint16_t& exist, uint8_t& ready, Flags& flags,
         Masks& masks, uint8_t& hint) {
  known = static_cast<uint16_t>(s.known);
  exist = static_cast<uint16_t>(s.exist);
  ready = static_cast<uint8_t>(s.ready);
  hint = s.hint;
  for (unsigned k = 0; k < kWindow; ++k) ports::Put(ids, k * kIdW, kIdW, s.ids[k]);
  for (unsigned k = 0; k < kCached; ++k) {
    ports::Put(flags, k * 4, 4, s.flags[k]);
    ports::Put(masks, k * kBits, kBits, s.masks[k]);
  }
}

template <typename Ids, typename Flags, typename Masks>
State Get(const Ids& ids, uint16_t known, uint16_t exist, uint8_t ready, const Flags& flags,
          const Masks& masks, uint8_t hint) {
  State s;
  s.known = known;
  s.exist = exist;
  s.ready = ready;
  s.hint = hint != 0;
  for (unsigned k = 0; k < kWindow; ++k) {
    s.ids[k] = static_cast<unsigned>(ports::Get(ids, k * kIdW, kIdW));
  }
  for (unsigned k = 0; k < kCached; ++k) {
    s.flags[k] = static_cast<unsigned>(ports::Get(flags, k * 4, 4));
    s.masks[k] = ports::Get(masks, k * kBits, kBits);
  }
  return s;
}

}  // namespace list_state
