// A lookaside list's own Allocate and Free, which count the entries that are out.
#pragma once

#include <atomic>
#include <cstdlib>

#include "exalloc/wdm.h"

namespace exalloc::test {

inline std::atomic<int> entries_out{0};

inline PVOID NTAPI make_entry(POOL_TYPE, SIZE_T bytes, ULONG) {
  ++entries_out;
  return std::malloc(bytes);
}
inline VOID NTAPI drop_entry(PVOID entry) {
  --entries_out;
  std::free(entry);
}

}  // namespace exalloc::test
