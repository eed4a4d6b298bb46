// Rings of portals all over the 64-bit address space, kept in a small memory: every bit of an
// address counts.
#pragma once

#include <cstdint>

namespace exalloc::test {

constexpr std::uint64_t kRingSpace = 0x1'0000;  // of each portal: the largest ring

// Where the space of a portal begins. The first 64 differ in every bit above the space.
constexpr std::uint64_t RingSpace(unsigned portal) {
  const std::uint64_t upper = 0x9E37'79B9'7F4A'7C15 * (portal + 1);
  return (upper & ~std::uint64_t{0x3F'FFFF}) | portal * kRingSpace;
}

// Where the memory keeps what the bus addresses; an address of no portal stays outside.
constexpr std::uint64_t LocateRing(std::uint64_t address) {
  const auto portal = static_cast<unsigned>(address / kRingSpace % 64);
  return address / kRingSpace == RingSpace(portal) / kRingSpace
             ? portal * kRingSpace + address % kRingSpace
             : ~std::uint64_t{0};
}

}  // namespace exalloc::test
