#include <array>
#include <cctype>
#include <limits>
#include <optional>

#include "parsers.hpp"
#include "scan.hpp"

namespace exalloc::replay {
namespace {

struct event_name {
  std::string_view name;
  event_kind kind;
};
constexpr std::array<event_name, 6> event_names{
    {{"kmalloc", event_kind::allocate},
     {"kmalloc_node", event_kind::allocate},
     {"kfree", event_kind::free},
     {"kmem_cache_alloc", event_kind::cache_allocate},
     {"kmem_cache_alloc_node", event_kind::cache_allocate},
     {"kmem_cache_free", event_kind::cache_free}}};
// The kernel has far fewer processors; beyond this the number is damage.
constexpr unsigned most_processors = 8192;

// "kmalloc:" (ftrace, trace-cmd) or "kmem:kmalloc:" (perf); nullptr when the event is not ours.
const event_name* find_event(std::string_view word) {
  if (!word.ends_with(':')) return nullptr;
  word.remove_suffix(1);
  if (word.starts_with("kmem:")) word.remove_prefix(5);
  if (!word.starts_with('k')) return nullptr;
  for (const event_name& candidate : event_names) {
    if (word == candidate.name) return &candidate;
  }
  return nullptr;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "2055.521342:"; some trace clocks print no fraction.
bool is_timestamp(std::string_view word) {
  if (word.size() < 2 || !word.ends_with(':') || !is_digit(word.front())) return false;
  word.remove_suffix(1);
  return word.find_first_not_of("0123456789.") == std::string_view::npos &&
         word.find('.') == word.rfind('.');
}

// "2055.521342" is seconds; a number without a fraction is of a clock that counts something else,
// and has no unit.
std::optional<std::uint64_t> nanoseconds(std::string_view stamp) {
  constexpr std::uint64_t second = 1'000'000'000;
  stamp.remove_suffix(1);  // the colon
  const auto point = stamp.find('.');
  std::uint64_t seconds = 0;
  if (point == std::string_view::npos || !scan::parse_number(stamp.substr(0, point), seconds, 10) ||
      seconds >= std::numeric_limits<std::uint64_t>::max() / second) {
    return std::nullopt;
  }
  std::uint64_t fraction = 0, unit = second;
  for (const char digit : stamp.substr(point + 1)) {
    unit /= 10;  // 0 beyond the ninth: less than we count
    fraction += static_cast<std::uint64_t>(digit - '0') * unit;
  }
  return unit == second ? std::nullopt : std::optional(seconds * second + fraction);
}

struct prefix {
  unsigned processor;
  std::optional<std::uint64_t> time_ns;
  std::string_view event_word;
  std::string_view fields;
};

// "[001] ..... 2055.5: kmalloc: fields" at the bracket; the flags are missing in perf's spelling.
bool parse_prefix(std::string_view text, prefix& out) {
  const auto close = text.find(']');
  if (close == std::string_view::npos ||
      !scan::parse_number(text.substr(1, close - 1), out.processor, 10)) {
    return false;
  }
  text.remove_prefix(close + 1);
  std::string_view word = scan::take_word(text);
  if (!is_timestamp(word)) word = scan::take_word(text);
  if (!is_timestamp(word)) return false;
  out.time_ns = nanoseconds(word);
  out.event_word = scan::take_word(text);
  out.fields = text;
  return !out.event_word.empty();
}

// The task's name comes first and may hold brackets and colons itself ("[kworker/0:1]"), so a
// bracket counts only if a time and an event follow it.
bool find_prefix(std::string_view line, prefix& out) {
  for (auto bracket = line.find('['); bracket != std::string_view::npos;
       bracket = line.find('[', bracket + 1)) {
    if (bracket + 1 < line.size() && is_digit(line[bracket + 1]) &&
        parse_prefix(line.substr(bracket), out)) {
      return true;
    }
  }
  return false;
}

bool find_field(std::string_view fields, std::string_view key, std::string_view& value) {
  for (auto at = fields.find(key); at != std::string_view::npos; at = fields.find(key, at + 1)) {
    if (at > 0 && fields[at - 1] != ' ' && fields[at - 1] != '\t') continue;
    std::string_view rest = fields.substr(at + key.size());
    // %p pads "(null)" with blanks; a value that is missing must not swallow the next field.
    value = scan::take_word(rest);
    return !value.empty() && value.find('=') == std::string_view::npos;
  }
  return false;
}

parsed_line malformed(const char* reason) { return {line_kind::malformed, reason}; }

parsed_line parse_fields(std::string_view fields, event& out) {
  std::string_view value;
  if (!find_field(fields, "ptr=", value)) return malformed("no ptr=");
  if (!scan::parse_address(value, out.address)) return malformed("ptr= is not an address");
  out.cache = {};
  out.requested = out.allocated = 0;
  if (out.kind == event_kind::cache_allocate || out.kind == event_kind::cache_free) {
    // Kernels before 5.19 do not name the cache; the size then stands for it.
    if (!find_field(fields, "name=", out.cache)) out.cache = {};
  }
  if (!is_allocation(out.kind)) return {line_kind::event};
  if (!find_field(fields, "bytes_req=", value)) return malformed("no bytes_req=");
  if (!scan::parse_number(value, out.requested, 10)) return malformed("bytes_req= is not a number");
  if (!find_field(fields, "bytes_alloc=", value)) return malformed("no bytes_alloc=");
  if (!scan::parse_number(value, out.allocated, 10)) {
    return malformed("bytes_alloc= is not a number");
  }
  if (out.address != 0 && out.allocated < out.requested) {
    return malformed("bytes_alloc= is less than bytes_req=");
  }
  return {line_kind::event};
}

// A line of ours whose processor or time is damaged: one of our events followed by a ptr=.
bool looks_like_ours(std::string_view line) {
  if (line.find("ptr=") == std::string_view::npos) return false;
  for (std::string_view rest = line; !rest.empty();) {
    if (find_event(scan::take_word(rest)) != nullptr) return true;
  }
  return false;
}

}  // namespace

parsed_line parse_ftrace(std::string_view line, event& out) {
  if (line.starts_with('#')) return {};
  prefix found;
  if (!find_prefix(line, found)) {
    return looks_like_ours(line) ? malformed("no [processor] and timestamp before the event")
                                 : parsed_line{};
  }
  const event_name* const name = find_event(found.event_word);
  if (name == nullptr) return {};
  if (found.processor >= most_processors) return malformed("the processor number is too large");
  out.kind = name->kind;
  out.processor = found.processor;
  out.time_ns = found.time_ns;
  return parse_fields(found.fields, out);
}

bool is_ftrace_header(std::string_view line) {
  prefix ignored;
  return line.starts_with("# tracer:") || find_prefix(line, ignored);
}

}  // namespace exalloc::replay
