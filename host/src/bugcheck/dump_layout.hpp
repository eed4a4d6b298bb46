// What a bug check leaves for the reader of a core file or dump file: layout only, see
// docs/crash-dump.md.
//
// One piece of memory that begins at a page: dump_header, then the tables. A core file holds it at
// `address`; a dump file is nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "pool/pool_header.hpp"

namespace exalloc::dump {

inline constexpr std::uint64_t magic = 0x504D'5544'6C61'7865;  // "exalDUMP"
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t alignment = 4096;
inline constexpr std::uint64_t not_copied = UINT64_MAX;

struct table {
  std::uint64_t offset = 0;  // bytes from the dump's begin; a multiple of 8
  std::uint64_t rows = 0;
  std::uint32_t row_bytes = 0;
  std::uint32_t left_out = 0;  // rows there was no room for
};

struct tag_row {
  std::uint32_t tag, kind;  // kind: pool_kind
  std::uint64_t allocations, frees, bytes;
};

struct big_row {
  std::uint64_t base;
  std::uint64_t bytes;  // what the caller asked for
  std::uint32_t kind, reserved;
  pool_header header;
};

// Blocks of one size in a row of pages; see pool_chunk_info.
struct chunk_row {
  std::uint64_t base, bytes;
  std::uint64_t headers;  // where the process kept its table of headers; 0: in front of each block
  std::uint64_t copied;   // row of the first block's header in the header table, or not_copied
  std::uint32_t stride, per_page, blocks, first_data;
  std::uint32_t kind, reserved;
};

// A pool_usage.
struct pool_totals {
  std::uint64_t held, locked, limit, reserve, big_blocks, big_pages;
};

struct dump_header {
  std::uint64_t magic;
  std::uint32_t version, header_bytes;  // sizeof(dump_header)
  std::uint64_t address;                // where the process had it
  std::uint64_t bytes;                  // all of it; a multiple of 8
  std::uint64_t body_checksum;          // of what follows the header
  std::uint64_t header_checksum;        // of the header, with 0 here

  std::uint64_t process, thread;
  std::int64_t time;  // seconds since 1970, UTC
  std::array<char, 32> program;

  // The bug check.
  std::array<std::uint64_t, 4> parameters;
  std::uint64_t block;        // 0: not known
  std::uint32_t code, tag;    // tag 0: not known
  std::uint32_t token, list;  // token 0: not known
  std::int32_t processor;     // -1: none
  std::uint32_t pool_in_use;  // 0: the pool had not been used, the tables are empty
  std::array<pool_totals, pool_kinds> totals;

  table report;  // what was printed, without the tag table; rows of 1 byte
  table tags, big, chunks, headers;
};
static_assert(sizeof(table) == 24 && sizeof(tag_row) == 32 && sizeof(big_row) == 40 &&
              sizeof(chunk_row) == 56 && sizeof(dump_header) == 384);

// Of so many bytes, which may come in pieces; each a multiple of 8 long.
class checksum_stream {
 public:
  explicit checksum_stream(std::uint64_t bytes) noexcept : sum_(bytes) {}
  void add(std::span<const std::byte> piece) noexcept {
    for (std::size_t at = 0; at + 8 <= piece.size(); at += 8) {
      std::uint64_t word;
      std::memcpy(&word, piece.data() + at, sizeof word);
      sum_ = (sum_ ^ word) * 0x9E37'79B9'7F4A'7C15;
      sum_ ^= sum_ >> 32;
    }
  }
  std::uint64_t result() const noexcept { return sum_; }

 private:
  std::uint64_t sum_;
};

inline std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
  checksum_stream sum(bytes.size());
  sum.add(bytes);
  return sum.result();
}

inline std::uint64_t checksum_of(dump_header header) noexcept {
  header.header_checksum = 0;
  return checksum(std::as_bytes(std::span(&header, 1)));
}

}  // namespace exalloc::dump
