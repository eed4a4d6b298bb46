#include "replay.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

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
  std::optional<trace_reader> reader(std::in_place, options.trace, options.reading,
                                     options.complain);
  event e;
  // The first event proves that this is a trace at all.
  bool more = reader->next(e);
  const bool timed = options.timing == call_timing::open;
  if (more && timed) want_time(e, *reader, options.trace);
  player playing(open(), {.seed = options.seed,
                          .caches = options.caches,
                          .timing = options.timing,
                          .warm = options.warm,
                          .zone_blocks = options.zone_blocks});

  const auto play_all = [&](double from, double share) {
    for (; more; more = reader->next(e)) {
      if (timed) want_time(e, *reader, options.trace);
      playing.play(e, reader->lines());
      if (options.progress && reader->events() % events_between_progress == 0) {
        const double fraction = reader->fraction();
        options.progress(fraction == 0 ? 0 : from + share * fraction, reader->lines());
      }
    }
  };
  if (options.warm) {
    play_all(0, 0.5);
    playing.start_over();
    // What is wrong with the trace has been told.
    reader.emplace(options.trace, options.reading, [](const std::string&) {});
    more = reader->next(e);
  }
  const auto began = std::chrono::steady_clock::now();
  play_all(options.warm ? 0.5 : 0, options.warm ? 0.5 : 1);
  replay_result result = playing.finish();
  result.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  result.trace = options.trace;
  result.format = reader->format();
  result.lines = reader->lines();
  result.malformed_lines = reader->malformed();
  if (result.allocations == 0 && result.malformed_lines != 0) {
    throw input_error(
        fmt::format("{}: no allocation could be read, and {} lines are malformed: nothing was "
                    "checked; is it what ftrace, trace-cmd report, perf script or mtrace printed?",
                    options.trace, result.malformed_lines));
  }
  return result;
}

}  // namespace exalloc::replay
