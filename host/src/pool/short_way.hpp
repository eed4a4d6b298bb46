// What all calls that take the short way (pool_calls.hpp) read first: whether they may, and for the
// pages that most frees are about, plainly used by a class with headers in front, how to get from
// an address to its block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "block.hpp"
#include "pool/pool_header.hpp"
#include "pool/pool_use.hpp"

namespace exalloc {

// A word for each page: the token of its first block above, below where its class's pool_use is
// among the processor's, in bytes. 0: another page.
using front_page = std::atomic<std::uint64_t>;
inline constexpr unsigned front_token_lsb = 32;

// What calls compiled into their caller need of it too is in exalloc_pool_way.
struct short_way {
  std::atomic<front_page*> pages{nullptr};
  std::size_t bytes = 0;  // of all pages

  // The limit must be read first: what else is used here was made before it was set.
  static std::size_t request_limit() noexcept {
    return __atomic_load_n(&exalloc_pool_way.request_limit, __ATOMIC_ACQUIRE);
  }
  static std::size_t address_limit() noexcept {
    return __atomic_load_n(&exalloc_pool_way.address_limit, __ATOMIC_ACQUIRE);
  }
  static std::uintptr_t first_data() noexcept {
    return __atomic_load_n(&exalloc_pool_way.first_data, __ATOMIC_RELAXED);
  }
  static state_byte* states() noexcept {
    return reinterpret_cast<state_byte*>(
        __atomic_load_n(&exalloc_pool_way.states, __ATOMIC_RELAXED));
  }

  // Before open().
  void describe(const void* first_page, std::size_t count, front_page* words,
                state_byte* state_bytes) noexcept {
    __atomic_store_n(&exalloc_pool_way.first_data,
                     reinterpret_cast<std::uintptr_t>(first_page) + sizeof(pool_header),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&exalloc_pool_way.states, reinterpret_cast<UCHAR*>(state_bytes),
                     __ATOMIC_RELAXED);
    pages.store(words, std::memory_order_relaxed);
    bytes = count * page_size;
  }
  void open(bool on) noexcept {
    __atomic_store_n(&exalloc_pool_way.request_limit,
                     on ? pool_use_numbers::largest_request + 1 : 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&exalloc_pool_way.address_limit, on ? bytes : 0, __ATOMIC_SEQ_CST);
  }
};

namespace detail {
inline constinit short_way pool_short_way;
}

}  // namespace exalloc
