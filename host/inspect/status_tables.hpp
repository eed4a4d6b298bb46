// Tags, lookaside lists, zones and the card of a status page as tables: for text, JSON and the
// screen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "status/status_layout.hpp"
#include "tables.hpp"

namespace exalloc::inspect {

// An address, a share of 1 that may be unknown, a limit there is not, and the rest as what they
// are.
struct address {
  std::uint64_t value;
  auto operator<=>(const address&) const = default;
};
struct no_limit {
  auto operator<=>(const no_limit&) const = default;
};
struct share {
  double value;  // below 0: unknown
  auto operator<=>(const share&) const = default;
};
using cell = std::variant<std::uint64_t, std::string, address, share, no_limit>;

struct column {
  std::string_view name;   // for --sort and JSON
  std::string_view title;  // for people
  int width;
  bool left = false;
};

struct table {
  std::vector<column> columns;
  std::vector<std::vector<cell>> rows;

  // By the column of that name, which must be there: numbers the largest first, names from A;
  // `reverse` turns it round. Equal rows stay in order.
  void sort(std::string_view name, bool reverse = false);

  std::string heading() const;
  std::string line(std::size_t row) const;
  // Heading and lines.
  std::string text() const;
  // One object a row.
  nlohmann::ordered_json json() const;
};

// What they can be sorted by.
std::vector<std::string> lookaside_columns();
std::vector<std::string> zone_columns();

// In no order.
std::vector<tag_row> tags_of(const status::page& page);
// By address. `pattern`: see tag_matches.
table lookaside_table(const status::page& page, std::string_view pattern = "*");
table zone_table(const status::page& page);
table pool_table(const status::page& page);

// What of the card is in use, and what card and library counted: name and value.
struct count_line {
  std::string name, value;
};
std::vector<count_line> card_lines(const status::page& page);
nlohmann::ordered_json card_json(const status::page& page);

}  // namespace exalloc::inspect
