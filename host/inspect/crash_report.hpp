// A crash dump as text and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "crash_dump.hpp"
#include "tables.hpp"

namespace exalloc::inspect {

struct crash_questions {
  tag_choice tags;
  bool big = false;                      // the big blocks too
  std::vector<std::uint64_t> addresses;  // what lies there; then only that is told
};

std::string crash_text(const crash_dump& dump, const crash_questions& questions);
nlohmann::ordered_json crash_json(const crash_dump& dump, const crash_questions& questions);

}  // namespace exalloc::inspect
