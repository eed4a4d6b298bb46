// The trace parsers and the reader above them, on any bytes: events, or a clear refusal.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "input_error.hpp"
#include "parsers.hpp"
#include "trace_reader.hpp"

namespace {

using namespace exalloc::replay;

void check(const event& e, std::string_view line) {
  // A name lies in its line.
  if (!e.cache.empty() &&
      (e.cache.data() < line.data() || e.cache.data() + e.cache.size() > line.data() + line.size()))
    std::abort();
}

void parse_lines(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    for (const auto parse : {parse_ftrace, parse_mtrace}) {
      event e;
      const parsed_line parsed = parse(line, e);
      if (parsed.kind == line_kind::event) check(e, line);
      if (parsed.kind == line_kind::malformed && *parsed.reason == '\0') std::abort();
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse_lines({reinterpret_cast<const char*>(data), size});
  // The same as a file, compressed or not.
  static const int file = ::memfd_create("trace", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  for (const bool strict : {false, true}) {
    try {
      reader_options options;
      options.strict = strict;
      options.limit = 10'000;
      trace_reader reader(path, options, [](const std::string&) {});
      event e;
      while (reader.next(e)) {
      }
    } catch (const exalloc::input_error&) {
    }
  }
  return 0;
}
