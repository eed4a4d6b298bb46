// A cache as a lookaside list whose entries come from pool, and are counted on their way.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "allocator.hpp"
#include "result.hpp"
#include "shadow.hpp"

namespace exalloc::replay {

class lookaside_cache {
 public:
  // Allocator and checker outlive the cache.
  lookaside_cache(allocator& calls, shadow& checker, const std::string& name,
                  std::size_t block_size, ULONG tag);
  // Deletes the list.
  ~lookaside_cache();
  lookaside_cache(const lookaside_cache&) = delete;
  lookaside_cache& operator=(const lookaside_cache&) = delete;

  // A block; nullptr if the pool had none.
  void* allocate();
  // `stamp` is the checker's number of the block.
  void free(void* block, std::uint64_t stamp);

  // With every block freed: compares the list's counts with the calls there were, deletes it, and
  // looks whether all entries came back.
  void check_at_end();

  shadow::zone_number number() const { return number_; }
  std::size_t block_size() const { return block_size_; }
  // As they are now.
  lookaside_figures figures() const;

 private:
  // NT's Allocate and Free know nothing of the list that calls them, but one thread plays.
  class call;
  static PVOID allocate_entry(POOL_TYPE type, SIZE_T bytes, ULONG tag);
  static VOID free_entry(PVOID entry);
  void destroy();
  void expect(const char* count, std::uint64_t is, std::uint64_t should);

  allocator& calls_;
  shadow& checker_;
  std::size_t block_size_;
  shadow::zone_number number_;
  NPAGED_LOOKASIDE_LIST list_;
  bool deleted_ = false;
  std::unordered_set<void*> given_;  // by Allocate, and not come back to Free
  std::uint64_t allocates_ = 0, frees_ = 0, allocate_misses_ = 0, entries_freed_ = 0;
};

}  // namespace exalloc::replay
