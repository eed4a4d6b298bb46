// Dumps and core files made by hand, so that each of their fields can be wrong.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bugcheck/dump_layout.hpp"

namespace exalloc::testing {

using bytes = std::vector<std::byte>;

// Bytes at an offset, as what they are.
template <class T>
T& at(bytes& b, std::size_t offset) {
  return *reinterpret_cast<T*>(b.data() + offset);
}

inline pool_header sealed_header(std::uint32_t tag, std::uint16_t size, pool_state state,
                                 std::uint64_t block) {
  pool_header h{};
  h.tag = tag;
  h.size = size;
  h.state = state;
  h.seal(reinterpret_cast<const void*>(block));
  return h;
}

constexpr std::uint32_t tag_of(const char (&text)[5]) {
  std::uint32_t tag = 0;
  for (int i = 0; i < 4; ++i)
    tag |= static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  return tag;
}

// One dump with everything in it. `address`: where the process had it.
class dump_maker {
 public:
  static constexpr std::uint64_t address = 0x7F00'0000'0000;
  // Nonpaged, 3 blocks with their headers in front, two of them in the first page.
  static constexpr std::uint64_t front_chunk = 0x1000'0000;
  static constexpr std::uint32_t front_stride = 2048, front_first = 16;
  // Paged, 8 blocks of 1,024 bytes, headers in a table at `table`.
  static constexpr std::uint64_t table_chunk = 0x2000'0000, table = 0x3000'0000;
  static constexpr std::uint64_t big_block = 0x4000'0000, big_size = 10000;

  static std::uint64_t front_block(std::uint64_t i) {
    return front_chunk + i / 2 * 4096 + front_first + i % 2 * front_stride;
  }
  static std::uint64_t table_block(std::uint64_t i) { return table_chunk + i * 1024; }

  // `with_front`: the headers in front of blocks are in it too, as in a dump file.
  explicit dump_maker(bool with_front) {
    all_.resize(sizeof(dump::dump_header));
    const std::string text = "*** a report\n  of two lines\n";
    header().report = add(std::span(text));
    const std::vector<dump::tag_row> tags{{tag_of("Smal"), 0, 10, 4, 600},
                                          {tag_of("Frac"), 1, 5, 0, 5000},
                                          {tag_of("BigB"), 1, 1, 0, 12288},
                                          {tag_of("Irp "), 0, 7, 7, 0}};
    header().tags = add(std::span(tags));
    const std::vector<dump::big_row> big{
        {big_block, big_size, 1, 0,
         sealed_header(tag_of("BigB"), 10000 % 4096, pool_state::allocated, big_block)}};
    header().big = add(std::span(big));
    std::vector<pool_header> headers;
    for (std::uint64_t i = 0; i < 8; ++i) headers.push_back(table_header(i));
    const std::uint64_t copied = with_front ? headers.size() : dump::not_copied;
    if (with_front)
      for (std::uint64_t i = 0; i < 3; ++i) headers.push_back(front_header(i));
    const std::vector<dump::chunk_row> chunks{
        {table_chunk, 8192, table, 0, 1024, 4, 8, 0, 1, 0},
        {front_chunk, 8192, 0, copied, front_stride, 2, 3, front_first, 0, 0}};
    header().chunks = add(std::span(chunks));
    header().headers = add(std::span(headers));
    describe();
  }

  // Block 0 is allocated, 1 free, 2 damaged.
  static pool_header front_header(std::uint64_t i) {
    pool_header h =
        sealed_header(tag_of("Smal"), static_cast<std::uint16_t>(100 + i),
                      i == 1 ? pool_state::free : pool_state::allocated, front_block(i));
    if (i == 2) h.size ^= 1;
    return h;
  }
  // All are allocated but the last, which never was.
  static pool_header table_header(std::uint64_t i) {
    return i == 7 ? pool_header{}
                  : sealed_header(tag_of("Frac"), static_cast<std::uint16_t>(1000 + i),
                                  pool_state::allocated, table_block(i));
  }

  dump::dump_header& header() { return at<dump::dump_header>(all_, 0); }
  template <class Row>
  Row& row(const dump::table& t, std::size_t i) {
    return at<Row>(all_, t.offset + i * sizeof(Row));
  }
  const bytes& get() const { return all_; }

