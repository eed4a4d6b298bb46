// Tag tables as poolmon shows them: chosen, sorted, printed.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/pool_header.hpp"

namespace exalloc::inspect {

struct tag_row {
  std::uint32_t tag = 0;
  pool_kind kind = pool_kind::nonpaged;
  std::uint64_t allocations = 0, frees = 0;
  std::uint64_t bytes = 0;  // in use

  std::uint64_t diff() const { return allocations > frees ? allocations - frees : 0; }
  std::uint64_t per_allocation() const { return diff() == 0 ? 0 : bytes / diff(); }
};

enum class tag_order { tag, type, allocations, frees, diff, bytes, per_allocation };
// The names of --sort: tag, type, allocs, frees, diff, bytes, each.
const std::vector<std::string>& tag_order_names();
std::optional<tag_order> tag_order_of(std::string_view name);

struct tag_choice {
  std::string pattern = "*";  // see tag_matches
  tag_order order = tag_order::bytes;
  bool reverse = false;  // else names ascend, and figures descend
};

// `*` is any characters, `?` is any one; blanks at a tag's end need not be given.
bool tag_matches(std::string_view pattern, std::uint32_t tag);
// The rows that match, sorted.
std::vector<tag_row> choose_tags(std::vector<tag_row> rows, const tag_choice& choice);

// Lines end in '\n'. With changes each figure is followed by what it was before, "(  +3)".
std::string tag_heading(bool changes = false);
std::string tag_line(const tag_row& row);
// `before`: null if the row is new.
std::string tag_line(const tag_row& row, const tag_row* before);
std::string tag_table_text(const std::vector<tag_row>& rows);
// The sums !poolused ends with, a line for each kind of pool.
std::string tag_totals_text(const std::vector<tag_row>& rows);
nlohmann::ordered_json tag_table_json(const std::vector<tag_row>& rows);

// "0x1234": JSON has no such large numbers.
std::string hex(std::uint64_t value);
// Text from a file, with what could play tricks on a terminal replaced by '?'.
std::string printable(std::string_view text);

}  // namespace exalloc::inspect
