// A whole replay: trace in, result out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "allocator.hpp"
#include "result.hpp"
#include "trace_reader.hpp"

namespace exalloc::replay {

struct replay_options {
  std::string trace;
  reader_options reading;
  std::uint64_t seed = 1;
  cache_kind caches = cache_kind::lookaside;
  call_timing timing = call_timing::closed;
  // Plays the trace twice: first to fill stocks and grow lists, then to count and measure.
  bool warm = false;
  std::uint64_t zone_blocks = 64;                    // that a zone begins with
  std::function<void(const std::string&)> complain;  // of malformed lines
  // Called now and then with the share that is done (0 when unknown) and the lines so far.
  std::function<void(double, std::uint64_t)> progress;
};

// Throws input_error when the trace cannot be read, std::runtime_error when it cannot be played.
// The trace is looked at before `open` is called, so that a wrong path needs no card.
replay_result run_replay(const replay_options& options, const std::function<allocator&()>& open);

}  // namespace exalloc::replay
