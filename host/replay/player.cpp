#include "player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace exalloc::replay {
namespace {

// While stocks are filled, a pass of the depth governor comes after so many: some dozens in a
// trace.
constexpr std::uint64_t events_per_pass = 4096;
// After that the card is given time to answer what it was asked ahead of need.
constexpr std::uint64_t rest_ns = 20'000;
constexpr std::uint64_t clock_skew_ns = 1000;  // processors start within this of each other

constexpr ULONG tag(const char (&text)[5]) {
  ULONG value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(text[i]);
  return value;
}

// ZONE_HEADER counts segments in 32 bits, and no kmem_cache comes near it.
constexpr std::uint64_t largest_cache_block = 16 * 1024 * 1024;

constexpr std::uint64_t round_to_8(std::uint64_t bytes) {
  return std::max<std::uint64_t>((bytes + 7) / 8 * 8, 8);
}

// A card that has been reset counts from 0 again.
void subtract(std::uint64_t& now, std::uint64_t before) { now -= std::min(now, before); }

card_counters difference(card_counters now, const card_counters& before) {
  if (now.cycles && before.cycles) subtract(*now.cycles, *before.cycles);
  subtract(now.grants, before.grants);
  subtract(now.blocks_granted, before.blocks_granted);
  subtract(now.releases, before.releases);
  subtract(now.blocks_released, before.blocks_released);
  subtract(now.errors, before.errors);
  for (std::size_t i = 0; i < std::min(now.all.size(), before.all.size()); ++i) {
    subtract(now.all[i].value, before.all[i].value);
  }
  return now;
}

}  // namespace

player::player(allocator& calls, const settings& how)
    : calls_(calls),
      how_(how),
      random_(how.seed),
      warming_(how.warm),
      counters_at_start_(calls.counters()),
      pool_tag_(tag("Rply")),
      time_zero_(calls.now_ns()) {
  result_ = fresh_result();
}

replay_result player::fresh_result() const {
  replay_result r;
  r.seed = how_.seed;
  r.caches = how_.caches;
  r.timing = how_.timing;
  r.warmed = how_.warm;
  r.magazines = calls_.magazines();
  r.card = calls_.card_name();
  r.link = calls_.link_name();
  r.has_latencies = calls_.has_time();
  return r;
}

void player::enter(const event& e) {
  calls_.enter(e.processor);
  const auto [at, is_new] = clocks_.try_emplace(e.processor, 0);
  clock_ = &at->second;
  if (result_.timing == call_timing::closed) {
    if (is_new) *clock_ = random_() % clock_skew_ns;
    return;
  }
  // A trace of several processors may be a little out of order.
  due_ = std::max(*e.time_ns, *first_time_) - *first_time_;
}

// The order of the trace is kept: no event begins before the one that stands above it, but the
// processors' calls overlap in time as they did when the trace was recorded.
template <typename function>
player::call_cost player::timed(function&& call) {
  // Whoever calls at its own time has waited for the call that still ran on its processor.
  const bool open = result_.timing == call_timing::open;
  const std::uint64_t late = open && *clock_ > due_ ? *clock_ - due_ : 0;
  *clock_ = std::max({*clock_, last_start_, due_});
  last_start_ = *clock_;
  calls_.advance_to(time_zero_ + *clock_);
  const processor_stats before = calls_.stats();
  const std::uint64_t began = calls_.now_ns();
  call();
  const processor_stats after = calls_.stats();
  // Commands to the card (a zone is extended) are no waits for a ring, but their time passes too.
  const std::uint64_t ns =
      std::max(host_cost_ns(how_.model, before, after), calls_.now_ns() - began);
  *clock_ += ns;
  if (open) due_ = *clock_;  // of a second call for the same event
  return {
      late + ns,
      after.slow_allocations != before.slow_allocations || after.slow_frees != before.slow_frees,
      after.waits != before.waits};
}

