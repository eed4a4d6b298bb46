// The text of a bug check.
#pragma once

#include "bugcheck/bug_check.hpp"
#include "bugcheck/text_buffer.hpp"
#include "pool/pool_header.hpp"

namespace exalloc {

// On the stack of the thread that reports, so that a handler may leave with longjmp or throw.
using report_text = text_buffer<8192>;

// Everything that is known of the bug check. `header`: a copy of the subject's, null if there is
// none to show.
void describe_bug_check(report_text& out, const exalloc_bug_check& check,
                        const pool_header* header);
// The tags that use most memory.
void add_tag_table(report_text& out);

}  // namespace exalloc
