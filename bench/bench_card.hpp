// `exalloc bench card`: blocks a second and latencies of a card as this machine's processors see
// them, in wall time: of a real card, through XRT, above all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace exalloc::bench {

struct wall_spread {  // ns of wall time
  std::uint64_t p50 = 0, p99 = 0, p999 = 0, max = 0;
};
struct card_case {
  unsigned threads = 0;     // each with a portal of its own
  unsigned stock = 0;       // tokens a thread has ready or asked for
  double blocks_per_s = 0;  // allocated, and as many freed
  // What engine and link allow; the latter only if the link is known.
  double bound_blocks_per_s = 0;
  const char* bound_by = "";
  double naive_blocks_per_s = 0;  // one register read an allocation, one register write a free
  wall_spread register_read_ns;
  wall_spread miss_ns;  // of an allocation that finds nothing ready, and asks for a stock
  wall_spread sync_ns;  // of an allocation of one block that waits for the card
};
struct card_options {
  std::string card;               // as for open_card
  std::vector<unsigned> threads;  // 1 to 64
  std::vector<unsigned> stocks;   // 16 to 4,096 tokens
  unsigned measured_ms = 200;     // each rate
  unsigned probes = 1'000;        // of each latency, all threads together
};
struct card_result {
  std::string card;
  // Of the card's PCIe link, "gen3x16"; empty if nobody tells.
  std::string link;
  // Why these are not the times of a card; empty for a real one.
  std::string caution;
  std::vector<card_case> cases;
};

// Told of each case before it is measured.
using card_progress = std::function<void(const std::string&)>;

// Takes the card for itself; each case begins with a reset. Times are real ones: they differ from
// run to run, and more so on a machine that has other work. Throws std::runtime_error when the card
// cannot be had, gives a wrong answer, or none for so long as it counts as lost.
card_result measure_card(const card_options& options, const card_progress& tell);

// What a link in this direction or that allows of blocks a second, with so many granted by a line;
// nothing for a name that is no link, as `gen3x16` is one. Of a link trained lower, `gen3x8 of
// gen3x16`, the lower counts.
std::optional<double> link_bound(const std::string& link, unsigned granted);

}  // namespace exalloc::bench
