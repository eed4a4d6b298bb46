// The allocator of a real replay: the exalloc library on the card that is open.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "allocator.hpp"
#include "exalloc/exalloc.h"

namespace exalloc::replay {

class library_allocator final : public allocator {
 public:
  // Opens `card` ("soft", "sim"), or the one that EXALLOC_CARD names if it is empty. Throws
  // std::runtime_error with a sentence for the user when it cannot be had.
  // Without `magazines` lookaside lists do without them while it lives.
  // With `may_lose_card` a lost card is among the errors in words, but is not counted.
  explicit library_allocator(const std::string& card, bool magazines = true,
                             bool may_lose_card = false);
  ~library_allocator() override;
  library_allocator(const library_allocator&) = delete;
  library_allocator& operator=(const library_allocator&) = delete;

  void enter(unsigned processor) override;
  NTSTATUS initialize_zone(ZONE_HEADER& zone, ULONG block_size, void* segment,
                           ULONG segment_size) override;
  NTSTATUS extend_zone(ZONE_HEADER& zone, void* segment, ULONG segment_size) override;
  void* allocate_from_zone(ZONE_HEADER& zone) override;
  void* free_to_zone(ZONE_HEADER& zone, void* block) override;
  bool is_full_zone(ZONE_HEADER& zone) override;
  void delete_zone(ZONE_HEADER& zone) override;
  void initialize_lookaside(NPAGED_LOOKASIDE_LIST& list, PALLOCATE_FUNCTION allocate,
                            PFREE_FUNCTION free, std::size_t size, ULONG tag) override;
  void* allocate_from_lookaside(NPAGED_LOOKASIDE_LIST& list) override;
  void free_to_lookaside(NPAGED_LOOKASIDE_LIST& list, void* entry) override;
  void delete_lookaside(NPAGED_LOOKASIDE_LIST& list) override;
  std::optional<exalloc_lookaside_counts> lookaside_counts(
      const NPAGED_LOOKASIDE_LIST& list) override;
  void govern() override;
  bool magazines() override { return magazines_; }
  void* allocate_pool(POOL_TYPE type, std::size_t bytes, ULONG tag) override;
  void free_pool(void* block) override;
  processor_stats stats() override;
  std::uint64_t now_ns() override;
  void advance_to(std::uint64_t ns) override;
  bool has_time() override;
  std::string card_name() override;
  std::string link_name() override { return card_->link_name(); }
  std::vector<card_counters::named> injected_faults() override;
  card_counters counters() override;
  library_stats library() override;
  std::uint64_t errors_reported() override;
  std::vector<std::string> first_errors() override;

 private:
  struct processor_deleter {
    void operator()(exalloc_processor* p) const { exalloc_processor_destroy(p); }
  };
  card_counters read_counters();
  static void on_error(const exalloc_error* error, void* self);

  card* card_ = nullptr;
  std::string card_name_;
  const bool magazines_;
  const bool may_lose_card_;
  bool card_lost_ = false;
  card_counters counters_;  // when they were read last
  std::map<unsigned, std::unique_ptr<exalloc_processor, processor_deleter>> processors_;
  unsigned current_ = ~0U;
  std::mutex errors_mutex_;  // errors may come from any thread's call
  std::uint64_t error_count_ = 0;
  std::vector<std::string> first_errors_;
};

}  // namespace exalloc::replay
