#include "pool/page_arena.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <system_error>

#include "errors.hpp"
#include "from_environment.hpp"
#include "pool/settings.hpp"

namespace exalloc {
namespace {

constexpr std::size_t most_bytes = std::size_t{128} << 30;
constexpr std::size_t least_bytes = std::size_t{128} << 20;
constexpr std::uint64_t default_reserve = 64 << 10;
// What a core file gets grows and shrinks in such steps, so that the system need not be told often.
constexpr std::size_t dump_step = (std::size_t{2} << 20) / page_size;

mapped_array<std::byte> reserve() {
  for (std::size_t bytes = most_bytes;; bytes /= 2) {
    try {
      return mapped_array<std::byte>(bytes);
    } catch (const std::system_error&) {
      if (bytes <= least_bytes) throw;
    }
  }
}

// Nobody needs it in a core file.
template <class T>
void leave_out_of_dumps(const mapped_array<T>& a) {
  ::madvise(a.data(), a.size() * sizeof(T), MADV_DONTDUMP);
}

const char* name_of(pool_kind kind) { return kind == pool_kind::paged ? "paged" : "nonpaged"; }

}  // namespace

page_arena::page_arena(card& device)
    : device_(device),
      locking_(text_from_environment("EXALLOC_LOCK") != "0"),
      reserve_wanted_(
          (size_setting("EXALLOC_MUST_SUCCEED_RESERVE", default_reserve) + page_size - 1) /
          page_size),
      memory_(reserve()),
      pages_(memory_.size() / page_size),
      map_(pages_),
      front_(pages_),
      big_(pages_) {
  // A huge page would take memory for pages that are not in use, or no longer.
  ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
  leave_out_of_dumps(memory_);
  leave_out_of_dumps(map_);
  leave_out_of_dumps(front_);
  leave_out_of_dumps(big_);
  kinds_[0].free = range_allocator(0, pages_ / 2);
  kinds_[1].free = range_allocator(pages_ / 2, pages_ / 2);
  if (!locking_)
    post_error({"EXALLOC_LOCK=0: nonpaged pool is not locked, and a card could not rely on it",
                "ok", nullptr, 0, 0, -1});
  const std::lock_guard guard(mutex_);
  refill_reserve();
}

bool page_arena::hold(kind_state& k, std::size_t pages) const {
  const std::uint64_t bytes = pages * page_size;
  std::uint64_t held = k.held.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t limit = k.limit.load(std::memory_order_relaxed);
    if (held > limit || limit - held < bytes) {
      set_last_error(fmt::format(
          "the {} pool is at its limit: {} of {} bytes are held, {} more were needed",
          name_of(&k == &kinds_[0] ? pool_kind::nonpaged : pool_kind::paged), held, limit, bytes));
      return false;
    }
    if (k.held.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed)) return true;
  }
}

bool page_arena::lock(std::byte* first, std::size_t pages) {
  if (kind_of(first) == pool_kind::paged || !locking_) return true;
  try {
    device_.lock_memory(first, pages * page_size);
  } catch (const std::system_error& e) {
    set_last_error(fmt::format(
        "nonpaged pool: {} bytes cannot be locked ({}; {} are): raise RLIMIT_MEMLOCK (ulimit -l), "
        "or set EXALLOC_LOCK=0 to go without locking",
        pages * page_size, e.code().message(), kinds_[0].locked.load(std::memory_order_relaxed)));
    return false;
  }
  kinds_[0].locked.fetch_add(pages * page_size, std::memory_order_relaxed);
  return true;
}

bool page_arena::unlock(std::byte* first, std::size_t pages) noexcept {
  if (kind_of(first) == pool_kind::paged || !locking_) return true;
  if (!device_.unlock_memory(first, pages * page_size)) return false;
  kinds_[0].locked.fetch_sub(pages * page_size, std::memory_order_relaxed);
  return true;
}

std::byte* page_arena::take_addresses(kind_state& k, std::size_t pages) {
  const auto first = k.free.take(pages);
  if (!first) {
    set_last_error(
        fmt::format("the pool has no {} consecutive pages of address space left", pages));
    return nullptr;
  }
  const std::size_t base = &k == &kinds_[0] ? 0 : pages_ / 2;
  const std::size_t end = *first - base + pages;
  if (const std::size_t dumped = k.high_water.load(std::memory_order_relaxed); end > dumped) {
    const std::size_t now = std::min((end + dump_step - 1) / dump_step * dump_step, pages_ / 2);
    ::madvise(address_of(base + dumped), (now - dumped) * page_size, MADV_DODUMP);
    k.high_water.store(now, std::memory_order_release);
  }
  return address_of(*first);
}

void page_arena::give_back_addresses(kind_state& k, std::byte* first, std::size_t pages) {
  k.free.give_back(page_of(first), pages);
  const std::size_t base = &k == &kinds_[0] ? 0 : pages_ / 2;
  const std::size_t dumped = k.high_water.load(std::memory_order_relaxed);
  const std::size_t end = k.free.end_of_use(base + pages_ / 2) - base;
  // A step is left, so that a run that comes and goes costs nothing.
  const std::size_t now = (end + dump_step - 1) / dump_step * dump_step + dump_step;
  if (now >= dumped) return;
  k.high_water.store(now, std::memory_order_release);
  ::madvise(address_of(base + now), (dumped - now) * page_size, MADV_DONTDUMP);
}

