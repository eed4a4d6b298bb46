#include "pool/leaks.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "pool/attention.hpp"
#include "pool/findings.hpp"
#include "pool/tag_table.hpp"
#include "pool/tag_text.hpp"

namespace exalloc {
namespace {

constinit std::atomic<bool> at_exit{false};

// The program's own static objects are gone by then, so that what they free is no leak; and what
// the card found out last is told.
[[gnu::destructor]] void end_of_process() {
  if ((attention::reasons() & attention::findings) != 0) raise_findings();
  if (!at_exit.load(std::memory_order_relaxed)) return;
  try {
    report_leaks();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "exalloc: the leak report failed: %s\n", e.what());
  }
}

}  // namespace

std::uint64_t report_leaks() {
  std::uint64_t blocks = 0, bytes = 0;
  std::string rows;
  for (const tag_usage& u : tag_usages()) {
    const std::uint64_t left = u.allocations - u.frees;
    if (left == 0) continue;
    blocks += left;
    bytes += u.bytes;
    rows += fmt::format("  {:<4} {:<5} {:>12} {:>14}\n", tag_text(u.tag).view(), kind_name(u.kind),
                        left, u.bytes);
  }
  const std::string text = blocks == 0 ? std::string("exalloc: no pool is left\n")
                                       : fmt::format(
                                             "exalloc: {} pool blocks of {} bytes were not freed\n"
                                             "  Tag  Type        Blocks          Bytes\n{}",
                                             blocks, bytes, rows);
  std::fputs(text.c_str(), stderr);
  return blocks;
}

void report_leaks_at_exit() noexcept { at_exit.store(true, std::memory_order_relaxed); }

}  // namespace exalloc
