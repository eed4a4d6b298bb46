// The independent checker: watches every call of a replay and believes nothing the library says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace exalloc::replay {

// What the checker found wrong. All 0 is the only good result.
struct findings {
  std::uint64_t overlapping = 0;  // blocks that overlap another live block
  std::uint64_t outside_segment =
      0;                        // beyond every segment of the zone, off its grid; misplaced pool
  std::uint64_t corrupted = 0;  // what the holder wrote was not there any more at the free
  std::uint64_t lost = 0;  // blocks that a zone no longer hands out at the end, or a list swallowed
  std::uint64_t wrong_answers = 0;  // NULL, "full" or a size that cannot be true
  std::vector<std::string> first;   // the first few in words

  bool all_good() const {
    return overlapping + outside_segment + corrupted + lost + wrong_answers == 0;
  }
};

class shadow {
 public:
  using zone_number = std::uint32_t;
  static constexpr zone_number pool = ~zone_number{0};
  // What allocated() gives for a block that is so wrong that it must not be touched.
  static constexpr std::uint64_t untracked = 0;

  // Findings from now on name this line of the trace; 0: after its end.
  void at_line(std::uint64_t line) { line_ = line; }

  zone_number add_zone(std::string name, std::size_t block_size);
  // A list of its own name whose blocks come from pool.
  zone_number add_pool_list(std::string name);
  // The zone may hand out the whole blocks behind the segment's 16-byte header.
  void add_segment(zone_number zone, const void* segment, std::size_t bytes);
  // Blocks in all segments of the zone, by the checker's own count.
  std::uint64_t carved(zone_number zone) const { return zones_[zone].carved; }
  std::uint64_t live(zone_number zone) const { return zones_[zone].live; }

  // A block was handed out: checks it, then writes its number into its first and last bytes.
  // `bytes` is what the holder may use. Returns the number, for freed().
  std::uint64_t allocated(zone_number zone, void* block, std::size_t bytes);
  // The holder is about to give the block back: its number must still be there.
  void freed(zone_number zone, void* block, std::uint64_t number);

  // The zone gave `got` blocks when all its blocks were free.
  void drained(zone_number zone, std::uint64_t got);
  // So many blocks of a pool list are gone, when all should be back.
  void not_given_back(zone_number list, std::uint64_t blocks);
  // The library said something that cannot be true.
  void wrong_answer(zone_number zone, const std::string& what);

  const findings& found() const { return found_; }

 private:
  struct segment {
    std::uintptr_t first;  // block
    std::uintptr_t end;
  };
  struct zone_record {
    std::string name;
    std::size_t block_size;
    std::uint64_t carved;
    std::uint64_t live;
    std::map<std::uintptr_t, segment> segments;  // by first block
    bool from_pool = false;
  };
  struct live_block {
    std::uintptr_t end;
    std::size_t bytes;  // that carry the number; a block of none still takes up an address
    std::uint64_t number;
  };

  bool is_in_segment(const zone_record& zone, std::uintptr_t block) const;
  bool overlaps(std::uintptr_t begin, std::uintptr_t end) const;
  void note(zone_number zone, const void* block, const std::string& what);

  std::vector<zone_record> zones_;
  std::map<std::uintptr_t, live_block> live_;  // by begin; its intervals never overlap
  std::uint64_t next_number_ = 1;
  std::uint64_t line_ = 0;
  findings found_;
};

}  // namespace exalloc::replay
