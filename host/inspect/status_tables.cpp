#include "status_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "exalloc/regs.hpp"
#include "pool/tag_sums.hpp"
#include "pool/tag_text.hpp"

namespace exalloc::inspect {
namespace {

template <class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
// clang 14 does not find it by itself.
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

const std::vector<column> lookasides{
    {"address", "Address", 14},     {"tag", "Tag", 4, true},
    {"type", "Type", 5, true},      {"size", "Size", 6},
    {"depth", "Depth", 5},          {"maximum_depth", "Max", 4},
    {"allocates", "Allocates", 10}, {"allocate_misses", "Misses", 10},
    {"hit_rate", "Hits", 6},        {"frees", "Frees", 10},
    {"free_misses", "Misses", 10},  {"list", "List", 4, true}};
const std::vector<column> zones{{"address", "Address", 14},  {"block_size", "Size", 8},
                                {"blocks", "Blocks", 10},    {"in_use", "In use", 10},
                                {"free", "Free", 10},        {"used", "Used", 6},
                                {"segments", "Segments", 8}, {"list", "List", 4, true},
                                {"mode", "Mode", 6, true},   {"quarantined", "Quarantined", 11}};

constexpr std::uint32_t in_host = UINT32_MAX;

cell list_cell(std::uint32_t list) {
  if (list == in_host) return std::string("host");
  return std::uint64_t{list};
}

std::string text_of(const cell& c) {
  return std::visit(overloaded{[](std::uint64_t n) { return fmt::format("{}", n); },
                               [](const std::string& s) { return s; },
                               [](address a) { return fmt::format("{:#x}", a.value); },
                               [](no_limit) { return std::string("none"); },
                               [](share s) {
                                 return s.value < 0 ? std::string("-")
                                                    : fmt::format("{:.1f}%", 100 * s.value);
                               }},
                    c);
}

nlohmann::ordered_json json_of(const cell& c) {
  return std::visit(
      overloaded{[](std::uint64_t n) { return nlohmann::ordered_json(n); },
                 [](const std::string& s) { return nlohmann::ordered_json(s); },
                 [](no_limit) { return nlohmann::ordered_json(); },
                 [](address a) { return nlohmann::ordered_json(fmt::format("{:#x}", a.value)); },
                 [](share s) {
                   return s.value < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(s.value);
                 }},
      c);
}

std::vector<std::string> names_of(const std::vector<column>& columns) {
  std::vector<std::string> names;
  for (const column& c : columns) names.emplace_back(c.name);
  return names;
}

share hits(std::uint32_t calls, std::uint32_t misses) {
  if (calls == 0) return {-1};
  return {1 - static_cast<double>(std::min(misses, calls)) / calls};
}

}  // namespace

void table::sort(std::string_view name, bool reverse) {
  const auto at =
      std::find_if(columns.begin(), columns.end(), [&](const column& c) { return c.name == name; });
  const auto i = static_cast<std::size_t>(at - columns.begin());
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return columns[i].left != reverse ? a[i] < b[i] : b[i] < a[i];
  });
}

namespace {

std::string padded(const std::string& text, const column& c) {
  return c.left ? fmt::format("{:<{}} ", text, c.width) : fmt::format("{:>{}} ", text, c.width);
}

}  // namespace

std::string table::heading() const {
  std::string line;
  for (const column& c : columns) line += padded(std::string(c.title), c);
  line.pop_back();
  return line;
}

std::string table::line(std::size_t row) const {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i)
    line += padded(text_of(rows[row][i]), columns[i]);
  line.pop_back();
  return line;
}

std::string table::text() const {
  std::string all = heading() + '\n';
  for (std::size_t i = 0; i < rows.size(); ++i) all += line(i) + '\n';
  return all;
}

nlohmann::ordered_json table::json() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < columns.size(); ++i)
      object[std::string(columns[i].name)] = json_of(row[i]);
    all.push_back(std::move(object));
  }
  return all;
}

std::vector<std::string> lookaside_columns() { return names_of(lookasides); }
std::vector<std::string> zone_columns() { return names_of(zones); }

std::vector<tag_row> tags_of(const status::page& page) {
  std::vector<tag_row> rows;
  each_tag_usage(page, [&](const tag_usage& u) {
    rows.push_back({u.tag, u.kind, u.allocations, u.frees, u.bytes});
  });
  return rows;
}