player::list& player::add_list(std::string name, list_kind kind, std::uint64_t block_size) {
  auto fresh = std::make_unique<list>();
  if (kind == list_kind::zone) {
    fresh->zone =
        std::make_unique<zone_list>(calls_, checker_, random_, name, block_size, how_.zone_blocks);
  } else if (kind == list_kind::lookaside) {
    fresh->cache = std::make_unique<lookaside_cache>(calls_, checker_, name, block_size, pool_tag_);
  }
  fresh->counts.name = std::move(name);
  fresh->counts.kind = kind;
  fresh->counts.block_size = block_size;
  lists_.push_back(std::move(fresh));
  return *lists_.back();
}

player::list& player::list_of(const event& e) {
  const bool is_cache = e.kind == event_kind::cache_allocate && e.allocated <= largest_cache_block;
  // Pool blocks are counted by what the traced allocator gave, or by the next power of two.
  const std::uint64_t size = is_cache ? round_to_8(e.allocated)
                             : e.allocated != 0
                                 ? e.allocated
                                 : std::bit_ceil(std::max<std::uint64_t>(e.requested, 16));
  const std::string_view family = e.kind == event_kind::cache_allocate
                                      ? (e.cache.empty() ? std::string_view("cache") : e.cache)
                                  : e.allocated != 0 ? std::string_view("kmalloc")
                                                     : std::string_view("malloc");
  // Caches and pool sizes are apart even if a cache is called like a pool.
  const auto family_at = by_name_.find(family);
  auto& sizes =
      family_at != by_name_.end()
          ? family_at->second
          : by_name_.emplace(std::string(family), std::map<std::uint64_t, list*>()).first->second;
  const std::uint64_t key = size * 2 + (is_cache ? 1 : 0);
  if (const auto at = sizes.find(key); at != sizes.end()) return *at->second;
  // A cache that was made again with another size gets a second list.
  const bool needs_size = !is_cache || e.cache.empty() || !sizes.empty();
  std::string name = needs_size ? fmt::format("{}-{}", family, size) : std::string(family);
  const list_kind kind = !is_cache                            ? list_kind::pool
                         : result_.caches == cache_kind::zone ? list_kind::zone
                                                              : list_kind::lookaside;
  list& fresh = add_list(std::move(name), kind, size);
  sizes.emplace(key, &fresh);
  return fresh;
}

void player::play(const event& e, std::uint64_t line) {
  ++result_.events;
  if (warming_ && result_.events % events_per_pass == 0) calls_.govern();
  if (!first_time_) first_time_ = e.time_ns;
  checker_.at_line(line);
  if (is_allocation(e.kind)) {
    allocate(e);
  } else {
    free(e);
  }
}

void player::allocate(const event& e) {
  if (e.address == 0) {
    ++result_.null_allocations;
    return;
  }
  enter(e);
  if (const auto old = live_.find(e.address); old != live_.end()) {
    ++result_.untraced_frees;
    const live_block block = old->second;
    live_.erase(old);
    timed([&] { release(block); });
  }
  list& from = list_of(e);
  void* block = nullptr;
  const POOL_TYPE pool_type = e.allocated != 0 ? NonPagedPool : PagedPool;
  const call_cost cost = timed([&] {
    block = from.zone    ? from.zone->allocate()
            : from.cache ? from.cache->allocate()
                         : calls_.allocate_pool(pool_type, e.requested, pool_tag_);
  });
  if (block == nullptr) {
    ++result_.failed_allocations;
    return;
  }
  const std::uint64_t stamp =
      from.zone    ? checker_.allocated(from.zone->number(), block, from.zone->block_size())
      : from.cache ? checker_.allocated(from.cache->number(), block, from.cache->block_size())
                   : checker_.allocated(shadow::pool, block, e.requested);
  live_.emplace(e.address, live_block{block, &from, stamp, e.requested, order_++, e.processor});

  list_result& counts = from.counts;
  ++(cost.waited ? counts.misses : cost.was_slow ? counts.card_refills : counts.magazine_hits);
  ++counts.allocations;
  counts.peak_live = std::max(counts.peak_live, ++counts.live);
  ++result_.allocations;
  result_.peak_live = std::max<std::uint64_t>(result_.peak_live, live_.size());
  live_bytes_ += e.requested;
  result_.peak_bytes = std::max(result_.peak_bytes, live_bytes_);
  result_.sizes.add(e.requested);
  result_.allocate_ns.add(cost.ns);
}

