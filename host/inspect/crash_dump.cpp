#include "crash_dump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "input_error.hpp"

namespace exalloc::inspect {
namespace {

constexpr std::uint64_t page_bytes = dump::alignment;

// What a file is that is none of ours, and what to do with it.
std::string hint_for(const byte_source& bytes) {
  std::array<unsigned char, 6> start{};
  if (!bytes.read(0, start)) return "name a core file or a dump that EXALLOC_DUMP asked for";
  const auto begins = [&](std::initializer_list<unsigned char> with) {
    return std::equal(with.begin(), with.end(), start.begin());
  };
  if (begins({0x28, 0xB5, 0x2F, 0xFD}))
    return fmt::format("it is compressed: run 'zstd -d' on it, or 'coredumpctl dump -o core'");
  if (begins({0x04, 0x22, 0x4D, 0x18})) return "it is compressed: run 'lz4 -d' on it";
  if (begins({0xFD, '7', 'z', 'X', 'Z'})) return "it is compressed: run 'xz -d' on it";
  if (begins({0x1F, 0x8B})) return "it is compressed: run 'gzip -d' on it";
  return "name a core file or a dump that EXALLOC_DUMP asked for";
}

// Where a block of a chunk lies, from the chunk's begin.
std::uint64_t data_offset(const dump::chunk_row& chunk, std::uint64_t block) {
  return block / chunk.per_page * page_bytes + chunk.first_data +
         block % chunk.per_page * chunk.stride;
}

std::uint64_t header_bytes_in_front(const dump::chunk_row& chunk) {
  return chunk.headers == 0 ? sizeof(pool_header) : 0;
}

bool valid(const dump::chunk_row& c, std::uint64_t headers) {
  const std::uint64_t front = header_bytes_in_front(c);
  return c.kind < pool_kinds && c.base % page_bytes == 0 && c.bytes % page_bytes == 0 &&
         c.base <= UINT64_MAX - c.bytes && c.per_page > 0 && c.stride > front &&
         c.first_data >= front &&
         c.first_data - front + std::uint64_t{c.per_page} * c.stride <= page_bytes &&
         c.blocks <= c.bytes / page_bytes * c.per_page &&
         (c.copied == dump::not_copied || (c.copied <= headers && headers - c.copied >= c.blocks));
}

std::uint64_t pages_of(std::uint64_t bytes) {
  return bytes / page_bytes * page_bytes + (bytes % page_bytes != 0 ? page_bytes : 0);
}

bool valid(const dump::big_row& b) {
  return b.kind < pool_kinds && b.base % page_bytes == 0 && b.bytes <= UINT64_MAX - page_bytes &&
         b.base <= UINT64_MAX - pages_of(b.bytes);
}

// The last of the rows, which are sorted by base, that begins at or before the address.
template <class Row>
const Row* at_or_before(const std::vector<Row>& rows, std::uint64_t address) {
  const auto after = std::upper_bound(rows.begin(), rows.end(), address,
                                      [](std::uint64_t a, const Row& row) { return a < row.base; });
  return after == rows.begin() ? nullptr : &*std::prev(after);
}

template <class Row>
void sort_by_base(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.base < b.base; });
}

}  // namespace

crash_dump::crash_dump(const byte_source& bytes) : bytes_(bytes) {
  std::uint64_t start = 0;
  if (core_file::is_elf(bytes)) {
    core_ = std::make_unique<const core_file>(bytes);
    find_in_core();
  } else if (bytes.read(0, start) && start == dump::magic) {
    if (!bytes.read(0, header_)) {
      throw input_error(
          fmt::format("{}: a dump that ends after {} bytes, within its header; was the "
                      "disk full?",
                      name(), bytes.size()));
    }
  } else {
    throw input_error(
        fmt::format("{}: neither a core file nor a dump of exalloc; {}", name(), hint_for(bytes)));
  }
  check_header();
  check_body();

  check_table(header_.report, "report", 1);
  check_table(header_.tags, "tag", sizeof(dump::tag_row));
  check_table(header_.big, "big block", sizeof(dump::big_row));
  check_table(header_.chunks, "chunk", sizeof(dump::chunk_row));
  check_table(header_.headers, "header", sizeof(pool_header));
  description_.resize(header_.report.rows);
  read_dump(header_.report.offset, std::as_writable_bytes(std::span(description_)));
  tags_ = load<dump::tag_row>(header_.tags);
  big_ = load<dump::big_row>(header_.big);
  chunks_ = load<dump::chunk_row>(header_.chunks);
  check_rows();
  sort_by_base(big_);
  sort_by_base(chunks_);
}

