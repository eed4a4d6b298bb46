#include "tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "pool/tag_text.hpp"

namespace exalloc::inspect {
namespace {

// Tags sort as they read.
std::array<char, 4> by_letters(std::uint32_t tag) { return tag_text(tag).text; }

bool is_name(tag_order order) { return order == tag_order::tag || order == tag_order::type; }

std::uint64_t figure(const tag_row& row, tag_order order) {
  switch (order) {
    case tag_order::allocations:
      return row.allocations;
    case tag_order::frees:
      return row.frees;
    case tag_order::diff:
      return row.diff();
    case tag_order::bytes:
      return row.bytes;
    case tag_order::per_allocation:
      return row.per_allocation();
    case tag_order::tag:
    case tag_order::type:
      break;
  }
  return 0;
}

bool wildcard_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    const std::string_view rest = pattern.substr(1);
    // A row of stars is one star.
    if (rest.starts_with('*')) return wildcard_match(rest, text);
    for (std::size_t skip = 0; skip <= text.size(); ++skip)
      if (wildcard_match(rest, text.substr(skip))) return true;
    return false;
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         wildcard_match(pattern.substr(1), text.substr(1));
}

constexpr char columns_with_changes[] =
    "{:<4} {:<5} {:>12} {:<9} {:>12} {:<9} {:>10} {:>14} {:<11} {:>10}\n";

std::string change(std::uint64_t now, std::uint64_t before) {
  return fmt::format("({:+})", static_cast<std::int64_t>(now - before));
}

}  // namespace

const std::vector<std::string>& tag_order_names() {
  static const std::vector<std::string> names{"tag",  "type",  "allocs", "frees",
                                              "diff", "bytes", "each"};
  return names;
}

std::optional<tag_order> tag_order_of(std::string_view name) {
  const auto& names = tag_order_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<tag_order>(found - names.begin());
}

bool tag_matches(std::string_view pattern, std::uint32_t tag) {
  const tag_text text(tag);
  std::string_view shown = text.view();
  if (wildcard_match(pattern, shown)) return true;
  while (shown.ends_with(' ')) {
    shown.remove_suffix(1);
    if (wildcard_match(pattern, shown)) return true;
  }
  return false;
}

std::vector<tag_row> choose_tags(std::vector<tag_row> rows, const tag_choice& choice) {
  std::erase_if(rows, [&](const tag_row& row) { return !tag_matches(choice.pattern, row.tag); });
  const auto less = [&](const tag_row& a, const tag_row& b) {
    if (choice.order == tag_order::type && a.kind != b.kind) return a.kind < b.kind;
    if (!is_name(choice.order) && figure(a, choice.order) != figure(b, choice.order))
      return figure(a, choice.order) > figure(b, choice.order);
    return std::make_tuple(by_letters(a.tag), a.tag, a.kind) <
           std::make_tuple(by_letters(b.tag), b.tag, b.kind);
  };
  std::sort(rows.begin(), rows.end(), less);
  if (choice.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

std::string tag_heading(bool changes) {
  if (!changes)
    return fmt::format(tag_columns, "Tag", "Type", "Allocs", "Frees", "Diff", "Bytes", "Per Alloc");
  return fmt::format(columns_with_changes, "Tag", "Type", "Allocs", "", "Frees", "", "Diff",
                     "Bytes", "", "Per Alloc");
}

std::string tag_line(const tag_row& row) {
  return fmt::format(tag_columns, tag_text(row.tag).view(), kind_name(row.kind), row.allocations,
                     row.frees, row.diff(), row.bytes, row.per_allocation());
}

std::string tag_line(const tag_row& row, const tag_row* before) {
  const tag_row old = before != nullptr ? *before : tag_row{};
  return fmt::format(columns_with_changes, tag_text(row.tag).view(), kind_name(row.kind),
                     row.allocations, change(row.allocations, old.allocations), row.frees,
                     change(row.frees, old.frees), row.diff(), row.bytes,
                     change(row.bytes, old.bytes), row.per_allocation());
}

std::string tag_table_text(const std::vector<tag_row>& rows) {
  std::string text = tag_heading();
  for (const tag_row& row : rows) text += tag_line(row);
  return text;
}

std::string tag_totals_text(const std::vector<tag_row>& rows) {
  std::string text;
  for (const pool_kind kind : {pool_kind::nonpaged, pool_kind::paged}) {
    std::uint64_t tags = 0, allocations = 0, blocks = 0, bytes = 0;
    for (const tag_row& row : rows) {
      if (row.kind != kind) continue;
      ++tags;
      allocations += row.allocations;
      blocks += row.diff();
      bytes += row.bytes;
    }
    text += fmt::format("Total {:<5} {} tags, {} allocations, {} blocks in use, {} bytes\n",
                        kind_name(kind), tags, allocations, blocks, bytes);
  }
  return text;
}

nlohmann::ordered_json tag_table_json(const std::vector<tag_row>& rows) {
  nlohmann::ordered_json table = nlohmann::ordered_json::array();
  for (const tag_row& row : rows) {
    table.push_back({{"tag", tag_text(row.tag).view()},
                     {"tag_number", hex(row.tag)},
                     {"type", kind_name(row.kind)},
                     {"allocations", row.allocations},
                     {"frees", row.frees},
                     {"diff", row.diff()},
                     {"bytes", row.bytes},
                     {"per_allocation", row.per_allocation()}});
  }
  return table;
}

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if ((c < 0x20 && c != '\n') || c == 0x7F) c = '?';
  return result;
}

}  // namespace exalloc::inspect