void player::free(const event& e) {
  if (e.address == 0) {
    ++result_.null_frees;
    return;
  }
  const auto at = live_.find(e.address);
  if (at == live_.end()) {
    ++result_.unmatched_frees;
    return;
  }
  const live_block block = at->second;
  live_.erase(at);
  enter(e);
  const call_cost cost = timed([&] { release(block); });
  if (cost.waited) ++result_.frees_that_waited;
  if (e.processor != block.processor) ++result_.remote_frees;
  ++block.from->counts.frees;
  ++result_.frees;
  result_.free_ns.add(cost.ns);
}

// A block goes back where it came from, whatever the event that frees it is called: kfree takes
// cache blocks too, and caches of one size are merged under several names.
void player::release(const live_block& block) {
  list& from = *block.from;
  --from.counts.live;
  live_bytes_ -= block.requested;
  if (from.zone) {
    from.zone->free(block.block, block.stamp);
  } else if (from.cache) {
    from.cache->free(block.block, block.stamp);
  } else {
    checker_.freed(shadow::pool, block.block, block.stamp);
    calls_.free_pool(block.block);
  }
}

// In the order of their allocation, on the processors that allocated them.
void player::release_all() {
  std::vector<live_block> left;
  left.reserve(live_.size());
  for (const auto& [address, block] : live_) left.push_back(block);
  live_.clear();
  std::sort(left.begin(), left.end(),
            [](const live_block& a, const live_block& b) { return a.order < b.order; });
  for (const live_block& block : left) {
    calls_.enter(block.processor);
    release(block);
  }
}

void player::start_over() {
  checker_.at_line(0);
  release_all();
  warming_ = false;
  calls_.advance_to(calls_.now_ns() + rest_ns);
  result_ = fresh_result();
  for (const auto& one : lists_) {
    list_result counts;
    counts.name = one->counts.name;
    counts.kind = one->counts.kind;
    counts.block_size = one->counts.block_size;
    one->counts = std::move(counts);
    if (one->cache) one->before = one->cache->figures();
  }
  clocks_.clear();
  clock_ = nullptr;
  last_start_ = due_ = 0;
  first_time_.reset();
  counters_at_start_ = calls_.counters();
  time_zero_ = calls_.now_ns();
}

replay_result player::finish() {
  checker_.at_line(0);
  result_.live_at_end = live_.size();
  result_.processors = clocks_.size();
  for (const auto& [processor, clock] : clocks_) {
    result_.simulated_ns = std::max(result_.simulated_ns, clock);
  }
  result_.counters = difference(calls_.counters(), counters_at_start_);

  for (const auto& one : lists_) {
    if (one->cache) one->counts.lookaside = one->cache->figures().since(one->before);
  }
  release_all();
  for (const auto& one : lists_) {
    if (one->zone) {
      one->zone->check_at_end();
      one->counts.carved = checker_.carved(one->zone->number());
      one->counts.extends = one->zone->extends();
    }
    if (one->cache) one->cache->check_at_end();
    result_.lists.push_back(one->counts);
    one->zone.reset();
    one->cache.reset();
  }
  result_.library = calls_.library();
  result_.faults = calls_.injected_faults();
  result_.errors_reported = calls_.errors_reported();
  result_.first_errors = calls_.first_errors();
  result_.checks = checker_.found();
  return std::move(result_);
}

}  // namespace exalloc::replay
