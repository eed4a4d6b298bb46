// What a replay calls: the Ex* routines, processors, and the card's time and counters.
//
// A seam, so that tests can put a faulty allocator under the player and see each check fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace exalloc::replay {

// The card's counters that a report shows.
struct card_counters {
  std::optional<std::uint64_t> cycles;     // none where cycles mean nothing (soft)
  std::optional<std::uint64_t> clock_khz;  // the same
  std::uint64_t grants = 0;                // lines
  std::uint64_t blocks_granted = 0;
  std::uint64_t releases = 0;  // lines
  std::uint64_t blocks_released = 0;
  std::uint64_t errors = 0;
  // Everything the counter window holds, in its order, for the text report.
  struct named {
    std::string name;
    std::uint64_t value;
  };
  std::vector<named> all;
};

class allocator {
 public:
  virtual ~allocator() = default;

  // The processor that the calls from now on are made on; made at its first use.
  virtual void enter(unsigned processor) = 0;

  virtual NTSTATUS initialize_zone(ZONE_HEADER& zone, ULONG block_size, void* segment,
                                   ULONG segment_size) = 0;
  virtual NTSTATUS extend_zone(ZONE_HEADER& zone, void* segment, ULONG segment_size) = 0;
  virtual void* allocate_from_zone(ZONE_HEADER& zone) = 0;
  virtual void* free_to_zone(ZONE_HEADER& zone, void* block) = 0;
  virtual bool is_full_zone(ZONE_HEADER& zone) = 0;
  virtual void delete_zone(ZONE_HEADER& zone) = 0;

  virtual void initialize_lookaside(NPAGED_LOOKASIDE_LIST& list, PALLOCATE_FUNCTION allocate,
                                    PFREE_FUNCTION free, std::size_t size, ULONG tag) = 0;
  virtual void* allocate_from_lookaside(NPAGED_LOOKASIDE_LIST& list) = 0;
  virtual void free_to_lookaside(NPAGED_LOOKASIDE_LIST& list, void* entry) = 0;
  virtual void delete_lookaside(NPAGED_LOOKASIDE_LIST& list) = 0;
  // What the card knows of a list; none if it is kept in the host.
  virtual std::optional<exalloc_lookaside_counts> lookaside_counts(
      const NPAGED_LOOKASIDE_LIST& list) = 0;
  // Lets the depth governor go over the lookaside lists, now.
  virtual void govern() = 0;
  // Whether magazines serve lookaside lists; else every call goes to the card.
  virtual bool magazines() = 0;

  virtual void* allocate_pool(POOL_TYPE type, std::size_t bytes, ULONG tag) = 0;
  virtual void free_pool(void* block) = 0;

  // Of the current processor.
  virtual processor_stats stats() = 0;
  virtual std::uint64_t now_ns() = 0;
  virtual void advance_to(std::uint64_t ns) = 0;
  // Whether time is simulated, so that latencies mean something.
  virtual bool has_time() = 0;

  virtual std::string card_name() = 0;
  // Of a simulated card: its link, and the faults injected so far.
  virtual std::string link_name() { return {}; }
  virtual std::vector<card_counters::named> injected_faults() { return {}; }
  virtual card_counters counters() = 0;
  virtual library_stats library() = 0;
  // Errors that the library or the card reported, with the first few in words.
  virtual std::uint64_t errors_reported() = 0;
  virtual std::vector<std::string> first_errors() = 0;
};

}  // namespace exalloc::replay