bool crash_dump::read_dump(std::uint64_t offset, std::span<std::byte> to) const {
  if (offset > header_.bytes || header_.bytes - offset < to.size()) return false;
  return core_ != nullptr ? core_->read(header_.address + offset, to) : bytes_.read(offset, to);
}

// The dump has a segment of its own. Copies of it may lie elsewhere (of a reader that crashed):
// only the one that knows its place counts.
void crash_dump::find_in_core() {
  for (const core_file::segment& s : core_->segments()) {
    std::uint64_t start = 0;
    dump::dump_header candidate{};
    if (!core_->read(s.address, start) || start != dump::magic ||
        !core_->read(s.address, candidate) || candidate.address != s.address)
      continue;
    header_ = candidate;
    return;
  }
  if (core_->cut_off()) {
    throw input_error(fmt::format(
        "{}: no bug check in it, but it was cut off: {:#x} bytes of {:#x}; raise 'ulimit -c', look "
        "for room on the disk, or set EXALLOC_DUMP=FILE",
        name(), bytes_.size(), core_->expected_bytes()));
  }
  const std::optional<int> signal = core_->signal();
  throw input_error(fmt::format(
      "{}: no bug check of exalloc in this core file{}: the process ended otherwise, did not use "
      "exalloc, or /proc/PID/coredump_filter leaves out private memory (bit 0)",
      name(), signal ? fmt::format(" (signal {})", *signal) : ""));
}

void crash_dump::check_header() const {
  const dump::dump_header& h = header_;
  if (h.version != dump::version) {
    throw input_error(
        fmt::format("{}: a dump of version {}, and this program reads version {}; use "
                    "the one that came with the library",
                    name(), h.version, dump::version));
  }
  if (h.header_checksum != dump::checksum_of(h) || h.header_bytes != sizeof h ||
      h.bytes < sizeof h || h.bytes % 8 != 0 || h.address > UINT64_MAX - h.bytes) {
    throw input_error(
        fmt::format("{}: the dump's header is damaged (its checksum is wrong); copy the "
                    "file again",
                    name()));
  }
}

void crash_dump::check_body() const {
  std::vector<std::byte> piece(1U << 16);
  dump::checksum_stream sum(header_.bytes - sizeof header_);
  for (std::uint64_t at = sizeof header_; at < header_.bytes;) {
    const auto part = std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), header_.bytes - at)));
    if (!read_dump(at, part)) {
      throw input_error(
          fmt::format("{}: the dump was cut off: it has {:#x} bytes and ends after {:#x}; was the "
                      "disk full, or "
                      "'ulimit -c' too small?",
                      name(), header_.bytes, core_ == nullptr ? bytes_.size() : at));
    }
    sum.add(part);
    at += part.size();
  }
  if (sum.result() != header_.body_checksum) {
    throw input_error(
        fmt::format("{}: the dump's tables are damaged (their checksum is wrong); copy "
                    "the file again",
                    name()));
  }
}

