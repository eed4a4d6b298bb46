// The reader of core files and dumps, on files made by hand: what it finds, and what it refuses.
#include "crash_dump.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "../environment.hpp"
#include "crash_report.hpp"
#include "dump_maker.hpp"
#include "file_source.hpp"
#include "input_error.hpp"

namespace exalloc::testing {
namespace {

using inspect::address_finding;
using inspect::crash_dump;
using inspect::span_source;
using place = address_finding::place;
using ::testing::AllOf;
using ::testing::HasSubstr;

// The message of the refusal; empty if there is none.
std::string refusal(std::span<const std::byte> file) {
  const span_source source("the-file", file);
  try {
    const crash_dump dump(source);
    return "";
  } catch (const exalloc::input_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the-file: "));
    return error.what();
  }
}

// Everything that can be asked of a file that is read.
void ask_everything(const crash_dump& dump) {
  inspect::crash_questions questions;
  questions.big = true;
  EXPECT_FALSE(crash_text(dump, questions).empty());
  EXPECT_FALSE(crash_json(dump, questions)
                   .dump(0, ' ', false, nlohmann::json::error_handler_t::replace)
                   .empty());
  questions.addresses = {0, UINT64_MAX};
  for (const auto& c : dump.chunks())
    for (const std::uint64_t a : {c.base, c.base + c.first_data, c.base + c.bytes - 1})
      questions.addresses.push_back(a);
  for (const auto& b : dump.big()) questions.addresses.push_back(b.base);
  EXPECT_FALSE(crash_text(dump, questions).empty());
  EXPECT_FALSE(crash_json(dump, questions)
                   .dump(0, ' ', false, nlohmann::json::error_handler_t::replace)
                   .empty());
}

// What both kinds of file must tell.
void expect_contents(const crash_dump& dump) {
  EXPECT_EQ(dump.header().code, 0xC2U);
  EXPECT_EQ(dump.description(), "*** a report\n  of two lines\n");
  ASSERT_EQ(dump.tags().size(), 4U);
  EXPECT_EQ(dump.tags()[1].bytes, 5000U);

  const address_finding small = dump.find(dump_maker::front_block(0) + 99);
  EXPECT_EQ(small.where, place::small);
  EXPECT_EQ(small.block, dump_maker::front_block(0));
  EXPECT_EQ(small.offset, 99);
  EXPECT_EQ(small.size, 100U);
  EXPECT_EQ(small.room, 2032U);
  EXPECT_EQ(small.header.tag, tag_of("Smal"));
  EXPECT_TRUE(small.header_intact);
  EXPECT_EQ(small.header.state, pool_state::allocated);
  EXPECT_EQ(small.kind, pool_kind::nonpaged);
  EXPECT_EQ(dump.find(dump_maker::front_block(0) - 1).offset, -1);
  EXPECT_EQ(dump.find(dump_maker::front_block(1)).header.state, pool_state::free);
  // Only the first 3 blocks are any.
  EXPECT_EQ(dump.find(dump_maker::front_block(3)).where, place::gap);

  const address_finding table = dump.find(dump_maker::table_block(6) + 1023);
  EXPECT_EQ(table.block, dump_maker::table_block(6));
  EXPECT_EQ(table.size, 1006U);
  EXPECT_TRUE(table.header_intact);
  EXPECT_EQ(table.kind, pool_kind::paged);
  EXPECT_EQ(dump.find(dump_maker::table_block(7)).header.state, pool_state::none);

  const address_finding big = dump.find(dump_maker::big_block + 9999);
  EXPECT_EQ(big.where, place::big);
  EXPECT_EQ(big.block, dump_maker::big_block);
  EXPECT_EQ(big.size, dump_maker::big_size);
  EXPECT_TRUE(big.header_intact);
  EXPECT_EQ(dump.find(dump_maker::big_block + 3 * 4096 - 1).where, place::big);
  for (const std::uint64_t a :
       {dump_maker::big_block - 1, dump_maker::big_block + 3 * 4096, dump_maker::front_chunk - 1,
        dump_maker::front_chunk + 8192, std::uint64_t{0}, UINT64_MAX})
    EXPECT_EQ(dump.find(a).where, place::foreign) << std::hex << a;
  ask_everything(dump);
}

TEST(crash_dump_reader, reads_a_dump_file) {
  const dump_maker maker(true);
  const span_source source("dump", maker.get());
  const crash_dump dump(source);
  expect_contents(dump);
  EXPECT_EQ(dump.core(), nullptr);
  const address_finding damaged = dump.find(dump_maker::front_block(2));
  EXPECT_TRUE(damaged.header_known);
  EXPECT_FALSE(damaged.header_intact);
}

TEST(crash_dump_reader, reads_a_core_file) {
  const core_maker maker = core_maker::of(dump_maker(false));
  const span_source source("core", maker.get());
  const crash_dump dump(source);
  expect_contents(dump);
  ASSERT_NE(dump.core(), nullptr);
  EXPECT_EQ(dump.core()->signal(), 6);
  // The second page of blocks is not in the file.
  const address_finding unknown = dump.find(dump_maker::front_block(2));
  EXPECT_EQ(unknown.where, place::small);
  EXPECT_FALSE(unknown.header_known);
}

TEST(crash_dump_reader, only_the_dump_in_its_own_place_counts) {
  dump_maker other(false);
  other.header().code = 0x19;
  other.seal();
  const dump_maker own(false);
  // A copy lies at a lower address, as in a reader that crashed.
  const core_maker maker({{0x5000'0000, other.get()}, {dump_maker::address, own.get()}});
  const span_source source("core", maker.get());
  EXPECT_EQ(crash_dump(source).header().code, 0xC2U);
}

TEST(crash_dump_reader, memory_may_lie_in_several_segments) {
  const dump_maker own(false);
  const bytes& all = own.get();
  const std::size_t half = 400;
  const core_maker maker({{dump_maker::address + half, bytes(all.begin() + half, all.end())},
                          {dump_maker::address, bytes(all.begin(), all.begin() + half)}});
  const span_source source("core", maker.get());
  EXPECT_EQ(crash_dump(source).tags().size(), 4U);
}

TEST(crash_dump_reader, a_process_that_did_not_use_the_pool) {
  dump_maker maker(true);
  dump::dump_header& h = maker.header();
  h.pool_in_use = 0;
  h.tags = h.big = h.chunks = h.headers = {};
  const span_source source("dump", maker.seal());
  const crash_dump dump(source);
  EXPECT_THAT(crash_text(dump, {}), HasSubstr("had not used the pool"));
}

TEST(crash_dump_reader, refuses_what_is_neither) {
  const std::string text = "nothing of the kind";
  EXPECT_THAT(refusal(std::as_bytes(std::span(text))), HasSubstr("neither a core file nor a dump"));
  EXPECT_THAT(refusal({}), HasSubstr("neither"));
  const std::string zstd = "\x28\xB5\x2F\xFD compressed";
  EXPECT_THAT(refusal(std::as_bytes(std::span(zstd))), HasSubstr("zstd -d"));
}

TEST(crash_dump_reader, a_missing_file_is_told) {
  EXPECT_THROW(inspect::file_source("/no/such/file"), exalloc::input_error);
  EXPECT_THROW(inspect::file_source("/dev/null"), exalloc::input_error);
  EXPECT_THROW(inspect::file_source("/tmp"), exalloc::input_error);
}

TEST(crash_dump_reader, refuses_a_dump_cut_off_anywhere) {
  const dump_maker maker(true);
  const std::span<const std::byte> all(maker.get());
  for (std::size_t n = 0; n < all.size(); ++n) {
    const std::string why = refusal(all.first(n));
    ASSERT_NE(why, "") << n;
    if (n >= sizeof(dump::dump_header)) {
      ASSERT_THAT(why, HasSubstr("cut off")) << n;
    }
  }
}

TEST(crash_dump_reader, refuses_a_core_cut_off_anywhere) {
  const core_maker maker = core_maker::of(dump_maker(false));
  const std::span<const std::byte> all(maker.get());
  for (std::size_t n = 4; n < all.size(); ++n) {
    const std::string why = refusal(all.first(n));
    ASSERT_NE(why, "") << n;
    if (n >= sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr)) {
      ASSERT_THAT(why, HasSubstr("cut off")) << n;
    }
  }
}

TEST(crash_dump_reader, refuses_every_flipped_bit_of_a_dump) {
  const dump_maker maker(true);
  bytes all = maker.get();
  for (std::size_t bit = 0; bit < 8 * all.size(); ++bit) {
    all[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_NE(refusal(all), "") << bit;
    all[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(crash_dump_reader, refuses_another_version) {
  dump_maker maker(true);
  maker.header().version = 2;
  EXPECT_THAT(refusal(maker.seal()), AllOf(HasSubstr("version 2"), HasSubstr("version 1")));
}

// Damage that the checksums do not show: a file made to mislead.
template <class Change>
std::string refusal_of(Change&& change) {
  dump_maker maker(true);
  change(maker, maker.header());
  return refusal(maker.seal());
}

TEST(crash_dump_reader, refuses_tables_that_reach_out_of_the_dump) {
  for (dump::table dump::dump_header::*table :
       {&dump::dump_header::report, &dump::dump_header::tags, &dump::dump_header::big,
        &dump::dump_header::chunks, &dump::dump_header::headers}) {
    for (const std::uint64_t rows : {std::uint64_t{100'000}, UINT64_MAX, UINT64_MAX / 32 + 2})
      EXPECT_THAT(refusal_of([&](auto&, auto& h) { (h.*table).rows = rows; }),
                  HasSubstr("is not one"));
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{385},
                                       std::uint64_t{1} << 40, UINT64_MAX - 7})
      EXPECT_THAT(refusal_of([&](auto&, auto& h) { (h.*table).offset = offset; }),
                  HasSubstr("is not one"));
    EXPECT_THAT(refusal_of([&](auto&, auto& h) { (h.*table).row_bytes += 8; }),
                HasSubstr("is not one"));
  }
}

TEST(crash_dump_reader, refuses_rows_that_make_no_sense) {
  const auto chunk = [](auto&& change) {
    return refusal_of(
        [&](dump_maker& m, dump::dump_header& h) { change(m.row<dump::chunk_row>(h.chunks, 1)); });
  };
  EXPECT_THAT(chunk([](auto& c) { c.stride = 0; }), HasSubstr("row 1 of the chunk table"));
  EXPECT_THAT(chunk([](auto& c) { c.stride = 16; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.stride = UINT32_MAX; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.per_page = 0; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.per_page = 3; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.blocks = 5; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.first_data = 15; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.first_data = UINT32_MAX; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.kind = 2; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.base += 8; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.base = UINT64_MAX - 4095; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.copied = 9; }), HasSubstr("chunk"));
  EXPECT_THAT(chunk([](auto& c) { c.copied = UINT64_MAX - 1; }), HasSubstr("chunk"));

  const auto big = [](auto&& change) {
    return refusal_of(
        [&](dump_maker& m, dump::dump_header& h) { change(m.row<dump::big_row>(h.big, 0)); });
  };
  EXPECT_THAT(big([](auto& b) { b.bytes = UINT64_MAX; }), HasSubstr("big block"));
  EXPECT_THAT(big([](auto& b) { b.base = UINT64_MAX - 4095; }), HasSubstr("big block"));
  EXPECT_THAT(big([](auto& b) { b.base += 1; }), HasSubstr("big block"));
  EXPECT_THAT(big([](auto& b) { b.kind = 7; }), HasSubstr("big block"));
  EXPECT_THAT(refusal_of([](dump_maker& m, dump::dump_header& h) {
                m.row<dump::tag_row>(h.tags, 2).kind = 2;
              }),
              HasSubstr("row 2 of the tag table"));
}

TEST(crash_dump_reader, refuses_damaged_elf) {
  const auto with = [](auto&& change) {
    core_maker maker = core_maker::of(dump_maker(false));
    change(maker);
    return refusal(maker.get());
  };
  EXPECT_THAT(with([](auto& m) { m.header().e_type = ET_DYN; }), HasSubstr("no core file"));
  EXPECT_THAT(with([](auto& m) { m.header().e_ident[EI_CLASS] = ELFCLASS32; }),
              HasSubstr("another kind of machine"));
  EXPECT_THAT(with([](auto& m) { m.header().e_ident[EI_DATA] = ELFDATA2MSB; }),
              HasSubstr("another kind of machine"));
  EXPECT_THAT(with([](auto& m) { m.header().e_phnum = 0; }), HasSubstr("program headers"));
  EXPECT_THAT(with([](auto& m) { m.header().e_phnum = 60000; }), HasSubstr("beyond"));
  EXPECT_THAT(with([](auto& m) {
                m.header().e_phnum = PN_XNUM;
                m.header().e_shoff = UINT64_MAX - 5;
              }),
              HasSubstr("section header"));
  EXPECT_THAT(with([](auto& m) { m.header().e_phentsize = 32; }), HasSubstr("damaged"));
  EXPECT_THAT(with([](auto& m) { m.header().e_phoff = UINT64_MAX; }), HasSubstr("beyond"));
  EXPECT_THAT(with([](auto& m) { m.program(1).p_offset = UINT64_MAX; }),
              HasSubstr("program header 1"));
  EXPECT_THAT(with([](auto& m) { m.program(2).p_vaddr = UINT64_MAX - 10; }),
              HasSubstr("beyond the last address"));
  EXPECT_THAT(with([](auto& m) { m.program(1).p_vaddr = m.program(2).p_vaddr + 64; }),
              HasSubstr("two segments"));
  EXPECT_THAT(with([](auto& m) { m.program(2).p_type = PT_NULL; }), HasSubstr("no bug check"));
  EXPECT_THAT(with([](auto& m) { m.program(2).p_vaddr += 4096; }), HasSubstr("no bug check"));
  EXPECT_THAT(with([](auto& m) { m.program(2).p_memsz = 500; }), HasSubstr("cut off"));
}

TEST(crash_dump_reader, many_program_headers) {
  core_maker maker = core_maker::of(dump_maker(false));
  bytes all = maker.get();
  Elf64_Shdr section{};
  section.sh_info = maker.header().e_phnum;
  at<Elf64_Ehdr>(all, 0).e_phnum = PN_XNUM;
  at<Elf64_Ehdr>(all, 0).e_shoff = all.size();
  const auto raw = std::as_bytes(std::span(&section, 1));
  all.insert(all.end(), raw.begin(), raw.end());
  EXPECT_EQ(refusal(all), "");
}

TEST(crash_dump_reader, damaged_notes_do_no_harm) {
  core_maker maker = core_maker::of(dump_maker(false));
  bytes all = maker.get();
  auto& note = at<Elf64_Nhdr>(all, maker.program(0).p_offset);
  for (const std::uint32_t size : {0U, 1U, 0x7FFF'FFFFU, 0xFFFF'FFFFU}) {
    for (std::uint32_t Elf64_Nhdr::*field : {&Elf64_Nhdr::n_namesz, &Elf64_Nhdr::n_descsz}) {
      const std::uint32_t before = note.*field;
      note.*field = size;
      EXPECT_EQ(refusal(all), "");
      note.*field = before;
    }
  }
}

TEST(crash_report, tells_of_an_address) {
  const dump_maker maker(true);
  const span_source source("dump", maker.get());
  const crash_dump dump(source);
  const auto told = [&](std::uint64_t address) {
    inspect::crash_questions q;
    q.addresses = {address};
    return crash_text(dump, q);
  };
  EXPECT_THAT(told(dump_maker::front_block(0)),
              AllOf(HasSubstr("where a block begins"), HasSubstr("\"Smal\""),
                    HasSubstr("allocated"), HasSubstr("100 bytes asked for"), HasSubstr("Nonp")));
  EXPECT_THAT(told(dump_maker::front_block(0) + 104),
              HasSubstr("beyond what the caller asked for"));
  EXPECT_THAT(told(dump_maker::front_block(0) - 8), HasSubstr("in the header"));
  EXPECT_THAT(told(dump_maker::front_block(1)), HasSubstr("state   free"));
  EXPECT_THAT(told(dump_maker::front_block(2)), HasSubstr("header damaged"));
  EXPECT_THAT(told(dump_maker::table_block(7)), HasSubstr("never allocated"));
  EXPECT_THAT(told(dump_maker::big_block + 5),
              AllOf(HasSubstr("5 bytes into the block"), HasSubstr("pages of its own")));
  EXPECT_THAT(told(4), HasSubstr("not in the pool"));
}

TEST(crash_report, json_tells_the_same) {
  const dump_maker maker(true);
  const span_source source("dump", maker.get());
  const crash_dump dump(source);
  inspect::crash_questions q;
  q.big = true;
  const auto j = crash_json(dump, q);
  EXPECT_EQ(j["bug_check"]["code"], "0xc2");
  EXPECT_EQ(j["bug_check"]["name"], "BAD_POOL_CALLER");
  EXPECT_EQ(j["bug_check"]["tag"], "Smal");
  EXPECT_EQ(j["bug_check"]["processor"], 2);
  ASSERT_EQ(j["tags"].size(), 4U);
  EXPECT_EQ(j["tags"][0]["tag"], "BigB");  // most bytes first
  EXPECT_EQ(j["tags"][0]["bytes"], 12288);
  EXPECT_EQ(j["big_blocks"][0]["address"], "0x40000000");
  EXPECT_EQ(j["totals"][1]["limit"], 1 << 20);
  EXPECT_TRUE(j["totals"][0]["limit"].is_null());
  q.addresses = {dump_maker::front_block(1)};
  const auto a = crash_json(dump, q)["addresses"][0];
  EXPECT_EQ(a["state"], "free");
  EXPECT_EQ(a["place"], "small");
}

TEST(crash_report, a_hostile_report_does_not_reach_the_terminal) {
  dump_maker maker(true);
  maker.row<char>(maker.header().report, 0) = '\x1B';
  const span_source source("dump", maker.seal());
  EXPECT_THAT(crash_text(crash_dump(source), {}), ::testing::Not(HasSubstr("\x1B")));
}

// Random damage, with the checksums right half of the time: read or refused, never worse.
TEST(crash_dump_reader, survives_random_damage) {
  const std::uint64_t seed = exalloc::test::seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const dump_maker dump(true);
  const core_maker core = core_maker::of(dump_maker(false));
  const std::size_t core_dump_at = core.get().size() - dump_maker(false).get().size();
  constexpr std::uint64_t values[] = {0,           1,          2,         15,
                                      16,          4095,       4096,      0x7FFF'FFFF,
                                      0xFFFF'FFFF, UINT64_MAX, 1UL << 63, UINT64_MAX - 4095};
  unsigned read = 0;
  for (unsigned round = exalloc::test::rounds(4000); round > 0; --round) {
    const bool is_core = random() % 2 == 0;
    bytes file = is_core ? core.get() : dump.get();
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      const std::size_t place = random() % (file.size() - 8);
      if (random() % 2 == 0) {
        file[place] ^= std::byte{1} << (random() % 8);
      } else {
        const std::uint64_t value = values[random() % std::size(values)];
        std::memcpy(file.data() + place / 4 * 4, &value, random() % 2 == 0 ? 4 : 8);
      }
    }
    if (random() % 2 == 0) {
      const std::size_t from = is_core ? core_dump_at : 0;
      bytes part(file.begin() + static_cast<std::ptrdiff_t>(from), file.end());
      dump_maker::seal(part);
      std::copy(part.begin(), part.end(), file.begin() + static_cast<std::ptrdiff_t>(from));
    }
    if (random() % 8 == 0) file.resize(random() % file.size());
    const span_source source("the-file", file);
    try {
      const crash_dump d(source);
      ask_everything(d);
      ++read;
    } catch (const exalloc::input_error&) {
    }
  }
  EXPECT_GT(read, 100U);
}

// Files that a fuzzer found, or that are kept for other reasons.
TEST(crash_dump_reader, survives_the_kept_files) {
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(EXALLOC_TEST_DATA "/cores")) {
    SCOPED_TRACE(entry.path());
    const inspect::file_source source(entry.path());
    const bool good = entry.path().filename().string().starts_with("good");
    try {
      const crash_dump dump(source);
      EXPECT_TRUE(good);
      ask_everything(dump);
    } catch (const exalloc::input_error& error) {
      EXPECT_FALSE(good) << error.what();
    }
    ++files;
  }
  EXPECT_GE(files, 4U);
}

}  // namespace
}  // namespace exalloc::testing
