// Zones that kernels on the card share: exalloc/stream.h.
#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "card_segments.hpp"
#include "errors.hpp"
#include "exalloc/card_memory.h"
#include "exalloc/stream.h"
#include "stock.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

namespace off = regs::offset;

std::uint32_t window_of(const char* routine, driver& d, unsigned port) {
  const std::uint32_t ports = d.geometry().stream_ports;
  if (port >= ports)
    throw std::runtime_error(fmt::format("{}: the card has {} stream ports, there is no number {}",
                                         routine, ports, port));
  return off::streams_base + port * off::streams_stride;
}

// A port that goes on with what it did before would take blocks of a zone that is gone.
void configure(driver& d, std::uint32_t window, std::uint32_t config) {
  d.write(window + off::stream_config, config);
  if (const std::uint32_t now = d.read(window + off::stream_config); now != config && !d.lost())
    d.lose(fmt::format("a stream port's configuration reads {:#x} instead of {:#x}", now, config));
}

}  // namespace
}  // namespace exalloc

using exalloc::core;
using exalloc::zone;

extern "C" {

unsigned exalloc_stream_ports(void) {
  unsigned ports = 0;
  exalloc::guarded([&] { ports = core::get().card_driver.geometry().stream_ports; });
  return ports;
}

int exalloc_stream_attach(unsigned Port, PZONE_HEADER Zone, unsigned Directions) {
  return exalloc::guarded([&] {
    zone& z = exalloc::zone_table::require_on_card("exalloc_stream_attach", Zone);
    if (Directions == 0 || Directions > (EXALLOC_STREAM_POP | EXALLOC_STREAM_PUSH))
      throw std::runtime_error(
          "exalloc_stream_attach: the directions are EXALLOC_STREAM_POP, EXALLOC_STREAM_PUSH or "
          "both");
    core& c = core::get();
    const std::uint32_t window = exalloc::window_of("exalloc_stream_attach", c.card_driver, Port);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> tokens;
    for (const zone::extent& e : z.extents()) tokens.emplace_back(e.first_token, e.blocks);
    exalloc::share_with_kernels(c, z, tokens);
    namespace config = exalloc::regs::stream_config;
    std::uint64_t word = config::pop.set(0, (Directions & EXALLOC_STREAM_POP) != 0);
    word = config::push.set(word, (Directions & EXALLOC_STREAM_PUSH) != 0);
    word = config::list.set(word, z.number());
    word = config::domain.set(word, exalloc::own_domain);
    exalloc::configure(c.card_driver, window, static_cast<std::uint32_t>(word));
  });
}

int exalloc_stream_detach(unsigned Port) {
  return exalloc::guarded([&] {
    core& c = core::get();
    exalloc::driver& d = c.card_driver;
    const std::uint32_t window = exalloc::window_of("exalloc_stream_detach", d, Port);
    namespace config = exalloc::regs::stream_config;
    const std::uint32_t now = d.read(window + exalloc::off::stream_config);
    exalloc::configure(d, window,
                       static_cast<std::uint32_t>(config::push.set(config::pop.set(now, 0), 0)));
    for (exalloc::patience waiting(d.timeout());
         exalloc::regs::stream_status::busy.get(d.read(window + exalloc::off::stream_status));
         d.device().relax()) {
      if (waiting.exhausted())
        d.lose(fmt::format("stream port {} has not become quiet in {} ms (EXALLOC_TIMEOUT_MS)",
                           Port, d.timeout().count()));
    }
    if (d.lost()) throw std::runtime_error("exalloc_stream_detach: the card is lost");
  });
}

unsigned exalloc_zone_segments(PZONE_HEADER Zone, exalloc_segment* Segments, unsigned Capacity) {
  unsigned count = 0;
  exalloc::guarded([&] {
    const zone& z = exalloc::zone_table::require("exalloc_zone_segments", Zone);
    for (const zone::extent& e : z.extents()) {
      if (count < Capacity) {
        const auto at = exalloc::device_address(reinterpret_cast<const void*>(e.begin),
                                                std::size_t{e.blocks} * z.block_size());
        Segments[count] = {at.value_or(EXALLOC_NO_DEVICE_ADDRESS), e.first_token, e.blocks,
                           z.block_size(), 0};
      }
      ++count;
    }
  });
  return count;
}

unsigned exalloc_quarantined(PZONE_HEADER Zone, PVOID* Blocks, unsigned Capacity) {
  unsigned count = 0;
  exalloc::guarded([&] {
    const zone& z = exalloc::zone_table::require("exalloc_quarantined", Zone);
    if (!core::get().card_driver.lost()) return;
    for (const zone::extent& e : z.extents()) {
      for (std::uint32_t i = 0; i < e.blocks; ++i) {
        if (z.state(e.first_token + i).load(std::memory_order_relaxed) !=
            exalloc::block_state::away)
          continue;
        if (count < Capacity)
          Blocks[count] = reinterpret_cast<void*>(e.begin + std::uintptr_t{i} * z.block_size());
        ++count;
      }
    }
  });
  return count;
}

uint32_t exalloc_token(PZONE_HEADER Zone, PVOID Block) {
  std::uint32_t token = 0;
  exalloc::guarded(
      [&] { token = exalloc::zone_table::require("exalloc_token", Zone).find(Block).token; });
  return token;
}

PVOID exalloc_block(PZONE_HEADER Zone, uint32_t Token) {
  void* block = nullptr;
  exalloc::guarded([&] {
    const zone& z = exalloc::zone_table::require("exalloc_block", Zone);
    for (const zone::extent& e : z.extents())
      if (Token - e.first_token < e.blocks) {
        block = reinterpret_cast<void*>(e.begin +
                                        std::uintptr_t{Token - e.first_token} * z.block_size());
        break;
      }
  });
  return block;
}

}  // extern "C"
