#include "bugcheck/report.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bugcheck/names.hpp"
#include "pool/pool_memory.hpp"
#include "pool/tag_sums.hpp"
#include "pool/tag_text.hpp"
#include "status/status_page.hpp"

namespace exalloc {
namespace {

constexpr std::size_t most_tags = 20;

std::string_view state_name(pool_state state) noexcept {
  switch (state) {
    case pool_state::none:
      return "never allocated";
    case pool_state::allocated:
      return "allocated";
    case pool_state::free:
      return "free";
  }
  return "no state there is";
}

void add_header(report_text& out, const pool_header& header, const void* block) {
  std::array<unsigned char, sizeof header> bytes;
  std::memcpy(bytes.data(), &header, sizeof header);
  out.add("  header   ");
  for (const unsigned char byte : bytes) out.add("{:02x} ", byte);
  out.add("\n           tag \"{}\", {} bytes asked for, type {:#x}, {}, {} {:#x}, check ",
          tag_text(header.tag).view(), header.size, header.type, state_name(header.state),
          (header.type & pool_header::charged_bit) != 0 ? "requestor" : "token", header.owner);
  const std::uint32_t right = pool_header::check_of(header, block);
  if (header.check == right) {
    out.add("{:#010x} (right)\n", header.check);
  } else {
    out.add("{:#010x} (WRONG: would be {:#010x})\n", header.check, right);
  }
}

// The tags that use most memory, largest first.
struct top_tags {
  void add(const tag_usage& row) noexcept {
    ++rows;
    const std::size_t at = static_cast<std::size_t>(row.kind);
    blocks[at] += row.allocations - std::min(row.allocations, row.frees);
    bytes[at] += row.bytes;
    auto* const end = largest.data() + used;
    auto* const place =
        std::find_if(largest.data(), end, [&](const tag_usage& r) { return r.bytes < row.bytes; });
    if (place == largest.data() + most_tags) return;
    used = std::min(used + 1, most_tags);
    std::move_backward(place, largest.data() + used - 1, largest.data() + used);
    *place = row;
  }

  std::array<tag_usage, most_tags> largest;
  std::size_t used = 0, rows = 0;
  std::array<std::uint64_t, pool_kinds> blocks{}, bytes{};
};

}  // namespace

void describe_bug_check(report_text& out, const exalloc_bug_check& check,
                        const pool_header* header) {
  const std::string_view name = bug_check_name(check.code);
  const ULONG_PTR* p = check.parameters;
  out.add("\n*** exalloc bug check 0x{:08X}{}{} ({:#x}, {:#x}, {:#x}, {:#x})\n", check.code,
          name.empty() ? "" : " ", name, p[0], p[1], p[2], p[3]);
  if (check.what[0] != '\0') out.add("  {}\n", check.what);
  const std::string_view meaning = bug_check_meaning(check.code, p[0]);
  if (!meaning.empty()) out.add("  meaning  {}\n", meaning);
  if (check.block != nullptr) out.add("  block    {}\n", check.block);
  if (check.tag != 0) {
    out.add("  tag      \"{}\"{}\n", tag_text(check.tag).view(),
            (check.tag & protected_tag_bit) != 0 ? " (protected)" : "");
  }
  if (check.token != 0) out.add("  card     token {:#x}, list {}\n", check.token, check.list);
  out.add("  by       process {} ({}), thread {}", ::getpid(), program_invocation_short_name,
          ::syscall(SYS_gettid));
  if (check.processor >= 0) {
    out.add(", processor {}\n", check.processor);
  } else {
    out.add(", which has no processor\n");
  }
  if (header != nullptr) add_header(out, *header, check.block);
}

void add_tag_table(report_text& out) {
  if (pool_memory::opened() == nullptr) {
    out.add("  pool     not used so far\n\n");
    return;
  }
  top_tags top;
  each_tag_usage(status_page(), [&](const tag_usage& row) { top.add(row); });
  out.add("  pool     nonpaged: {} blocks, {} bytes; paged: {} blocks, {} bytes\n", top.blocks[0],
          top.bytes[0], top.blocks[1], top.bytes[1]);
  out.add("\n{} of {} pool tags, by bytes in use:\n", top.used, top.rows);
  out.add(tag_columns, "Tag", "Type", "Allocs", "Frees", "Diff", "Bytes", "Per Alloc");
  for (std::size_t i = 0; i < top.used; ++i) {
    const tag_usage& r = top.largest[i];
    const std::uint64_t diff = r.allocations - std::min(r.allocations, r.frees);
    out.add(tag_columns, tag_text(r.tag).view(), kind_name(r.kind), r.allocations, r.frees, diff,
            r.bytes, diff == 0 ? 0 : r.bytes / diff);
  }
  out.add("\n");
}

}  // namespace exalloc
