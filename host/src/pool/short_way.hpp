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

struct alignas(64) short_way {
  // Requests from this on go the long way.
  std::atomic<std::size_t> request_limit{0};
  // So do frees of what is so far behind `first_data`, in bytes.
  std::atomic<std::size_t> address_limit{0};
  std::atomic<std::uintptr_t> first_data{0};  // where the first page's first block's data would be
  std::atomic<front_page*> pages{nullptr};
  std::atomic<state_byte*> states{nullptr};  // by token
  std::size_t bytes = 0;                     // of all pages

  // Before open().
  void describe(const void* first_page, std::size_t count, front_page* words,
                state_byte* state_bytes) noexcept {
    first_data.store(reinterpret_cast<std::uintptr_t>(first_page) + sizeof(pool_header),
                     std::memory_order_relaxed);
    pages.store(words, std::memory_order_relaxed);
    states.store(state_bytes, std::memory_order_relaxed);
    bytes = count * page_size;
  }
  void open(bool on) noexcept {
    request_limit.store(on ? pool_use_numbers::largest_request + 1 : 0);
    address_limit.store(on ? bytes : 0);
  }
};

namespace detail {
inline constinit short_way pool_short_way;
}

}  // namespace exalloc
