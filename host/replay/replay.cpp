#include "replay.hpp"

#include <chrono>

#include "player.hpp"

namespace exalloc::replay {

replay_result run_replay(const replay_options& options, const std::function<allocator&()>& open) {
  constexpr std::uint64_t events_between_progress = 256;
  trace_reader reader(options.trace, options.reading, options.complain);
  event e;
  // The first event proves that this is a trace at all.
  bool more = reader.next(e);
  player playing(open(), options.seed, options.caches);

  const auto began = std::chrono::steady_clock::now();
  for (; more; more = reader.next(e)) {
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
