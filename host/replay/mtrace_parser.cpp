#include "parsers.hpp"
#include "scan.hpp"

namespace exalloc::replay {
namespace {

parsed_line malformed(const char* reason) { return {line_kind::malformed, reason}; }

bool is_operation(std::string_view word) {
  return word.size() == 1 && std::string_view("+-<>!").find(word[0]) != std::string_view::npos;
}

}  // namespace

// The caller is a path and may hold blanks, so a line is read from its end.
parsed_line parse_mtrace(std::string_view line, event& out) {
  line = scan::trim(line);
  if (line.empty() || line[0] == '=') return {};
  const bool has_caller = line.starts_with("@ ");
  if (!has_caller && !is_operation(line.substr(0, line.find(' ')))) return {};

  std::string_view rest = line;
  const std::string_view last = scan::take_last_word(rest);
  const std::string_view middle = scan::take_last_word(rest);
  out = event{};
  if (middle == "-" || middle == "<") {
    out.kind = event_kind::free;
    if (!scan::parse_address(last, out.address)) return malformed("the address is damaged");
    return {line_kind::event};
  }
  const std::string_view operation = scan::take_last_word(rest);
  if (operation == "!") return {};  // a realloc that failed: the old block stays
  if (operation != "+" && operation != ">") {
    return malformed("not '+ address size', '- address', '< address' or '> address size'");
  }
  out.kind = event_kind::allocate;
  if (!scan::parse_address(middle, out.address)) return malformed("the address is damaged");
  if (!scan::parse_address(last, out.requested)) return malformed("the size is damaged");
  return {line_kind::event};
}

bool is_mtrace_header(std::string_view line) { return scan::trim(line) == "= Start"; }

}  // namespace exalloc::replay
