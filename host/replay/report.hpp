// A replay's result for people and for programs.
#pragma once

#include <string>

#include "result.hpp"

namespace exalloc::replay {

// Totals, lists, latencies, counters, pictures. `unicode` draws with block characters.
std::string text_report(const replay_result& result, bool unicode);

// One JSON object; docs/replay.md describes its keys. Ends in a line end.
std::string json_report(const replay_result& result);

}  // namespace exalloc::replay
