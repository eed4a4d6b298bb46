#include "trace_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "input_error.hpp"
#include "parsers.hpp"

namespace exalloc::replay {
namespace {

constexpr std::uint64_t most_complaints = 10;

std::string excerpt(std::string_view line) {
  constexpr std::size_t most = 100;
  return line.size() <= most ? std::string(line) : std::string(line.substr(0, most)) + "...";
}

}  // namespace

const char* to_string(trace_format format) {
  return format == trace_format::ftrace ? "ftrace" : "mtrace";
}

trace_reader::trace_reader(const std::string& path, const reader_options& options,
                           complaint complain)
    : options_(options), complain_(std::move(complain)), lines_(path), format_(options.format) {}

parsed_line trace_reader::parse(std::string_view line, event& out) {
  if (format_) {
    return *format_ == trace_format::ftrace ? parse_ftrace(line, out) : parse_mtrace(line, out);
  }
  if (is_ftrace_header(line)) {
    format_ = trace_format::ftrace;
    return parse_ftrace(line, out);
  }
  if (is_mtrace_header(line)) {
    format_ = trace_format::mtrace;
    return {};
  }
  // A cut-out has no header: the first good event decides.
  for (const trace_format format : {trace_format::ftrace, trace_format::mtrace}) {
    const parsed_line parsed =
        format == trace_format::ftrace ? parse_ftrace(line, out) : parse_mtrace(line, out);
    if (parsed.kind == line_kind::event) {
      format_ = format;
      return parsed;
    }
    if (parsed.kind == line_kind::malformed) return parsed;
  }
  return {};
}

void trace_reader::report(std::string_view line, const char* reason) {
  // Damage in a last line without its line end is where the file was cut off.
  if (!lines_.line_was_complete()) {
    throw input_error(
        fmt::format("{}: the file is truncated in line {} ({}): \"{}\"; copy it again, or use "
                    "--limit {} to stop before it",
                    lines_.path(), lines(), reason, excerpt(line), lines() - 1));
  }
  if (options_.strict) {
    throw input_error(
        fmt::format("{}: line {} is malformed ({}): \"{}\"; mend it, or leave out --strict to skip "
                    "such lines",
                    lines_.path(), lines(), reason, excerpt(line)));
  }
  if (++malformed_ <= most_complaints) {
    complain_(fmt::format("{}: line {} is malformed and skipped ({}): \"{}\"", lines_.path(),
                          lines(), reason, excerpt(line)));
  }
}

void trace_reader::end_of_trace() {
  if (malformed_ > most_complaints) {
    complain_(fmt::format("{}: {} malformed lines were skipped, of which {} are not shown",
                          lines_.path(), malformed_, malformed_ - most_complaints));
  }
  if (events_ == 0) {
    const char* const where = options_.limit != 0 && lines() >= options_.limit
                                  ? "the lines that --limit lets through"
                                  : "the whole file";
    throw input_error(
        fmt::format("{}: no allocation or free in {} ({} lines); record the events kmalloc, kfree, "
                    "kmem_cache_alloc and kmem_cache_free, or an mtrace, or check --format",
                    lines_.path(), where, lines()));
  }
}

bool trace_reader::next(event& out) {
  std::string_view line;
  while ((options_.limit == 0 || lines() < options_.limit) && lines_.next(line)) {
    const parsed_line parsed = parse(line, out);
    if (parsed.kind == line_kind::event) {
      ++events_;
      return true;
    }
    if (parsed.kind == line_kind::malformed) report(line, parsed.reason);
  }
  end_of_trace();
  return false;
}

double trace_reader::fraction() const {
  double done = lines_.fraction();
  if (options_.limit != 0) {
    done = std::max(done, static_cast<double>(lines()) / static_cast<double>(options_.limit));
  }
  return std::min(done, 1.0);
}

}  // namespace exalloc::replay
