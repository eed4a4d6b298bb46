// A zone that grows: it starts with one small segment and is extended whenever it is full.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "allocator.hpp"
#include "shadow.hpp"

namespace exalloc::replay {

class zone_list {
 public:
  static constexpr std::uint64_t usual_blocks = 64;  // one slab

  // Begins with a segment of so many blocks. Throws std::runtime_error when the zone cannot be
  // made. Allocator, checker and random numbers outlive the zone.
  zone_list(allocator& calls, shadow& checker, std::mt19937_64& random, const std::string& name,
            std::size_t block_size, std::uint64_t first_blocks = usual_blocks);
  // Retires the zone, then gives its segments back.
  ~zone_list();
  zone_list(const zone_list&) = delete;
  zone_list& operator=(const zone_list&) = delete;

  // A block, after extending the zone if need be; nullptr if even that failed.
  void* allocate();
  // `stamp` is the checker's number of the block.
  void free(void* block, std::uint64_t stamp);

  // With every block freed: takes all blocks out, counts them for the checker, puts them back.
  void check_at_end();

  shadow::zone_number number() const { return number_; }
  std::size_t block_size() const { return header_.BlockSize; }
  std::uint64_t extends() const { return extends_; }

 private:
  struct segment {
    std::unique_ptr<std::byte[]> memory;
    std::byte* begin;  // inside memory, at a random multiple of 8
    ULONG bytes;
  };

  segment make_segment(std::uint64_t blocks);
  std::uint64_t next_blocks() const;
  bool extend();

  allocator& calls_;
  shadow& checker_;
  std::mt19937_64& random_;
  std::size_t block_size_;
  std::uint64_t first_blocks_;
  shadow::zone_number number_;
  ZONE_HEADER header_{};
  std::vector<segment> segments_;
  std::uint64_t segment_bytes_ = 0;  // headers and blocks: what TotalSegmentSize must say
  std::uint64_t extends_ = 0;
};

}  // namespace exalloc::replay
