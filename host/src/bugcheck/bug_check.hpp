// Bug checks: a report, never silent corruption. The public side is exalloc/bugcheck.h.
#pragma once

#include <array>
#include <cstdint>

#include "exalloc/bugcheck.h"

namespace exalloc {

// What a bug check is about, as far as it is known.
struct bug_check_subject {
  const void* block = nullptr;
  std::uint32_t tag = 0;              // 0: not known
  const void* header = nullptr;       // 16 bytes that are printed; null: none
  const char* what = "";              // one sentence: what happened, and what to do
  std::uint32_t token = 0, list = 0;  // token 0: not known
};

// Prints the report, then calls the program's handler, which may throw or not return; without one,
// copies the tables for the core file, writes the dump file if one is asked for, and aborts.
// Returns only if the handler does: nothing has been changed then, and the caller goes on as if the
// call had not been made (an allocation gives NULL). To be called without locks.
void bug_check(std::uint32_t code, const std::array<ULONG_PTR, 4>& parameters,
               const bug_check_subject& subject);

}  // namespace exalloc