  // Makes the checksums right again.
  const bytes& seal() {
    seal(all_);
    return all_;
  }
  static void seal(bytes& dump) {
    auto& h = at<dump::dump_header>(dump, 0);
    h.body_checksum = dump::checksum(std::span(dump).subspan(sizeof(dump::dump_header)));
    h.header_checksum = dump::checksum_of(h);
  }

 private:
  template <class Rows>
  dump::table add(const Rows& rows) {
    const auto raw = std::as_bytes(rows);
    const dump::table t{all_.size(), rows.size(), sizeof(rows[0]), 0};
    all_.insert(all_.end(), raw.begin(), raw.end());
    all_.resize((all_.size() + 7) / 8 * 8);
    return t;
  }
  void describe() {
    dump::dump_header& h = header();
    h.magic = dump::magic;
    h.version = dump::version;
    h.header_bytes = sizeof h;
    h.address = address;
    h.bytes = all_.size();
    h.process = 1234;
    h.thread = 1235;
    h.time = 1'700'000'000;
    std::strcpy(h.program.data(), "maker");
    h.parameters = {7, 0, 0x1234, front_block(1)};
    h.block = front_block(1);
    h.code = 0xC2;
    h.tag = tag_of("Smal");
    h.token = 0x55;
    h.list = 3;
    h.processor = 2;
    h.pool_in_use = 1;
    h.totals = {{{8192, 8192, UINT64_MAX, 65536, 0, 0}, {20480, 0, 1 << 20, 0, 1, 3}}};
    seal();
  }

  bytes all_;
};

// An ELF core file.
class core_maker {
 public:
  struct memory {
    std::uint64_t address;
    bytes contents;
  };
  // A note of a thread that the signal ended, then the memory.
  explicit core_maker(const std::vector<memory>& segments, int signal = 6) {
    bytes note(sizeof(Elf64_Nhdr) + 8 + 336);
    at<Elf64_Nhdr>(note, 0) = {5, 336, NT_PRSTATUS};
    std::memcpy(note.data() + sizeof(Elf64_Nhdr), "CORE", 5);
    at<std::int16_t>(note, sizeof(Elf64_Nhdr) + 8 + 12) = static_cast<std::int16_t>(signal);

    const std::size_t count = segments.size() + 1;
    std::size_t offset = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
    all_.resize(offset);
    auto& e = at<Elf64_Ehdr>(all_, 0);
    std::memcpy(e.e_ident, ELFMAG, SELFMAG);
    e.e_ident[EI_CLASS] = ELFCLASS64;
    e.e_ident[EI_DATA] = ELFDATA2LSB;
    e.e_type = ET_CORE;
    e.e_phoff = sizeof(Elf64_Ehdr);
    e.e_phentsize = sizeof(Elf64_Phdr);
    e.e_phnum = static_cast<std::uint16_t>(count);
    put(0, PT_NOTE, 0, note);
    for (std::size_t i = 0; i < segments.size(); ++i)
      put(i + 1, PT_LOAD, segments[i].address, segments[i].contents);
  }

  // A process with the dump, and with the first page of blocks that have their headers in front.
  static core_maker of(const dump_maker& dump) {
    bytes page(4096);
    for (std::uint64_t i = 0; i < 2; ++i)
      at<pool_header>(page, dump_maker::front_block(i) - 16 - dump_maker::front_chunk) =
          dump_maker::front_header(i);
    return core_maker({{dump_maker::front_chunk, page}, {dump_maker::address, dump.get()}});
  }

  Elf64_Ehdr& header() { return at<Elf64_Ehdr>(all_, 0); }
  Elf64_Phdr& program(std::size_t i) {
    return at<Elf64_Phdr>(all_, sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr));
  }
  const bytes& get() const { return all_; }

 private:
  void put(std::size_t i, std::uint32_t type, std::uint64_t address, const bytes& contents) {
    program(i).p_type = type;
    program(i).p_vaddr = address;
    program(i).p_offset = all_.size();
    program(i).p_filesz = program(i).p_memsz = contents.size();
    all_.insert(all_.end(), contents.begin(), contents.end());
  }

  bytes all_;
};

}  // namespace exalloc::testing
