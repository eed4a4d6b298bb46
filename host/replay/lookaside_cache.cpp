#include "lookaside_cache.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace exalloc::replay {
namespace {

thread_local lookaside_cache* calling = nullptr;

}  // namespace

class lookaside_cache::call {
 public:
  explicit call(lookaside_cache* cache) { calling = cache; }
  ~call() { calling = nullptr; }
  call(const call&) = delete;
  call& operator=(const call&) = delete;
};

lookaside_cache::lookaside_cache(allocator& calls, shadow& checker, const std::string& name,
                                 std::size_t block_size, ULONG tag)
    : calls_(calls),
      checker_(checker),
      block_size_(block_size),
      number_(checker.add_pool_list(name)) {
  calls_.initialize_lookaside(list_, &allocate_entry, &free_entry, block_size, tag);
}

lookaside_cache::~lookaside_cache() { destroy(); }

void lookaside_cache::destroy() {
  if (deleted_) return;
  deleted_ = true;
  const call here(this);
  calls_.delete_lookaside(list_);
}

PVOID lookaside_cache::allocate_entry(POOL_TYPE type, SIZE_T bytes, ULONG tag) {
  lookaside_cache& self = *calling;
  ++self.allocate_misses_;
  void* const entry = self.calls_.allocate_pool(type, bytes, tag);
  if (entry != nullptr && !self.given_.insert(entry).second)
    self.checker_.wrong_answer(self.number_, "the pool gave an entry that the list still has");
  return entry;
}

VOID lookaside_cache::free_entry(PVOID entry) {
  // An entry that nobody's call gives back stays among those that did not come back.
  if (calling == nullptr) return;
  lookaside_cache& self = *calling;
  ++self.entries_freed_;
  if (self.given_.erase(entry) == 0) {
    self.checker_.wrong_answer(self.number_, "Free was called twice, or with a wrong address");
  } else {
    self.calls_.free_pool(entry);
  }
}

void* lookaside_cache::allocate() {
  const call here(this);
  ++allocates_;
  return calls_.allocate_from_lookaside(list_);
}

void lookaside_cache::free(void* block, std::uint64_t stamp) {
  checker_.freed(number_, block, stamp);
  const call here(this);
  ++frees_;
  calls_.free_to_lookaside(list_, block);
}

lookaside_figures lookaside_cache::figures() const {
  const GENERAL_LOOKASIDE& l = list_.L;
  return {l.Depth,          l.MaximumDepth, l.Size,      l.TotalAllocates,
          l.AllocateMisses, l.TotalFrees,   l.FreeMisses};
}

void lookaside_cache::expect(const char* count, std::uint64_t is, std::uint64_t should) {
  if (static_cast<ULONG>(is) != static_cast<ULONG>(should))
    checker_.wrong_answer(number_, fmt::format("{} is {}, not {}", count, is, should));
}

void lookaside_cache::check_at_end() {
  const GENERAL_LOOKASIDE& l = list_.L;
  const auto card = calls_.lookaside_counts(list_);
  expect("TotalAllocates", l.TotalAllocates, allocates_);
  expect("TotalFrees", l.TotalFrees, frees_);
  expect("AllocateMisses", l.AllocateMisses, allocate_misses_);
  expect("FreeMisses", l.FreeMisses, entries_freed_ - (card ? card->trimmed : 0));
  if (card && !calls_.magazines()) {
    expect("the card's count of allocations", card->allocates, allocates_);
    expect("the card's count of frees", card->frees, frees_);
    expect("the card's count of allocate misses", card->allocate_misses, allocate_misses_);
    expect("the card's count of free misses", card->free_misses, entries_freed_ - card->trimmed);
    expect("the card's number of entries", card->held, given_.size());
  }
  // All blocks are free, so what did not come back is in the list. A Depth that shrank may have
  // left more there.
  const std::uint64_t most =
      std::max<std::uint64_t>(l.Depth, card ? card->held + card->reserved : 0);
  if (given_.size() > most)
    checker_.wrong_answer(
        number_, fmt::format("holds {} entries, but no more than {} may be", given_.size(), most));
  destroy();
  checker_.not_given_back(number_, given_.size());
}

}  // namespace exalloc::replay
