#include "platform/card_memory_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace exalloc::sim {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

constexpr std::array presets{
    card_memory_settings{"hbm2", "HBM", 32, 256 * mebibyte, 122, 13'281'000'000},
    card_memory_settings{"ddr4", "DDR", 2, 16'384 * mebibyte, 90, 18'000'000'000},
};

}  // namespace

unsigned card_memory_settings::bank(const std::string& called) const {
  if (called.empty()) return 0;
  for (unsigned i = 0; i < banks; ++i)
    if (called == fmt::format("{}[{}]", bank_name, i)) return i;
  throw std::runtime_error(
      fmt::format("sim card: there is no memory bank \"{}\"; {} has {}[0] to {}[{}]", called, name,
                  bank_name, bank_name, banks - 1));
}

const card_memory_settings& card_memory_preset(std::string_view name) {
  std::string known;
  for (const card_memory_settings& s : presets) {
    if (s.name == name) return s;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", s.name);
  }
  throw std::invalid_argument(
      fmt::format("there is no memory \"{}\" for the card; known are {}", name, known));
}

}  // namespace exalloc::sim
