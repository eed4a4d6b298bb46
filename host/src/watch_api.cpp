// Events of the card: exalloc/watch.h.
#include <fmt/format.h>

#include <exception>
#include <stdexcept>

#include "errors.hpp"
#include "watcher.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

namespace off = regs::offset;

// Number of the card's list behind a zone.
std::uint32_t card_list(const char* routine, const ZONE_HEADER* header) {
  return zone_table::require_on_card(routine, header).number();
}

std::uint32_t window_of(std::uint32_t list) { return off::lists_base + list * off::lists_stride; }

}  // namespace
}  // namespace exalloc

using exalloc::core;
using exalloc::watcher;

extern "C" {

int exalloc_watch(int on) {
  return exalloc::guarded([&] {
    if (on != 0) {
      watcher::get().start(core::get());
    } else {
      watcher::get().stop();
    }
  });
}

int exalloc_zone_threshold(PZONE_HEADER Zone, uint32_t Low, uint32_t High) {
  return exalloc::guarded([&] {
    const std::uint32_t list = exalloc::card_list("exalloc_zone_threshold", Zone);
    if (High < Low)
      throw std::runtime_error(
          fmt::format("exalloc_zone_threshold: High ({}) is less than Low ({})", High, Low));
    exalloc::driver& device = core::get().card_driver;
    const std::uint32_t window = exalloc::window_of(list);
    device.write(window + exalloc::off::depletion_high, High);
    device.write(window + exalloc::off::depletion_low, Low);
  });
}

void exalloc_set_depletion_handler(exalloc_depletion_handler Handler, void* Context) {
  watcher::get().set_handler(Handler, Context);
}

int exalloc_zone_card_counts(PZONE_HEADER Zone, exalloc_zone_counts* Counts) {
  return exalloc::guarded([&] {
    const std::uint32_t list = exalloc::card_list("exalloc_zone_card_counts", Zone);
    exalloc::driver& device = core::get().card_driver;
    const std::uint32_t window = exalloc::window_of(list);
    Counts->total = device.read(window + exalloc::off::list_total);
    Counts->in_use = device.read(window + exalloc::off::list_in_use);
    Counts->high_water = device.read(window + exalloc::off::list_high_water);
    Counts->granted = device.read(window + exalloc::off::list_granted);
    Counts->refusals = device.read(window + exalloc::off::list_refusals);
    const std::uint32_t bits =
        device.read(exalloc::off::depleted_base + list / 32 * exalloc::off::depleted_stride);
    Counts->depleted = static_cast<std::int32_t>(bits >> list % 32 & 1);
  });
}

}  // extern "C"
