#include "bugcheck/dump_region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>

#include "bugcheck/crash_io.hpp"
#include "bugcheck/dump_layout.hpp"
#include "bugcheck/text_buffer.hpp"
#include "pool/pool_memory.hpp"
#include "pool/tag_sums.hpp"
#include "status/status_page.hpp"

namespace exalloc {
namespace {

constexpr std::size_t page_bytes = dump::alignment;

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) noexcept {
  return (bytes + unit - 1) / unit * unit;
}

std::uint64_t address_of(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }

// How many rows there are. Other threads may still add some.
struct row_counts {
  std::uint64_t tags = 0, big = 0, chunks = 0, headers = 0;
};

// A core file has the headers in front of blocks already; a dump file has no memory but this.
bool headers_are_copied(const pool_chunk_info& chunk, bool all) noexcept {
  return all || chunk.headers != nullptr;
}

row_counts count_rows(const pool_memory& pool, bool all_headers) noexcept {
  row_counts counts;
  each_tag_usage(status_page(), [&](const tag_usage&) { ++counts.tags; });
  pool.each_big([&](const pool_big_info&) { ++counts.big; });
  // One reference, so that std::function needs no heap.
  struct {
    row_counts& counts;
    bool all;
  } to{counts, all_headers};
  pool.each_chunk([&to](const pool_chunk_info& chunk) {
    ++to.counts.chunks;
    if (headers_are_copied(chunk, to.all)) to.counts.headers += chunk.blocks;
  });
  return counts;
}

// A table that is being filled.
template <class Row>
class rows {
 public:
  // Takes its room from `offset` on.
  rows(dump::table& table, std::byte* base, std::uint64_t& offset, std::uint64_t most) noexcept
      : table_(table), first_(reinterpret_cast<Row*>(base + offset)), most_(most) {
    table_ = {offset, 0, sizeof(Row), 0};
    offset = round_up(offset + most * sizeof(Row), 8);
  }
  // Room for so many more; null and counted if there is not.
  Row* take(std::uint64_t count = 1) noexcept {
    if (count > most_ - table_.rows) {
      table_.left_out += static_cast<std::uint32_t>(count);
      return nullptr;
    }
    Row* const row = first_ + table_.rows;
    table_.rows += count;
    return row;
  }
  void add(const Row& row) noexcept {
    if (Row* const place = take()) *place = row;
  }
  std::uint64_t count() const noexcept { return table_.rows; }

