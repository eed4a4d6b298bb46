// Free blocks of one list on their way from processors that free them to processors that allocate
// them, past the card: what Bonwick calls a depot, of bundles of tokens.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>

namespace exalloc {

// Tokens in four cache lines. Full or empty, never in between.
struct alignas(64) bundle {
  static constexpr std::uint32_t tokens_each = 64;
  std::array<std::uint32_t, tokens_each> tokens;
};

// Full bundles, and behind them empty ones or none: taking a full one leaves an empty one in its
// place, so that memory goes back to those who fill them, without another visit.
template <std::uint32_t Most>
struct bundle_row {
  static constexpr std::uint32_t most = Most;
  std::uint32_t full = 0;
  std::array<std::unique_ptr<bundle>, Most> at;

  bundle& newest() const noexcept { return *at[full - 1]; }
  // Makes sure that there is an empty bundle at `full`. False: there is no room or no memory.
  bool has_empty() noexcept {
    if (full == Most) return false;
    if (at[full] == nullptr) at[full].reset(new (std::nothrow) bundle);
    return at[full] != nullptr;
  }
  // Moves up to `count` full bundles to another row, which gives what it has there.
  template <std::uint32_t Others>
  std::uint32_t move_to(bundle_row<Others>& to, std::uint32_t count) noexcept {
    count = std::min({count, full, Others - to.full});
    for (std::uint32_t i = 0; i < count; ++i) std::swap(at[--full], to.at[to.full++]);
    return count;
  }
};

// Of one processor.
using bundle_stash = bundle_row<16>;

// Of a list, for all processors. Entered only under a processor's or a list's lock, so that fork()
// finds nobody in here.
class depot {
 public:
  static constexpr std::uint32_t most = 31;

  // Moves full bundles here, as long as there are fewer than `limit`; how many. None if another
  // thread is in here: nobody waits for one that was stopped.
  std::uint32_t put(bundle_stash& from, std::uint32_t count, std::uint32_t limit) noexcept {
    if (!enter()) return 0;
    const std::uint32_t room = row_.full < limit ? limit - row_.full : 0;
    const std::uint32_t moved = from.move_to(row_, std::min(count, room));
    leave();
    return moved;
  }
  // Moves up to `count` full bundles from here; how many. The same.
  std::uint32_t take(bundle_stash& to, std::uint32_t count) noexcept {
    if (!enter()) return 0;
    const std::uint32_t moved = row_.move_to(to, count);
    leave();
    return moved;
  }
  // One at least, unless there is none for sure.
  std::uint32_t take_surely(bundle_stash& to, std::uint32_t count) noexcept {
    wait();
    const std::uint32_t moved = row_.move_to(to, count);
    leave();
    return moved;
  }
  // Empties it: calls visit(token); how many.
  template <class Visit>
  std::size_t take_all(Visit&& visit) {
    wait();
    const std::size_t bundles = row_.full;
    for (; row_.full != 0; --row_.full)
      for (const std::uint32_t token : row_.newest().tokens) visit(token);
    leave();
    return bundles * bundle::tokens_each;
  }
  // For whoever will be here soon.
  void prefetch() const noexcept {
    const auto* first = reinterpret_cast<const std::byte*>(&busy_);
    for (std::size_t i = 0; i < sizeof(*this); i += 64) __builtin_prefetch(first + i, 1);
  }

 private:
  bool enter() noexcept {
    return !busy_.load(std::memory_order_relaxed) &&
           !busy_.exchange(true, std::memory_order_acquire);
  }
  void wait() noexcept {
    // Sleeps, so that a thread of higher priority leaves it the processor.
    for (unsigned tries = 0; !enter(); ++tries)
      if (tries >= 100) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  void leave() noexcept { busy_.store(false, std::memory_order_release); }

  // In one line with the first few bundles: mostly there are no more.
  alignas(64) std::atomic<bool> busy_{false};
  bundle_row<most> row_;
};

}  // namespace exalloc
