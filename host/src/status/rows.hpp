// What the status page says of lists, zones, pool and card, collected when somebody asks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core.hpp"
#include "status/status_layout.hpp"

namespace exalloc::status {

// No more of each than the page has room for.
struct rows {
  std::vector<lookaside_row> lookasides;
  std::vector<zone_row> zones;
  std::uint32_t lookasides_left_out = 0, zones_left_out = 0;
  card_row card{};
  std::array<pool_row, 2> pool{};
};

// Takes each table's lock in turn, and every processor's, for a moment; reads about 50 registers of
// the card, and one for each zone that kernels share. Throws std::bad_alloc, or std::runtime_error
// when the card's bus fails.
rows collect(core& c);

}  // namespace exalloc::status
