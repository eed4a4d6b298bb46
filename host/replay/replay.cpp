#include "replay.hpp"

#include <fmt/format.h>

#include <chrono>

#include "input_error.hpp"
#include "player.hpp"

namespace exalloc::replay {

namespace {

void want_time(const event& e, const trace_reader& reader, const std::string& trace) {
  if (e.time_ns) return;
  throw input_error(
      reader.format() == trace_format::mtrace
          ? fmt::format("{}: an mtrace does not tell when the calls were made, which --timing open "
                        "needs; use --timing closed, or record an ftrace",
                        trace)
          : fmt::format("{}: the time in line {} is not in seconds, which --timing open needs; use "
                        "--timing closed, or record with the trace clock \"local\" or \"mono\"",
                        trace, reader.lines()));
}

}  // namespace

replay_result run_replay(const replay_options& options, const std::function<allocator&()>& open) {
  constexpr std::uint64_t events_between_progress = 256;
  trace_reader reader(options.trace, options.reading, options.complain);
  event e;
  // The first event proves that this is a trace at all.
  bool more = reader.next(e);
  const bool timed = options.timing == call_timing::open;
  if (more && timed) want_time(e, reader, options.trace);
  player playing(open(), options.seed, options.caches, {}, options.timing);

  const auto began = std::chrono::steady_clock::now();
  for (; more; more = reader.next(e)) {
    if (timed) want_time(e, reader, options.trace);
    playing.play(e, reader.lines());
    if (options.progress && reader.events() % events_between_progress == 0) {
      options.progress(reader.fraction(), reader.lines());
    }
  }
  replay_result result = playing.finish();
  result.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  result.trace = options.trace;
  result.format = reader.format();
  result.lines = reader.lines();
  result.malformed_lines = reader.malformed();
  return result;
}

}  // namespace exalloc::replay
