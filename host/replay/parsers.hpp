// The two trace formats, a line at a time.
#pragma once

#include <string_view>

#include "event.hpp"

namespace exalloc::replay {

// kmem events as /sys/kernel/tracing/trace, `trace-cmd report` and `perf script` print them. On
// line_kind::event the event is filled in; its cache name points into the line.
parsed_line parse_ftrace(std::string_view line, event& out);

// What glibc writes with MALLOC_TRACE and mtrace(): "@ caller + address size", "- address", and a
// pair of "<" (the old block) and ">" (the new one) for a realloc: a free and an allocation.
parsed_line parse_mtrace(std::string_view line, event& out);

// Whether the line is one that only the format has, even if it is no event: its header.
bool is_ftrace_header(std::string_view line);
bool is_mtrace_header(std::string_view line);

}  // namespace exalloc::replay
