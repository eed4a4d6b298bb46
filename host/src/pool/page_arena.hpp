// Runs of pages for the pool, what each page is used for, and how many a kind may hold.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "exalloc/card.hpp"
#include "fork_mutex.hpp"
#include "mapped_array.hpp"
#include "pool/pool_header.hpp"
#include "pool/short_way.hpp"
#include "range_allocator.hpp"
#include "token_table.hpp"

namespace exalloc {

// Both kinds lie in one reservation of address space, so that finding an address is one comparison
// and one load. Nonpaged pages in use are locked. Thread-safe; what fails sets the last error.
class page_arena {
 public:
  // A draining chunk's page: what is freed there stays in the host, until the page is empty.
  enum class page_use : std::uint8_t { none, chunk, draining, big, big_rest };
  struct page_info {
    page_use use = page_use::none;
    std::uint64_t value = 0;  // chunk: its address / 8; big: its pages
  };
  // What is known of a big run, by its first page.
  struct big_entry {
    pool_header header;
    std::atomic<std::uint64_t> bytes;  // what the caller asked for
  };

  // Reserves as much address space as it gets, at most 64 GiB a kind. Throws std::system_error.
  explicit page_arena(card& device);

  // ---- Pages ----
  // Consecutive pages, null when there are none or the limit is reached. `must_succeed`: from the
  // reserve if need be.
  std::byte* take(pool_kind kind, std::size_t pages, bool must_succeed = false);
  void give_back(std::byte* first, std::size_t pages);
  // Gives the memory of pages in use back, but not their addresses. False if the system does not
  // let it go; then nothing is changed.
  bool park(std::byte* first, std::size_t pages) noexcept;
  // Takes memory for parked pages again. False as with take().
  bool unpark(std::byte* first, std::size_t pages);
  // Gives back the addresses of parked pages.
  void give_back_parked(std::byte* first, std::size_t pages);

  void set_limit(pool_kind kind, std::uint64_t bytes) noexcept;
  struct usage {
    std::uint64_t held, locked, limit, reserve;  // bytes
    std::uint64_t big_blocks, big_pages;
  };
  usage usage_of(pool_kind kind) const noexcept;

  // ---- What they are used for ----
  // `front`: the first page's front_page word, and what each further one has more.
  struct front_words {
    std::uint64_t first, step;
  };
  void describe(std::byte* first, std::size_t pages, page_info each,
                front_words front = {}) noexcept;
  void describe_big(std::byte* first, std::size_t pages, std::size_t bytes) noexcept;
  // Makes a big run nobody's, if it begins there: its pages; 0 if it does not.
  std::size_t claim_big(std::byte* first) noexcept;
  page_info find(const void* address) const noexcept {
    const std::size_t page = page_of(address);
    if (page >= pages_) return {};
    const std::uint64_t word = map_[page].load(std::memory_order_acquire);
    return {static_cast<page_use>(word & 7U), word >> 3};
  }
  void describe_to(short_way& way, state_byte* states) const noexcept {
    way.describe(memory_.data(), pages_, front_.data(), states);
  }
  // Of any address in the reservation.
  pool_kind kind_of(const void* address) const noexcept {
    return page_of(address) < pages_ / 2 ? pool_kind::nonpaged : pool_kind::paged;
  }
  big_entry& big(const void* address) const noexcept { return big_[page_of(address)]; }
  // Calls tell(first, pages) for every big run. Takes no lock.
  template <class Tell>
  void each_big(Tell&& tell) const {
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
      const std::size_t first = k * (pages_ / 2);
      const std::size_t end = first + kinds_[k].high_water.load(std::memory_order_acquire);
      for (std::size_t page = first; page < end; ++page) {
        const std::uint64_t word = map_[page].load(std::memory_order_acquire);
        if (static_cast<page_use>(word & 7U) == page_use::big)
          tell(memory_.data() + page * page_size, static_cast<std::size_t>(word >> 3));
      }
    }
  }

 private:
  struct kind_state {
    range_allocator free{0, 0};
    range_allocator reserve{0, 0};
    std::atomic<std::uint64_t> held{0}, locked{0}, limit{UINT64_MAX}, reserve_pages{0};
    std::atomic<std::uint64_t> big_blocks{0}, big_pages{0};
    std::atomic<std::size_t> high_water{0};  // pages from the kind's first that a core file gets
  };

  std::size_t page_of(const void* address) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(address) -
            reinterpret_cast<std::uintptr_t>(memory_.data())) /
           page_size;
  }
  std::byte* address_of(std::size_t page) const noexcept {
    return memory_.data() + page * page_size;
  }
  kind_state& state_of(const void* address) noexcept {
    return kinds_[static_cast<std::size_t>(kind_of(address))];
  }
  static std::uint64_t pack(page_info i) noexcept {
    return i.value << 3 | static_cast<std::uint64_t>(i.use);
  }
  // Counts pages as held, if the limit allows.
  bool hold(kind_state& k, std::size_t pages) const;
  bool lock(std::byte* first, std::size_t pages);
  bool unlock(std::byte* first, std::size_t pages) noexcept;
  // Under the mutex:
  std::byte* take_addresses(kind_state& k, std::size_t pages);
  void give_back_addresses(kind_state& k, std::byte* first, std::size_t pages);
  std::byte* take_reserve(std::size_t pages);
  void refill_reserve() noexcept;

  card& device_;
  bool locking_;
  std::uint64_t reserve_wanted_;  // pages
  mapped_array<std::byte> memory_;
  std::size_t pages_;
  mapped_array<std::atomic<std::uint64_t>> map_;
  mapped_array<front_page> front_;
  mapped_array<big_entry> big_;
  fork_mutex mutex_{lock_row::arena};
  std::array<kind_state, pool_kinds> kinds_;
};

}  // namespace exalloc
