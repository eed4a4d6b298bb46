// Files: compressions, line ends, damage, and what the reader says about it.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "input_error.hpp"
#include "line_reader.hpp"
#include "trace_reader.hpp"

namespace exalloc::replay {
namespace {

using testing::HasSubstr;

class replay_files : public testing::Test {
 protected:
  replay_files()
      : folder_(std::filesystem::temp_directory_path() /
                ("exalloc-replay-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~replay_files() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& content, const std::string& name = "trace") {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  // As xz, gzip or zstd would write it.
  std::string compressed(const std::string& content, int filter) {
    const std::string path = folder_ / "compressed";
    archive* const a = archive_write_new();
    archive_write_add_filter(a, filter);
    archive_write_set_format_raw(a);
    EXPECT_EQ(archive_write_open_filename(a, path.c_str()), ARCHIVE_OK);
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "trace");
    EXPECT_EQ(archive_write_header(a, entry), ARCHIVE_OK);
    archive_write_data(a, content.data(), content.size());
    archive_entry_free(entry);
    archive_write_free(a);
    return path;
  }

  static std::string error_of(const std::string& path, reader_options options = {}) {
    try {
      trace_reader reader(path, options, [](const std::string&) {});
      event e;
      while (reader.next(e)) {
      }
    } catch (const input_error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

std::string many_lines() {
  std::string text = "# tracer: nop\n";
  for (int i = 0; i < 20000; ++i) {
    // Numbers that do not compress to nothing.
    text += " a-1 [00" + std::to_string(i % 2) + "] ..... " + std::to_string(i) +
            ".5: kmalloc: ptr=0x" + std::to_string(i * 7919LL % 99991) +
            " bytes_req=8 bytes_alloc=8\n";
  }
  return text;
}

TEST_F(replay_files, plain_lines_with_either_line_end) {
  line_reader reader(file("one\r\ntwo\n\nlast"));
  std::vector<std::string> lines;
  for (std::string_view line; reader.next(line);) lines.emplace_back(line);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "", "last"}));
  EXPECT_EQ(reader.line_number(), 4u);
  EXPECT_FALSE(reader.line_was_complete());
}

class every_filter : public replay_files, public testing::WithParamInterface<int> {};

TEST_P(every_filter, is_read_by_content) {
  const std::string path = compressed(many_lines(), GetParam());
  trace_reader reader(path, {}, [](const std::string&) {});
  event e;
  while (reader.next(e)) {
  }
  EXPECT_EQ(reader.events(), 20000u);
  EXPECT_EQ(reader.lines(), 20001u);
  EXPECT_DOUBLE_EQ(reader.fraction(), 1.0);
}

TEST_P(every_filter, truncated_is_a_clear_error) {
  const std::string path = compressed(many_lines(), GetParam());
  const auto size = std::filesystem::file_size(path);
  for (const auto keep : {size / 2, size - 9, std::uintmax_t{40}}) {
    std::filesystem::resize_file(path, keep);
    const std::string error = error_of(path);
    EXPECT_THAT(error, HasSubstr(path)) << keep;
    EXPECT_THAT(error, HasSubstr("truncated")) << keep;
  }
}

TEST_P(every_filter, empty_inside_is_a_clear_error) {
  EXPECT_THAT(error_of(compressed("", GetParam())), HasSubstr("record the trace again"));
}

INSTANTIATE_TEST_SUITE_P(replay, every_filter,
                         testing::Values(ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_GZIP,
                                         ARCHIVE_FILTER_ZSTD));

TEST_F(replay_files, what_is_no_file_of_text_is_a_clear_error) {
  EXPECT_THAT(error_of("/nowhere/at/all"), HasSubstr("no such file"));
  EXPECT_THAT(error_of(folder_), HasSubstr("directory"));
  EXPECT_THAT(error_of(file("")), HasSubstr("empty"));
  EXPECT_THAT(error_of(file(std::string("a\n\0b", 4))), HasSubstr("not text"));
  EXPECT_THAT(error_of(file("a\nb\x01\x02")), HasSubstr("not text"));
  EXPECT_THAT(error_of(file("\x17\x08\x44tracing6")), HasSubstr("trace-cmd report"));
  EXPECT_THAT(error_of(file(std::string("PERFILE2h\0", 10))), HasSubstr("perf script"));
  EXPECT_THAT(error_of(file(std::string(3 << 20, 'x'))), HasSubstr("line"));
  EXPECT_THAT(error_of(file("just\nsome\ntext\n")), HasSubstr("no allocation or free"));
  EXPECT_THAT(error_of(file("# tracer: nop\n#\n")), HasSubstr("no allocation or free"));
}

TEST_F(replay_files, damage_in_a_last_line_without_an_end_is_a_truncated_file) {
  const std::string good = "a-1 [000] ..... 1.5: kfree: call_site=f ptr=0x8\n";
  EXPECT_THAT(error_of(file(good + "a-1 [000] ..... 1.5: kfree: call_site=f pt")),
              HasSubstr("truncated in line 2"));
  EXPECT_EQ(error_of(file(good + good.substr(0, good.size() - 1))), "");
}

const std::string two_bad =
    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=0x8\n"
    "a-1 [000] ..... 1.5: kfree: call_site=f\n"
    "a-1 [000] ..... 1.5: sched_switch: x\n"
    "a-1 [000] ..... 1.5: kfree: ptr=zz\n"
    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=0x9\n";

TEST_F(replay_files, malformed_lines_are_named_and_skipped) {
  std::vector<std::string> complaints;
  trace_reader reader(file(two_bad), {}, [&](const std::string& s) { complaints.push_back(s); });
  event e;
  while (reader.next(e)) {
  }
  EXPECT_EQ(reader.events(), 2u);
  EXPECT_EQ(reader.malformed(), 2u);
  ASSERT_EQ(complaints.size(), 2u);
  EXPECT_THAT(complaints[0], HasSubstr("line 2"));
  EXPECT_THAT(complaints[1], HasSubstr("line 4"));
}

TEST_F(replay_files, only_the_first_ten_malformed_lines_are_named) {
  std::string text = "a-1 [000] ..... 1.5: kfree: ptr=0x8\n";
  for (int i = 0; i < 30; ++i) text += "a-1 [000] ..... 1.5: kfree: ptr=zz\n";
  std::vector<std::string> complaints;
  trace_reader reader(file(text), {}, [&](const std::string& s) { complaints.push_back(s); });
  event e;
  while (reader.next(e)) {
  }
  ASSERT_EQ(complaints.size(), 11u);
  EXPECT_THAT(complaints.back(), HasSubstr("30 malformed lines"));
}

TEST_F(replay_files, strict_refuses_a_malformed_line) {
  reader_options options;
  options.strict = true;
  EXPECT_THAT(error_of(file(two_bad), options), HasSubstr("line 2 is malformed"));
  options.limit = 1;
  EXPECT_EQ(error_of(file(two_bad), options), "");
}

TEST_F(replay_files, the_limit_counts_lines) {
  reader_options options;
  options.limit = 3;
  trace_reader reader(file("# tracer: nop\n" + two_bad), options, [](const std::string&) {});
  event e;
  while (reader.next(e)) {
  }
  EXPECT_EQ(reader.lines(), 3u);
  EXPECT_EQ(reader.events(), 1u);
  options.limit = 1;
  EXPECT_THAT(error_of(file("# tracer: nop\n" + two_bad), options), HasSubstr("--limit"));
}

TEST_F(replay_files, the_format_is_told_from_header_or_first_event) {
  const auto format_of = [&](const std::string& text) {
    trace_reader reader(file(text), {}, [](const std::string&) {});
    event e;
    EXPECT_TRUE(reader.next(e));
    return reader.format();
  };
  EXPECT_EQ(format_of(two_bad), trace_format::ftrace);
  EXPECT_EQ(format_of("= Start\n@ a + 0x10 0x20\n"), trace_format::mtrace);
  EXPECT_EQ(format_of("@ a + 0x10 0x20\n"), trace_format::mtrace);
  EXPECT_EQ(format_of("cpus=2\nx 1 [000] 1.5: kmem:kfree: ptr=0x8\n"), trace_format::ftrace);
  reader_options wrong;
  wrong.format = trace_format::mtrace;
  EXPECT_THAT(error_of(file(two_bad), wrong), HasSubstr("--format"));
}

}  // namespace
}  // namespace exalloc::replay
