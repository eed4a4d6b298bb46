// The events of a trace file, with what was wrong in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "event.hpp"
#include "line_reader.hpp"

namespace exalloc::replay {

enum class trace_format : std::uint8_t { ftrace, mtrace };
const char* to_string(trace_format format);

struct reader_options {
  std::optional<trace_format> format;  // without it: told from the first line that one of them has
  std::uint64_t limit = 0;             // lines; 0: all
  bool strict = false;                 // a malformed line is an error
};

class trace_reader {
 public:
  // `complain` is told of the first malformed lines, a sentence each.
  using complaint = std::function<void(const std::string&)>;

  // Throws input_error like line_reader.
  trace_reader(const std::string& path, const reader_options& options, complaint complain);

  // The next event; what it points to is valid until the next call. False at the end. Throws
  // input_error when the file is damaged, holds no event at all, or is malformed under `strict`.
  bool next(event& out);

  std::uint64_t lines() const { return lines_.line_number(); }
  std::uint64_t events() const { return events_; }
  std::uint64_t malformed() const { return malformed_; }
  // Known once there was an event.
  trace_format format() const { return *format_; }
  // Share of the work that is done, 0 to 1.
  double fraction() const;

 private:
  parsed_line parse(std::string_view line, event& out);
  void report(std::string_view line, const char* reason);
  void end_of_trace();

  reader_options options_;
  complaint complain_;
  line_reader lines_;
  std::optional<trace_format> format_;
  std::uint64_t events_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace exalloc::replay
