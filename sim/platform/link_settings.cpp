#include "platform/link_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace exalloc::sim {
namespace {

// A lane's bytes a second: 8 or 16 GT/s, 128 of 130 bits used.
constexpr std::uint64_t gen3_lane = 984'615'384;
// What acknowledgements, flow control and ordered sets leave to TLPs, in 1/10,000.
constexpr std::uint64_t data_link_share = 9'193;

constexpr link_settings pcie(std::string_view name, unsigned generation, unsigned lanes) {
  link_settings s;
  s.name = name;
  s.generation = generation;
  s.lanes = lanes;
  s.tags = generation == 3 ? 64 : 256;
  s.wire = {{115, 125, 140, 180, 300, 900}};
  s.register_issue = {{50, 60, 75, 110, 200, 400}};
  s.register_answer = {{260, 280, 320, 400, 650, 1'500}};
  s.host_read = {{250, 280, 330, 450, 800, 2'500}};
  s.host_write = {{70, 80, 100, 150, 300, 900}};
  s.register_path_ns = 120;
  s.memory_path_ns = 45;
  return s;
}

constexpr link_settings zero() {
  link_settings s;
  s.name = "zero";
  s.tags = 128;
  return s;
}

constexpr std::array<link_settings, 5> presets{pcie("gen3x8", 3, 8), pcie("gen3x16", 3, 16),
                                               pcie("gen4x8", 4, 8), pcie("gen4x16", 4, 16),
                                               zero()};

}  // namespace

std::uint64_t link_settings::bytes_per_second() const {
  return (gen3_lane << (generation - 3)) * lanes * data_link_share / 10'000;
}

std::uint64_t link_settings::wire_ns(unsigned bytes) const {
  const std::uint64_t line =
      has_rate() ? bytes * std::uint64_t{1'000'000'000} / bytes_per_second() : 0;
  return wire.median_ns() + line;
}

std::uint64_t link_settings::register_read_ns() const {
  return register_issue.median_ns() + wire_ns(request_overhead) + 2 * register_path_ns +
         wire_ns(completion_overhead + 4) + register_answer.median_ns();
}
std::uint64_t link_settings::doorbell_ns() const {
  return register_issue.median_ns() + wire_ns(request_overhead + 4) + register_path_ns;
}
std::uint64_t link_settings::memory_read_ns(unsigned bytes) const {
  return 2 * memory_path_ns + wire_ns(request_overhead) + host_read.median_ns() +
         wire_ns(completion_overhead + bytes);
}
std::uint64_t link_settings::memory_write_ns(unsigned bytes) const {
  return memory_path_ns + wire_ns(request_overhead + bytes) + host_write.median_ns();
}

std::span<const link_settings> link_presets() { return presets; }

link_settings link_preset(std::string_view name) {
  std::string known;
  for (const link_settings& s : presets) {
    if (s.name == name) return s;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", s.name);
  }
  throw std::invalid_argument(fmt::format("there is no link \"{}\"; known are {}", name, known));
}

}  // namespace exalloc::sim
