// The pool as its callers know it: what is checked, stamped, counted and charged around the blocks
// of pool_memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exalloc {

struct pool_order {
  std::uint32_t type;  // POOL_TYPE and modifiers
  std::size_t bytes;
  std::uint32_t tag;
  const void* caller;  // the address the call returns to
  bool quota = false;
};

enum class pool_failure : std::uint8_t {
  none,
  shortage,    // of memory, or of blocks on the card
  over_quota,  // only with quota
  refused,     // there was a bug check, and its handler returned
};
struct pool_result {
  void* data = nullptr;
  pool_failure failure = pool_failure::none;
};

// The functions below may raise bug checks, whose handler may throw or jump: they are not noexcept,
// and are to be called without locks and without objects that need a destructor.

// Memory that is not initialised. Neither raises a status nor looks at the modifiers that ask for
// it.
pool_result allocate_pool(const pool_order& order);
// Tag 0: not to be compared.
void free_pool(void* data, std::uint32_t tag);

}  // namespace exalloc