std::byte* page_arena::take(pool_kind kind, std::size_t pages, bool must_succeed) {
  kind_state& k = kinds_[static_cast<std::size_t>(kind)];
  const bool reserve = must_succeed && kind == pool_kind::nonpaged;
  if (hold(k, pages)) {
    std::byte* first = nullptr;
    {
      const std::lock_guard guard(mutex_);
      first = take_addresses(k, pages);
    }
    if (first != nullptr) {
      if (lock(first, pages)) return first;
      const std::lock_guard guard(mutex_);
      give_back_addresses(k, first, pages);
    }
    k.held.fetch_sub(pages * page_size, std::memory_order_relaxed);
  }
  if (!reserve) return nullptr;
  const std::lock_guard guard(mutex_);
  return take_reserve(pages);
}

std::byte* page_arena::take_reserve(std::size_t pages) {
  kind_state& k = kinds_[0];
  const auto first = k.reserve.take(pages);
  if (!first) return nullptr;
  k.reserve_pages.fetch_sub(pages, std::memory_order_relaxed);
  k.held.fetch_add(pages * page_size, std::memory_order_relaxed);
  return address_of(*first);
}

void page_arena::refill_reserve() noexcept {
  kind_state& k = kinds_[0];
  try {
    const std::uint64_t has = k.reserve_pages.load(std::memory_order_relaxed);
    if (has >= reserve_wanted_) return;
    const std::size_t missing = reserve_wanted_ - has;
    std::byte* first = take_addresses(k, missing);
    if (first == nullptr) return;
    if (!lock(first, missing)) {
      give_back_addresses(k, first, missing);
      return;
    }
    k.reserve.give_back(page_of(first), missing);
    k.reserve_pages.fetch_add(missing, std::memory_order_relaxed);
  } catch (const std::exception& e) {
    set_last_error(e.what());
  }
}

void page_arena::give_back(std::byte* first, std::size_t pages) {
  kind_state& k = state_of(first);
  k.held.fetch_sub(pages * page_size, std::memory_order_relaxed);
  if (&k == &kinds_[0]) {
    const std::lock_guard guard(mutex_);
    const std::uint64_t has = k.reserve_pages.load(std::memory_order_relaxed);
    if (has < reserve_wanted_) {
      // The reserve comes first.
      const std::size_t kept = std::min<std::size_t>(pages, reserve_wanted_ - has);
      k.reserve.give_back(page_of(first), kept);
      k.reserve_pages.fetch_add(kept, std::memory_order_relaxed);
      first += kept * page_size;
      pages -= kept;
    }
  }
  if (pages == 0) return;
  if (unlock(first, pages)) ::madvise(first, pages * page_size, MADV_DONTNEED);
  const std::lock_guard guard(mutex_);
  give_back_addresses(k, first, pages);
}

bool page_arena::park(std::byte* first, std::size_t pages) noexcept {
  if (!unlock(first, pages)) return false;
  ::madvise(first, pages * page_size, MADV_DONTNEED);
  state_of(first).held.fetch_sub(pages * page_size, std::memory_order_relaxed);
  return true;
}

bool page_arena::unpark(std::byte* first, std::size_t pages) {
  kind_state& k = state_of(first);
  if (!hold(k, pages)) return false;
  if (lock(first, pages)) return true;
  k.held.fetch_sub(pages * page_size, std::memory_order_relaxed);
  return false;
}

void page_arena::give_back_parked(std::byte* first, std::size_t pages) {
  kind_state& k = state_of(first);
  const std::lock_guard guard(mutex_);
  give_back_addresses(k, first, pages);
  if (&k == &kinds_[0]) refill_reserve();
}

void page_arena::set_limit(pool_kind kind, std::uint64_t bytes) noexcept {
  kinds_[static_cast<std::size_t>(kind)].limit.store(bytes, std::memory_order_relaxed);
}

page_arena::usage page_arena::usage_of(pool_kind kind) const noexcept {
  const kind_state& k = kinds_[static_cast<std::size_t>(kind)];
  const auto get = [](const std::atomic<std::uint64_t>& v) {
    return v.load(std::memory_order_relaxed);
  };
  return {get(k.held),       get(k.locked),   get(k.limit), get(k.reserve_pages) * page_size,
          get(k.big_blocks), get(k.big_pages)};
}

void page_arena::describe(std::byte* first, std::size_t pages, page_info each,
                          front_words front) noexcept {
  const std::size_t page = page_of(first);
  for (std::size_t i = 0; i < pages; ++i) {
    front_[page + i].store(front.first + i * front.step, std::memory_order_relaxed);
    map_[page + i].store(pack(each), std::memory_order_release);
  }
}

void page_arena::describe_big(std::byte* first, std::size_t pages, std::size_t bytes) noexcept {
  big(first).bytes.store(bytes, std::memory_order_relaxed);
  kind_state& k = state_of(first);
  k.big_blocks.fetch_add(1, std::memory_order_relaxed);
  k.big_pages.fetch_add(pages, std::memory_order_relaxed);
  describe(first + page_size, pages - 1, {page_use::big_rest, 0});
  describe(first, 1, {page_use::big, pages});
}

std::size_t page_arena::claim_big(std::byte* first) noexcept {
  std::atomic<std::uint64_t>& word = map_[page_of(first)];
  std::uint64_t value = word.load(std::memory_order_acquire);
  // Of two frees at the same moment one gets it.
  if (static_cast<page_use>(value & 7U) != page_use::big ||
      !word.compare_exchange_strong(value, 0, std::memory_order_acq_rel))
    return 0;
  const std::size_t pages = value >> 3;
  describe(first, pages, {});
  kind_state& k = state_of(first);
  k.big_blocks.fetch_sub(1, std::memory_order_relaxed);
  k.big_pages.fetch_sub(pages, std::memory_order_relaxed);
  return pages;
}

}  // namespace exalloc
