// Everything a replay found out: what the reports print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator.hpp"
#include "distribution.hpp"
#include "shadow.hpp"
#include "trace_reader.hpp"

namespace exalloc::replay {

// What a cache of the trace becomes.
enum class cache_kind : std::uint8_t { zone, lookaside };
constexpr const char* to_string(cache_kind kind) {
  return kind == cache_kind::zone ? "zone" : "lookaside";
}

// When the calls of a trace begin.
enum class call_timing : std::uint8_t {
  closed,  // each as soon as the one before it has ended
  open,    // at its own time in the trace
};
constexpr const char* to_string(call_timing timing) {
  return timing == call_timing::open ? "open" : "closed";
}

enum class list_kind : std::uint8_t { zone, lookaside, pool };
constexpr const char* to_string(list_kind kind) {
  return kind == list_kind::zone ? "zone" : kind == list_kind::lookaside ? "lookaside" : "pool";
}

// A lookaside list's own fields at the end of the trace.
struct lookaside_figures {
  std::uint32_t depth = 0, maximum_depth = 0, size = 0;
  std::uint32_t allocates = 0, allocate_misses = 0, frees = 0, free_misses = 0;

  // The counts since then.
  lookaside_figures since(const lookaside_figures& before) const {
    lookaside_figures out = *this;
    out.allocates -= before.allocates;
    out.allocate_misses -= before.allocate_misses;
    out.frees -= before.frees;
    out.free_misses -= before.free_misses;
    return out;
  }
  double hit_rate() const {
    return allocates == 0 ? 0 : static_cast<double>(allocates - allocate_misses) / allocates;
  }
};

// One cache, or the pool blocks of one size.
struct list_result {
  std::string name;
  list_kind kind = list_kind::pool;
  std::uint64_t block_size = 0;
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;  // matched ones
  std::uint64_t live = 0;
  std::uint64_t peak_live = 0;
  // Every allocation is one of these three: from the magazine alone; from lines the card had
  // already written (or by the list's lock); or after waiting for the card.
  std::uint64_t magazine_hits = 0;
  std::uint64_t card_refills = 0;
  std::uint64_t misses = 0;
  std::uint64_t carved = 0;  // blocks; zones only
  std::uint64_t extends = 0;
  std::optional<lookaside_figures> lookaside;
};

struct replay_result {
  std::string trace;
  trace_format format = trace_format::ftrace;
  std::string card;
  std::uint64_t seed = 0;
  std::uint64_t lines = 0;
  std::uint64_t malformed_lines = 0;
  std::uint64_t processors = 0;
  cache_kind caches = cache_kind::zone;
  bool magazines = true;  // of lookaside lists
  call_timing timing = call_timing::closed;
  bool warmed = false;  // the trace was played once before
  std::string link;     // of a simulated card

  std::uint64_t events = 0;
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t failed_allocations = 0;
  std::uint64_t null_allocations = 0;  // that failed when the trace was recorded; not performed
  std::uint64_t unmatched_frees = 0;
  std::uint64_t null_frees = 0;
  std::uint64_t untraced_frees = 0;
  std::uint64_t remote_frees = 0;  // matched, on another processor than the allocation
  std::uint64_t live_at_end = 0;
  std::uint64_t peak_live = 0;
  std::uint64_t peak_bytes = 0;

  std::vector<list_result> lists;  // in the order of their first allocation
  distribution sizes;              // requested bytes
  bool has_latencies = false;
  distribution allocate_ns;
  distribution free_ns;
  std::uint64_t frees_that_waited = 0;
  std::uint64_t simulated_ns = 0;

  card_counters counters;  // of the trace alone, without what the checks at its end did
  library_stats library;
  std::vector<card_counters::named> faults;  // injected; empty if none were to be
  findings checks;
  std::uint64_t errors_reported = 0;
  std::vector<std::string> first_errors;
  double wall_seconds = 0;

  bool passed() const {
    return checks.all_good() && failed_allocations == 0 && errors_reported == 0 &&
           counters.errors == 0;
  }
};

}  // namespace exalloc::replay