void crash_dump::check_table(const dump::table& table, const char* what,
                             std::size_t row_bytes) const {
  // A process that had not used the pool has no tables.
  if (table.rows == 0) return;
  if (table.row_bytes != row_bytes || table.offset < sizeof header_ || table.offset % 8 != 0 ||
      table.offset > header_.bytes || (header_.bytes - table.offset) / row_bytes < table.rows) {
    throw input_error(
        fmt::format("{}: the {} table, {} rows of {} bytes at byte {:#x} of the dump, is "
                    "not one; the dump is damaged, copy the file again",
                    name(), what, table.rows, table.row_bytes, table.offset));
  }
}

template <class Row>
std::vector<Row> crash_dump::load(const dump::table& table) const {
  std::vector<Row> rows(table.rows);
  read_dump(table.offset, std::as_writable_bytes(std::span(rows)));
  return rows;
}

void crash_dump::check_rows() const {
  const auto refuse = [&](const char* what, std::size_t row, std::uint64_t base) {
    throw input_error(
        fmt::format("{}: row {} of the {} table (at {:#x}) makes no sense; the dump is "
                    "damaged, copy the file again",
                    name(), row, what, base));
  };
  for (std::size_t i = 0; i < tags_.size(); ++i)
    if (tags_[i].kind >= pool_kinds) refuse("tag", i, tags_[i].tag);
  for (std::size_t i = 0; i < big_.size(); ++i)
    if (!valid(big_[i])) refuse("big block", i, big_[i].base);
  for (std::size_t i = 0; i < chunks_.size(); ++i)
    if (!valid(chunks_[i], header_.headers.rows)) refuse("chunk", i, chunks_[i].base);
}

bool crash_dump::read_header_of(const dump::chunk_row& chunk, std::uint64_t block,
                                std::uint64_t data, pool_header& to) const {
  const auto bytes = std::as_writable_bytes(std::span(&to, 1));
  if (chunk.copied != dump::not_copied) {
    return read_dump(header_.headers.offset + (chunk.copied + block) * sizeof to, bytes);
  }
  if (core_ == nullptr) return false;
  return core_->read(chunk.headers == 0 ? data - sizeof to : chunk.headers + block * sizeof to,
                     bytes);
}

bool crash_dump::find_big(std::uint64_t address, address_finding& found) const {
  const dump::big_row* const row = at_or_before(big_, address);
  if (row == nullptr || address - row->base >= pages_of(row->bytes)) return false;
  found.where = address_finding::place::big;
  found.block = row->base;
  found.offset = static_cast<std::int64_t>(address - row->base);
  found.size = row->bytes;
  found.room = pages_of(row->bytes);
  found.kind = static_cast<pool_kind>(row->kind);
  found.header = row->header;
  found.header_known = true;
  return true;
}

bool crash_dump::find_small(std::uint64_t address, address_finding& found) const {
  const dump::chunk_row* const row = at_or_before(chunks_, address);
  if (row == nullptr || address - row->base >= row->bytes) return false;
  found.where = address_finding::place::gap;
  found.kind = static_cast<pool_kind>(row->kind);
  const std::uint64_t front = header_bytes_in_front(*row);
  const std::uint64_t page = (address - row->base) / page_bytes;
  const std::uint64_t first = row->first_data - front;
  const std::uint64_t in_page = (address - row->base) % page_bytes;
  if (in_page < first || (in_page - first) / row->stride >= row->per_page) return true;
  const std::uint64_t block = page * row->per_page + (in_page - first) / row->stride;
  if (block >= row->blocks) return true;

  found.where = address_finding::place::small;
  found.block = row->base + data_offset(*row, block);
  found.offset = static_cast<std::int64_t>(address - found.block);
  found.room = row->stride - front;
  found.header_known = read_header_of(*row, block, found.block, found.header);
  found.size = found.header.size;
  return true;
}

address_finding crash_dump::find(std::uint64_t address) const {
  address_finding found;
  if (!find_big(address, found)) find_small(address, found);
  // The address is only mixed in, never followed.
  found.header_intact =
      found.header_known && found.header.intact(reinterpret_cast<const void*>(found.block));
  return found;
}

}  // namespace exalloc::inspect
