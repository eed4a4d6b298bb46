// Plays the events of a trace on an allocator: who calls, when, and what is counted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "allocator.hpp"
#include "cost_model.hpp"
#include "event.hpp"
#include "lookaside_cache.hpp"
#include "result.hpp"
#include "shadow.hpp"
#include "zone_list.hpp"

namespace exalloc::replay {

class player {
 public:
  struct settings {
    std::uint64_t seed = 1;
    cache_kind caches = cache_kind::lookaside;
    call_timing timing = call_timing::closed;
    // start_over() will come, and until then the depth governor goes over the lists every so many
    // events.
    bool warm = false;
    std::uint64_t zone_blocks = zone_list::usual_blocks;  // that a zone begins with
    cost_model model{};
  };
  player(allocator& calls, const settings& how);

  // One event, which stands in this line; with open timing it has a time. Throws
  // std::runtime_error when a zone cannot be made.
  void play(const event& e, std::uint64_t line);

  // What was played so far only filled stocks: frees what is left and counts from 0 again. Lists,
  // and what was found wrong, stay.
  void start_over();

  // Frees what is left, checks every zone, and gives the result: all but what the reader knows.
  // Once only.
  replay_result finish();

 private:
  // A cache or a pool size, with what is counted for it.
  struct list {
    list_result counts;
    std::unique_ptr<zone_list> zone;
    std::unique_ptr<lookaside_cache> cache;  // neither: pool
    lookaside_figures before;                // start_over()
  };
  struct live_block {
    void* block;
    list* from;
    std::uint64_t stamp;  // the checker's
    std::uint64_t requested;
    std::uint64_t order;  // among all allocations
    unsigned processor;
  };
  struct call_cost {
    std::uint64_t ns;
    bool was_slow;
    bool waited;
  };
  struct string_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  using lists_by_name =
      std::unordered_map<std::string, std::map<std::uint64_t, list*>, string_hash, std::equal_to<>>;

  void allocate(const event& e);
  void free(const event& e);
  void release(const live_block& block);
  void release_all();
  replay_result fresh_result() const;
  list& list_of(const event& e);
  list& add_list(std::string name, list_kind kind, std::uint64_t block_size);

  void enter(const event& e);
  template <typename function>
  call_cost timed(function&& call);

  allocator& calls_;
  const settings how_;
  std::mt19937_64 random_;
  shadow checker_;
  replay_result result_;
  bool warming_;
  card_counters counters_at_start_;
  ULONG pool_tag_;

  std::vector<std::unique_ptr<list>> lists_;
  lists_by_name by_name_;
  std::unordered_map<std::uint64_t, live_block> live_;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t order_ = 0;

  std::uint64_t time_zero_;                   // the card's time when the replay began
  std::map<unsigned, std::uint64_t> clocks_;  // of the trace's processors, ns since time_zero_
  std::uint64_t* clock_ = nullptr;            // of the current one
  std::uint64_t last_start_ = 0;              // when the previous event began
  std::optional<std::uint64_t> first_time_;   // of the trace
  std::uint64_t due_ = 0;                     // of this event, with open timing
};

}  // namespace exalloc::replay
