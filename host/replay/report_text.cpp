#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "picture.hpp"
#include "report.hpp"

namespace exalloc::replay {
namespace {

using out = std::back_insert_iterator<std::string>;

// 1234567 as 1,234,567.
std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

void row(out o, std::string_view what, std::uint64_t value, std::string_view remark = "") {
  fmt::format_to(o, "  {:<20} {:>14}{}{}\n", what, grouped(value), remark.empty() ? "" : "   ",
                 remark);
}

void totals(out o, const replay_result& r) {
  fmt::format_to(o, "Totals\n");
  row(o, "lines", r.lines);
  row(o, "events", r.events, "allocations and frees in the trace");
  row(o, "allocations", r.allocations);
  row(o, "frees", r.frees, "of blocks that the trace had allocated");
  row(o, "  on another CPU", r.remote_frees, "than the one that allocated the block");
  row(o, "null frees", r.null_frees);
  row(o, "unmatched frees", r.unmatched_frees, "allocated before the trace began; not performed");
  row(o, "untraced frees", r.untraced_frees, "address allocated again while live; freed first");
  if (r.null_allocations != 0) {
    row(o, "null allocations", r.null_allocations, "failed when recorded; not performed");
  }
  if (r.malformed_lines != 0) row(o, "malformed lines", r.malformed_lines, "skipped");
  row(o, "failed allocations", r.failed_allocations);
  row(o, "peak live", r.peak_live, "blocks");
  row(o, "peak bytes", r.peak_bytes, "requested");
  row(o, "live at the end", r.live_at_end);
}

// The busiest first, and how wide their names are.
struct sorted_lists {
  std::vector<const list_result*> all;
  std::size_t name_width = 4;