table lookaside_table(const status::page& page, std::string_view pattern) {
  table t{lookasides, {}};
  for (std::uint32_t i = 0; i < page.lookasides; ++i) {
    const status::lookaside_row& r = page.lookaside[i];
    const tag_text tag(r.tag);
    if (!tag_matches(pattern, r.tag)) continue;
    t.rows.push_back({address{r.address}, std::string(tag.view()),
                      std::string(kind_name(static_cast<pool_kind>(r.type & 1))),
                      std::uint64_t{r.size}, std::uint64_t{r.depth}, std::uint64_t{r.maximum_depth},
                      std::uint64_t{r.allocates}, std::uint64_t{r.allocate_misses},
                      hits(r.allocates, r.allocate_misses), std::uint64_t{r.frees},
                      std::uint64_t{r.free_misses}, list_cell(r.list)});
  }
  return t;
}

table zone_table(const status::page& page) {
  table t{zones, {}};
  for (std::uint32_t i = 0; i < page.zones; ++i) {
    const status::zone_row& r = page.zone[i];
    const std::uint64_t used = std::min(r.in_use, r.blocks);
    t.rows.push_back(
        {address{r.address}, std::uint64_t{r.block_size}, r.blocks, used, r.blocks - used,
         r.blocks == 0 ? share{-1}
                       : share{static_cast<double>(used) / static_cast<double>(r.blocks)},
         std::uint64_t{r.segments}, list_cell(r.list),
         std::string(r.mode == 0   ? ""
                     : r.mode == 1 ? "scarce"
                                   : "lost"),
         r.quarantined});
  }
  return t;
}

table pool_table(const status::page& page) {
  table t{{{"type", "Type", 5, true},
           {"held", "Held", 14},
           {"locked", "Locked", 14},
           {"limit", "Limit", 14},
           {"reserve", "Reserve", 10},
           {"big_blocks", "Big blocks", 10},
           {"big_pages", "Pages", 10}},
          {}};
  for (std::size_t kind = 0; kind < page.pool.size(); ++kind) {
    const status::pool_row& r = page.pool[kind];
    t.rows.push_back({std::string(kind_name(static_cast<pool_kind>(kind))), r.held, r.locked,
                      r.limit == UINT64_MAX ? cell(no_limit{}) : cell(r.limit), r.reserve,
                      r.big_blocks, r.big_pages});
  }
  return t;
}

std::vector<count_line> card_lines(const status::page& page) {
  const status::card_row& c = page.card;
  const auto of = [](std::uint32_t used, std::uint32_t all) {
    return fmt::format("{} of {}", used, all);
  };
  std::vector<count_line> lines{{"card", printable(c.name.data())},
                                {"lists", of(c.lists_used, c.lists)},
                                {"slabs", of(c.slabs_used, c.slabs)},
                                {"lookaside lists", of(c.lookasides_used, c.lookasides)},
                                {"portals", of(c.portals_used, c.portals)},
                                {"recalls by the library", fmt::format("{}", c.recalls)},
                                {"blocks recalled", fmt::format("{}", c.recalled_blocks)},
                                {"times scarce", fmt::format("{}", c.scarce_entries)},
                                {"errors reported", fmt::format("{}", c.errors)}};
  for (std::uint32_t i = 0; i < c.counters_used; ++i) {
    std::string name = regs::to_string(static_cast<regs::counter>(i));
    std::replace(name.begin(), name.end(), '_', ' ');
    lines.push_back({std::move(name), fmt::format("{}", c.counters[i])});
  }
  return lines;
}

nlohmann::ordered_json card_json(const status::page& page) {
  const status::card_row& c = page.card;
  nlohmann::ordered_json out{{"name", c.name.data()},
                             {"lists", {{"used", c.lists_used}, {"all", c.lists}}},
                             {"slabs", {{"used", c.slabs_used}, {"all", c.slabs}}},
                             {"lookasides", {{"used", c.lookasides_used}, {"all", c.lookasides}}},
                             {"portals", {{"used", c.portals_used}, {"all", c.portals}}},
                             {"recalls", c.recalls},
                             {"recalled_blocks", c.recalled_blocks},
                             {"scarce_entries", c.scarce_entries},
                             {"errors", c.errors}};
  for (std::uint32_t i = 0; i < c.counters_used; ++i)
    out["counters"][regs::to_string(static_cast<regs::counter>(i))] = c.counters[i];
  return out;
}

}  // namespace exalloc::inspect
