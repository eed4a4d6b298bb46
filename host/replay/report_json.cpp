#include <nlohmann/json.hpp>
#include <optional>

#include "report.hpp"

namespace exalloc::replay {
namespace {

using json = nlohmann::ordered_json;

template <typename number>
json or_null(const std::optional<number>& value) {
  return value ? json(*value) : json(nullptr);
}

json latencies(const distribution& values, bool known) {
  json result;
  const auto put = [&](const char* key, double share) {
    result[key] = known ? or_null(values.percentile(share)) : json(nullptr);
  };
  put("p50", 0.50);
  put("p99", 0.99);
  put("p999", 0.999);
  put("max", 1.0);
  return result;
}

json lookaside(const std::optional<lookaside_figures>& l) {
  if (!l) return nullptr;
  return {
      {"type", "NonPaged"},        {"depth", l->depth},         {"maximum_depth", l->maximum_depth},
      {"size", l->size},           {"allocates", l->allocates}, {"misses", l->allocate_misses},
      {"hit_rate", l->hit_rate()}, {"frees", l->frees},         {"free_misses", l->free_misses}};
}

json one_list(const list_result& list) {
  return {{"name", list.name},
          {"kind", to_string(list.kind)},
          {"block_size", list.block_size},
          {"allocations", list.allocations},
          {"frees", list.frees},
          {"peak_live", list.peak_live},
          {"magazine_hits", list.magazine_hits},
          {"card_refills", list.card_refills},
          {"misses", list.misses},
          {"lookaside", lookaside(list.lookaside)}};
}

json faults(const replay_result& r) {
  json out;
  for (const auto& fault : r.faults) out[fault.name] = fault.value;
  return out;
}

json clock_mhz(const card_counters& counters) {
  if (!counters.clock_khz) return nullptr;
  const std::uint64_t khz = *counters.clock_khz;
  return khz % 1000 == 0 ? json(khz / 1000) : json(static_cast<double>(khz) / 1000);
}

}  // namespace

std::string json_report(const replay_result& r) {
  json lists = json::array();
  for (const list_result& list : r.lists) lists.push_back(one_list(list));
  const findings& c = r.checks;
  json report = {
      {"trace", r.trace},
      {"format", to_string(r.format)},
      {"card", r.card},
      {"caches", to_string(r.caches)},
      {"magazines", r.magazines},
      {"events", r.events},
      {"allocations", r.allocations},
      {"frees", r.frees},
      {"failed_allocations", r.failed_allocations},
      {"unmatched_frees", r.unmatched_frees},
      {"null_frees", r.null_frees},
      {"untraced_frees", r.untraced_frees},
      {"live_at_end", r.live_at_end},
      {"peak_live", r.peak_live},
      {"peak_bytes", r.peak_bytes},
      {"lists", lists},
      {"card_stats",
       {{"cycles", or_null(r.counters.cycles)},
        {"clock_mhz", clock_mhz(r.counters)},
        {"grants", r.counters.grants},
        {"blocks_granted", r.counters.blocks_granted},
        {"releases", r.counters.releases},
        {"blocks_released", r.counters.blocks_released},
        {"errors", r.counters.errors}}},
      {"latency_ns",
       {{"allocate", latencies(r.allocate_ns, r.has_latencies)},
        {"free", latencies(r.free_ns, r.has_latencies)}}},
      // Whatever shows that a block was not its holder's alone is an overlap; whatever shows that a
      // zone has lost count of its blocks is a loss. The text report tells them apart.
      {"checks",
       {{"overlapping_blocks", c.overlapping + c.outside_segment + c.corrupted},
        {"lost_blocks", c.lost + c.wrong_answers}}}};
  // Keys of what is not usual are there only where it is.
  if (r.warmed) report["warm"] = true;
  if (!r.faults.empty()) report["faults"] = faults(r);
  // A file name may be any bytes; JSON is UTF-8.
  return report.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace exalloc::replay