  explicit sorted_lists(const replay_result& r) {
    for (const list_result& list : r.lists) {
      all.push_back(&list);
      name_width = std::max(name_width, list.name.size());
    }
    std::stable_sort(all.begin(), all.end(), [](const list_result* a, const list_result* b) {
      return a->allocations > b->allocations;
    });
  }
};

void lists(out o, const replay_result& r) {
  const auto [sorted, name_width] = sorted_lists(r);
  fmt::format_to(o,
                 "\nLists\n  {:<{}} {:<9} {:>8} {:>9} {:>9} {:>7} {:>7} {:>7} {:>9} {:>8} {:>7}\n",
                 "name", name_width, "kind", "size", "allocs", "frees", "peak", "carved", "extends",
                 "hits", "refills", "misses");
  for (const list_result* list : sorted) {
    // Only a zone has segments of ours.
    const std::string carved = list->kind == list_kind::zone ? std::to_string(list->carved) : "-";
    const std::string extends = list->kind == list_kind::zone ? std::to_string(list->extends) : "-";
    fmt::format_to(o, "  {:<{}} {:<9} {:>8} {:>9} {:>9} {:>7} {:>7} {:>7} {:>9} {:>8} {:>7}\n",
                   list->name, name_width, to_string(list->kind), list->block_size,
                   list->allocations, list->frees, list->peak_live, carved, extends,
                   list->magazine_hits, list->card_refills, list->misses);
  }
}

// As the debugger's !lookaside shows them.
void lookasides(out o, const replay_result& r) {
  if (r.caches != cache_kind::lookaside) return;
  const auto [sorted, name_width] = sorted_lists(r);
  fmt::format_to(o,
                 "\nLookaside lists{}\n  {:<{}} {:>5} {:>5} {:>8} {:>9} {:>9} {:>9} {:>9} {:>8}\n",
                 r.magazines ? "" : ", without magazines", "name", name_width, "depth", "max",
                 "size", "allocates", "misses", "frees", "misses", "hit rate");
  for (const list_result* list : sorted) {
    if (!list->lookaside) continue;
    const lookaside_figures& l = *list->lookaside;
    fmt::format_to(o, "  {:<{}} {:>5} {:>5} {:>8} {:>9} {:>9} {:>9} {:>9} {:>7.1f}%\n", list->name,
                   name_width, l.depth, l.maximum_depth, l.size, l.allocates, l.allocate_misses,
                   l.frees, l.free_misses, 100 * l.hit_rate());
  }
}

void latencies(out o, const replay_result& r, bool unicode) {
  if (!r.has_latencies) {
    fmt::format_to(o, "\nLatency: the {} card has no time; replay on --card sim\n", r.card);
    return;
  }
  fmt::format_to(o,
                 "\nLatency, simulated ns ({} ns in all)\n  {:<9} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
                 grouped(r.simulated_ns), "", "p50", "p90", "p99", "p99.9", "max");
  const auto line = [&](std::string_view name, const distribution& values) {
    fmt::format_to(o, "  {:<9}", name);
    for (const double share : {0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto value = values.percentile(share);
      fmt::format_to(o, " {:>8}", value ? std::to_string(*value) : "-");
    }
    fmt::format_to(o, "\n");
  };
  line("allocate", r.allocate_ns);
  line("free", r.free_ns);
  row(o, "frees that waited", r.frees_that_waited);
  fmt::format_to(o, "\nAllocation latency, from\n{}", picture(r.allocate_ns, "ns", unicode));
  fmt::format_to(o, "\nFree latency, from\n{}", picture(r.free_ns, "ns", unicode));
}

void card(out o, const replay_result& r) {
  fmt::format_to(o, "\nCard counters, of the trace\n");
  if (r.counters.clock_khz) {
    fmt::format_to(o, "  {:<20} {:>14.3f}\n", "clock MHz",
                   static_cast<double>(*r.counters.clock_khz) / 1000);
  }
  for (const auto& counter : r.counters.all) row(o, counter.name, counter.value);
  fmt::format_to(o, "\nLibrary, with the checks at the end\n");
  row(o, "recalls", r.library.recalls);
  row(o, "recalled blocks", r.library.recalled_blocks);
  row(o, "scarce entries", r.library.scarce_entries);
  row(o, "errors", r.library.errors);
}

void faults(out o, const replay_result& r) {
  if (r.faults.empty()) return;
  fmt::format_to(o, "\nFaults injected\n");
  for (const auto& fault : r.faults) row(o, fault.name, fault.value);
}

void checks(out o, const replay_result& r) {
  const findings& c = r.checks;
  fmt::format_to(o, "\nChecks\n");
  row(o, "overlapping blocks", c.overlapping);
  row(o, "outside a segment", c.outside_segment);
  row(o, "corrupted blocks", c.corrupted);
  row(o, "lost blocks", c.lost);
  row(o, "wrong answers", c.wrong_answers);
  row(o, "errors reported", r.errors_reported);
  for (const std::string& text : c.first) fmt::format_to(o, "  ! {}\n", text);
  for (const std::string& text : r.first_errors) fmt::format_to(o, "  ! {}\n", text);
  fmt::format_to(o, "  {}\n", r.passed() ? "passed" : "FAILED");
}

}  // namespace

std::string text_report(const replay_result& r, bool unicode) {
  std::string text;
  const out o(text);
  fmt::format_to(o, "{} ({}) on card {}{}{}: {} processors, seed {}, {} timing{}, {:.1f} s\n",
                 r.trace, to_string(r.format), r.card, r.link.empty() ? "" : ", link ", r.link,
                 r.processors, r.seed, to_string(r.timing), r.warmed ? ", played once before" : "",
                 r.wall_seconds);
  if (r.counters.cycles && r.wall_seconds > 0) {
    fmt::format_to(o, "{} card cycles simulated a second, left-out ones counted\n",
                   grouped(static_cast<std::uint64_t>(static_cast<double>(*r.counters.cycles) /
                                                      r.wall_seconds)));
  }
  fmt::format_to(o, "\n");
  totals(o, r);
  lists(o, r);
  lookasides(o, r);
  fmt::format_to(o, "\nRequested bytes, from\n{}", picture(r.sizes, "B ", unicode));
  latencies(o, r, unicode);
  card(o, r);
  faults(o, r);
  checks(o, r);
  return text;
}

}  // namespace exalloc::replay
