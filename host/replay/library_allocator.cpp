#include "library_allocator.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::replay {
namespace {

constexpr std::size_t errors_kept = 10;

std::uint64_t read_counter(card& c, unsigned index) {
  const std::uint32_t at = regs::offset::counters_base + index * regs::offset::counters_stride;
  // Reading low latches high, so the order matters.
  const std::uint64_t low = c.read(at + regs::offset::counter_low);
  const std::uint64_t high = c.read(at + regs::offset::counter_high);
  return high << 32 | low;
}

std::uint64_t read_counter(card& c, regs::counter which) {
  return read_counter(c, static_cast<unsigned>(which));
}

}  // namespace

library_allocator::library_allocator(const std::string& card, bool magazines, bool may_lose_card)
    : magazines_(magazines), may_lose_card_(may_lose_card) {
  if (!card.empty() && exalloc_set_card(card.c_str()) != 0) {
    throw std::runtime_error(exalloc_last_error());
  }
  const char* const name = exalloc_card_name();
  if (name == nullptr) throw std::runtime_error(exalloc_last_error());
  card_name_ = name;
  card_ = &current_card();
  if (exalloc_lookaside_magazines(magazines) != 0) throw std::runtime_error(exalloc_last_error());
  exalloc_set_error_handler(on_error, this);
}

library_allocator::~library_allocator() {
  exalloc_processor_enter(nullptr);
  processors_.clear();
  exalloc_set_error_handler(nullptr, nullptr);
  exalloc_lookaside_magazines(1);
}

void library_allocator::on_error(const exalloc_error* error, void* self) {
  auto* const me = static_cast<library_allocator*>(self);
  const std::scoped_lock lock(me->errors_mutex_);
  const bool loss = error->cause == std::string_view("card_lost");
  me->card_lost_ |= loss;
  if (!loss || !me->may_lose_card_) ++me->error_count_;
  if (me->first_errors_.size() >= errors_kept) return;
  me->first_errors_.push_back(
      fmt::format("{} ({}, address {}, token 0x{:x}, list {}, {})", error->what, error->cause,
                  error->address, error->token, error->list,
                  error->portal < 0 ? std::string("found by the host")
                                    : fmt::format("portal {}", error->portal)));
}

void library_allocator::enter(unsigned processor) {
  if (processor == current_) return;
  auto& slot = processors_[processor];
  if (!slot) {
    slot.reset(exalloc_processor_create());
    if (!slot) throw std::runtime_error(exalloc_last_error());
  }
  exalloc_processor_enter(slot.get());
  current_ = processor;
}

NTSTATUS library_allocator::initialize_zone(ZONE_HEADER& zone, ULONG block_size, void* segment,
                                            ULONG segment_size) {
  return ExInitializeZone(&zone, block_size, segment, segment_size);
}
NTSTATUS library_allocator::extend_zone(ZONE_HEADER& zone, void* segment, ULONG segment_size) {
  return ExExtendZone(&zone, segment, segment_size);
}
void* library_allocator::allocate_from_zone(ZONE_HEADER& zone) { return ExAllocateFromZone(&zone); }
void* library_allocator::free_to_zone(ZONE_HEADER& zone, void* block) {
  return ExFreeToZone(&zone, block);
}
bool library_allocator::is_full_zone(ZONE_HEADER& zone) { return ExIsFullZone(&zone) != FALSE; }
void library_allocator::delete_zone(ZONE_HEADER& zone) { exalloc_zone_delete(&zone); }

void library_allocator::initialize_lookaside(NPAGED_LOOKASIDE_LIST& list,
                                             PALLOCATE_FUNCTION allocate, PFREE_FUNCTION free,
                                             std::size_t size, ULONG tag) {
  ExInitializeNPagedLookasideList(&list, allocate, free, 0, size, tag, 0);
}
void* library_allocator::allocate_from_lookaside(NPAGED_LOOKASIDE_LIST& list) {
  return ExAllocateFromNPagedLookasideList(&list);
}
void library_allocator::free_to_lookaside(NPAGED_LOOKASIDE_LIST& list, void* entry) {
  ExFreeToNPagedLookasideList(&list, entry);
}
void library_allocator::delete_lookaside(NPAGED_LOOKASIDE_LIST& list) {
  ExDeleteNPagedLookasideList(&list);
}
std::optional<exalloc_lookaside_counts> library_allocator::lookaside_counts(
    const NPAGED_LOOKASIDE_LIST& list) {
  exalloc_lookaside_counts counts;
  if (exalloc_lookaside_card_counts(&list.L, &counts) != 0) return std::nullopt;
  return counts;
}

// The one thread that plays is the only one that gives commands.
void library_allocator::govern() {
  namespace off = regs::offset;
  try {
    card_->write(off::command, static_cast<std::uint32_t>(regs::command::govern));
    while (regs::card_status::command_busy.get(card_->read(off::card_status)) != 0) card_->relax();
  } catch (const std::runtime_error&) {
    if (!may_lose_card_) throw;
  }
}

void* library_allocator::allocate_pool(POOL_TYPE type, std::size_t bytes, ULONG tag) {
  return ExAllocatePoolWithTag(type, bytes, tag);
}
void library_allocator::free_pool(void* block) { ExFreePool(block); }

processor_stats library_allocator::stats() { return current_processor_stats(); }
std::uint64_t library_allocator::now_ns() { return card_->now_ns(); }
void library_allocator::advance_to(std::uint64_t ns) { card_->advance_to(ns); }
bool library_allocator::has_time() { return !card_name_.starts_with("soft"); }
std::string library_allocator::card_name() { return card_name_; }

std::vector<card_counters::named> library_allocator::injected_faults() {
  std::vector<card_counters::named> out;
  for (const card::injected& f : card_->injected_faults()) out.push_back({f.name, f.count});
  return out;
}

// Of a card that is lost: what they were.
card_counters library_allocator::counters() {
  {
    const std::scoped_lock lock(errors_mutex_);
    if (card_lost_) return counters_;
  }
  try {
    counters_ = read_counters();
  } catch (const std::runtime_error&) {
    if (!may_lose_card_) throw;
  }
  return counters_;
}

card_counters library_allocator::read_counters() {
  card_counters result;
  if (has_time()) {
    result.cycles = read_counter(*card_, regs::counter::cycles);
    result.clock_khz = card_->read(regs::offset::clock);
  }
  result.grants = read_counter(*card_, regs::counter::grant_lines);
  result.blocks_granted = read_counter(*card_, regs::counter::blocks_granted);
  result.releases = read_counter(*card_, regs::counter::release_lines);
  result.blocks_released = read_counter(*card_, regs::counter::blocks_released);
  result.errors = read_counter(*card_, regs::counter::refusals);
  for (unsigned i = 0; i < regs::offset::counters_count; ++i) {
    const char* const name = regs::to_string(static_cast<regs::counter>(i));
    if (name == std::string_view("unknown")) break;
    result.all.push_back({name, read_counter(*card_, i)});
  }
  return result;
}

library_stats library_allocator::library() { return current_library_stats(); }

std::uint64_t library_allocator::errors_reported() {
  const std::scoped_lock lock(errors_mutex_);
  return error_count_;
}

std::vector<std::string> library_allocator::first_errors() {
  const std::scoped_lock lock(errors_mutex_);
  return first_errors_;
}

}  // namespace exalloc::replay
