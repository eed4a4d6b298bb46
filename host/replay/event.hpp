// One allocation or free of a trace, in whatever format it was recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace exalloc::replay {

enum class event_kind : std::uint8_t {
  allocate,        // from pool: kmalloc, mtrace
  free,            // to pool
  cache_allocate,  // from a kmem_cache
  cache_free,
};

constexpr bool is_allocation(event_kind kind) {
  return kind == event_kind::allocate || kind == event_kind::cache_allocate;
}

struct event {
  event_kind kind = event_kind::allocate;
  unsigned processor = 0;
  std::uint64_t address = 0;  // as the trace names the block; 0 is NULL
  // Of allocations only:
  std::uint64_t requested = 0;                // bytes
  std::uint64_t allocated = 0;                // bytes; 0 when the format does not tell
  std::string_view cache;                     // the kmem_cache, into the line; empty for pool
  std::optional<std::uint64_t> time_ns = {};  // of any event: none if the trace does not tell
};

// What a line turned out to be.
enum class line_kind : std::uint8_t {
  other,      // not ours: a header, another event
  event,      // the event was filled in
  malformed,  // ours, but damaged; `reason` says how
};

struct parsed_line {
  line_kind kind = line_kind::other;
  const char* reason = "";
};

}  // namespace exalloc::replay
