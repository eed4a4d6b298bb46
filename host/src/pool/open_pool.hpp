// The first use of the pool: what the environment says is read and applied.
#pragma once

#include <atomic>

#include "pool/pool_memory.hpp"

namespace exalloc {

namespace detail {
// Null before open_pool().
extern constinit std::atomic<pool_memory*> opened_memory;
}  // namespace detail

// Opens the card if need be. Throws std::runtime_error.
pool_memory& open_pool();
// The same, but reports the error and returns null.
pool_memory* open_pool_or_report() noexcept;

}  // namespace exalloc
