// What is to go wrong on the platform, and when: the grammar of `--fault` and EXALLOC_FAULT.
// docs/platform.md has it with what each fault does to a caller.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/latency.hpp"
#include "platform/link_direction.hpp"

namespace exalloc::sim {

enum class direction { down, up };  // host to card, card to host
enum class tlp_fault { none, late, lost, duplicated, poisoned };
enum class axi_fault { none, slave_error, decode_error };

// Which of many are hit.
struct fault_choice {
  static constexpr std::uint64_t always = 1'000'000;
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t per_million = always;
  std::uint64_t first = 1;  // counted from the plan's start
  picoseconds from = 0;     // none before
  std::uint64_t most = unlimited;
};

struct tlp_rule {
  std::string text;  // as it was given
  tlp_fault what = tlp_fault::none;
  std::optional<tlp_kind> kind;  // any
  std::optional<direction> way;  // either
  fault_choice which;
  picoseconds delay = 0;
};
struct axi_rule {  // of the card's own reads or writes of memory
  std::string text;
  axi_fault what = axi_fault::none;
  bool write = false;
  fault_choice which;
};
enum class link_event { down, retrain, reset };
struct event_rule {
  static constexpr picoseconds for_good = std::numeric_limits<picoseconds>::max();
  std::string text;
  link_event what = link_event::reset;
  picoseconds at = 0;
  picoseconds lasts = for_good;
};

struct fault_plan {
  std::vector<tlp_rule> tlps;
  std::vector<axi_rule> axi;
  std::vector<event_rule> events;  // by time
  std::uint64_t seed = 1;
  // Before it no TLP or bus fault: opening the card takes less.
  picoseconds start = 200'000 * ps_per_ns;
  // After which a request without its completion has failed.
  picoseconds completion_timeout = 50'000 * ps_per_ns;

  bool empty() const { return tlps.empty() && axi.empty() && events.empty(); }
};

// Throws std::invalid_argument that says what is wrong, where, and what is allowed. An empty text
// is a plan without faults.
fault_plan parse_faults(std::string_view text);

}  // namespace exalloc::sim