 private:
  dump::table& table_;
  Row* first_;
  std::uint64_t most_;
};

// Page by page, as a page of blocks is there or is not.
void copy_headers(pool_header* to, const pool_chunk_info& chunk) noexcept {
  if (chunk.headers != nullptr) {
    copy_if_readable(to, chunk.headers, chunk.blocks * sizeof(pool_header));
    return;
  }
  alignas(16) std::array<std::byte, page_bytes> page;
  for (std::uint32_t block = 0; block < chunk.blocks; ++block) {
    const std::uint32_t in_page = block % chunk.per_page;
    if (in_page == 0) {
      copy_if_readable(page.data(), chunk.base + block / chunk.per_page * page_bytes, page_bytes);
    }
    const std::size_t data = chunk.first_data + std::size_t{in_page} * chunk.stride;
    std::memcpy(to + block, page.data() + data - sizeof(pool_header), sizeof(pool_header));
  }
}

void copy_tables(dump::dump_header& header, std::byte* base, std::uint64_t& offset,
                 const row_counts& counts, const pool_memory& pool, bool all_headers) noexcept {
  rows<dump::tag_row> tags(header.tags, base, offset, counts.tags);
  rows<dump::big_row> big(header.big, base, offset, counts.big);
  rows<dump::chunk_row> chunks(header.chunks, base, offset, counts.chunks);
  rows<pool_header> headers(header.headers, base, offset, counts.headers);

  each_tag_usage(status_page(), [&](const tag_usage& t) {
    tags.add({t.tag, static_cast<std::uint32_t>(t.kind), t.allocations, t.frees, t.bytes});
  });
  pool.each_big([&big](const pool_big_info& b) {
    big.add({address_of(b.base), b.bytes, static_cast<std::uint32_t>(b.kind), 0, b.header});
  });
  struct {
    rows<dump::chunk_row>& chunks;
    rows<pool_header>& headers;
    bool all;
  } to{chunks, headers, all_headers};
  pool.each_chunk([&to](const pool_chunk_info& c) {
    std::uint64_t copied = dump::not_copied;
    if (headers_are_copied(c, to.all)) {
      if (pool_header* const place = to.headers.take(c.blocks)) {
        copied = to.headers.count() - c.blocks;
        copy_headers(place, c);
      }
    }
    to.chunks.add({address_of(c.base), c.bytes, address_of(c.headers), copied, c.stride, c.per_page,
                   c.blocks, c.first_data, static_cast<std::uint32_t>(c.kind), 0});
  });

  for (std::size_t kind = 0; kind < pool_kinds; ++kind) {
    const pool_usage u = pool.usage(static_cast<pool_kind>(kind));
    header.totals[kind] = {u.held, u.locked, u.limit, u.reserve, u.big_blocks, u.big_pages};
  }
}

void describe_check(dump::dump_header& header, const exalloc_bug_check& check) noexcept {
  header.process = static_cast<std::uint64_t>(::getpid());
  header.thread = static_cast<std::uint64_t>(::syscall(SYS_gettid));
  header.time = std::time(nullptr);
  std::strncpy(header.program.data(), program_invocation_short_name, header.program.size() - 1);
  std::copy_n(check.parameters, header.parameters.size(), header.parameters.begin());
  header.block = address_of(check.block);
  header.code = check.code;
  header.tag = check.tag;
  header.token = check.token;
  header.list = check.list;
  header.processor = check.processor;
}

// The dump, sealed; null if the system gives no memory.
const dump::dump_header* make_dump(const exalloc_bug_check& check, std::string_view report,
                                   bool all_headers) noexcept {
  const pool_memory* const pool = pool_memory::opened();
  const row_counts counts = pool != nullptr ? count_rows(*pool, all_headers) : row_counts{};
  const std::uint64_t most =
      sizeof(dump::dump_header) + round_up(report.size(), 8) + counts.tags * sizeof(dump::tag_row) +
      counts.big * sizeof(dump::big_row) + counts.chunks * sizeof(dump::chunk_row) +
      counts.headers * sizeof(pool_header);
  const std::uint64_t bytes = round_up(most, page_bytes);
  // A page without access on both sides keeps the kernel from joining it with its neighbours, so
  // that it begins a segment of the core file and is found at once.
  void* const reserved = ::mmap(nullptr, bytes + 2 * page_bytes, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  std::byte* const base = static_cast<std::byte*>(reserved) + page_bytes;
  if (::mprotect(base, bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
  ::madvise(base, bytes, MADV_DODUMP);

  auto* const header = ::new (base) dump::dump_header{};
  header->magic = dump::magic;
  header->version = dump::version;
  header->header_bytes = sizeof *header;
  header->address = address_of(base);
  header->bytes = bytes;
  describe_check(*header, check);

  std::uint64_t offset = sizeof *header;
  rows<char> text(header->report, base, offset, report.size());
  report.copy(text.take(report.size()), report.size());
  if (pool != nullptr) {
    header->pool_in_use = 1;
    copy_tables(*header, base, offset, counts, *pool, all_headers);
  }
  header->body_checksum = dump::checksum({base + sizeof *header, bytes - sizeof *header});
  header->header_checksum = dump::checksum_of(*header);
  return header;
}

void write_file(const dump::dump_header& dump, const char* path) noexcept {
  text_buffer<5000> out;
  const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file >= 0 && write_all(file, &dump, dump.bytes)) {
    out.add("exalloc: dump written; read it with: exalloc pool --core {}\n", path);
  } else {
    // strerror may need memory.
    const char* const why = ::strerrordesc_np(errno);
    out.add("exalloc: dump {}: cannot be written: {}\n", path, why != nullptr ? why : "?");
  }
  if (file >= 0) ::close(file);
  say(out.view());
}

void tell_of_core(bool has_file) noexcept {
  ::rlimit limit{};
  const bool off = ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
  if (off && has_file) return;
  say(off ? "exalloc: core files are off: 'ulimit -c unlimited', or EXALLOC_DUMP=FILE for a dump "
            "of "
            "its own\n"
          : "exalloc: the tables are in the core file; read it with: exalloc pool --core FILE\n");
}

}  // namespace

void save_dump(const exalloc_bug_check& check, std::string_view report, const char* path) noexcept {
  const bool to_file = path != nullptr && path[0] != '\0';
  const dump::dump_header* dump = make_dump(check, report, to_file);
  if (dump == nullptr) {
    say("exalloc: no memory left to copy the tables: there is no dump\n");
    return;
  }
  if (to_file) write_file(*dump, path);
  tell_of_core(to_file);
}

}  // namespace exalloc
