// Processes that end with a bug check, and what `exalloc pool --core` tells of them afterwards.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core_writer.hpp"
#include "crash_dump.hpp"
#include "exalloc/bugcheck.h"
#include "file_source.hpp"

namespace exalloc::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::filesystem::path beside_the_tests(const std::string& program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class crash_process : public ::testing::Test {
 protected:
  crash_process()
      : folder_(std::filesystem::temp_directory_path() /
                ("exalloc-crash-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~crash_process() override { std::filesystem::remove_all(folder_); }

  // Runs tests/host/crash/program.c in the folder until it ends or stops; its wait status.
  int run(const std::string& how, const std::vector<std::string>& environment = {}) {
    const std::string program = beside_the_tests("crash_program");
    child_ = ::fork();
    if (child_ == 0) {
      if (::chdir(folder_.c_str()) != 0) ::_exit(126);
      ::dup2(::open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
      ::dup2(::open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      for (const std::string& e : environment) ::putenv(const_cast<char*>(e.c_str()));
      ::execl(program.c_str(), program.c_str(), how.c_str(), nullptr);
      ::_exit(127);
    }
    int status = -1;
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (::waitpid(child_, &status, WUNTRACED | WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << "the program neither ends nor stops; " << contents(folder_ / "err");
        ::kill(child_, SIGKILL);
        ::waitpid(child_, &status, 0);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::istringstream lines(contents(folder_ / "out"));
    for (std::string name, address; lines >> name >> address;)
      addresses_[name] = std::strtoull(address.c_str(), nullptr, 16);
    error_ = contents(folder_ / "err");
    return status;
  }
  static bool aborted(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }

  // What the program prints when it is asked for a file.
  std::string exalloc(const std::string& arguments, int expected_status = 0) {
    std::ostringstream line;
    line << "timeout 120 '" << beside_the_tests("exalloc").string() << "' pool " << arguments
         << " >'" << (folder_ / "told").string() << "' 2>&1";
    const std::string command = line.str();
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), expected_status) << command;
    return contents(folder_ / "told");
  }
  nlohmann::json exalloc_json(const std::string& arguments) {
    return nlohmann::json::parse(exalloc(arguments + " --json"));
  }

  // The dump of "twice" or "stop", wherever it was found.
  void expect_found(const std::filesystem::path& file) {
    ASSERT_TRUE(std::filesystem::exists(file));
    const inspect::file_source source(file);
    const inspect::crash_dump dump(source);
    EXPECT_EQ(dump.header().code, 0xC2U);
    EXPECT_EQ(dump.header().process, static_cast<std::uint64_t>(child_));
    EXPECT_THAT(dump.description(), HasSubstr("BAD_POOL_CALLER"));

    struct expected {
      const char *name, *tag;
      std::uint64_t size;
      pool_state state;
      pool_kind kind;
      bool big;
    };
    for (const expected& e :
         {expected{"small", "Smal", 100, pool_state::allocated, pool_kind::nonpaged, false},
          {"gone", "Gone", 200, pool_state::free, pool_kind::nonpaged, false},
          {"line", "Line", 64, pool_state::allocated, pool_kind::nonpaged, false},
          {"part", "Part", 2000, pool_state::allocated, pool_kind::paged, false},
          {"large", "Lrg ", 10000, pool_state::allocated, pool_kind::paged, true}}) {
      SCOPED_TRACE(e.name);
      const std::uint64_t block = addresses_.at(e.name);
      for (const std::uint64_t offset : {std::uint64_t{0}, e.size / 2, e.size - 1}) {
        const inspect::address_finding f = dump.find(block + offset);
        EXPECT_EQ(f.where, e.big ? inspect::address_finding::place::big
                                 : inspect::address_finding::place::small);
        EXPECT_EQ(f.block, block);
        EXPECT_EQ(f.offset, static_cast<std::int64_t>(offset));
        ASSERT_TRUE(f.header_known);
        EXPECT_TRUE(f.header_intact);
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(&f.header.tag), 4), e.tag);
        EXPECT_EQ(f.header.state, e.state);
        EXPECT_EQ(f.size, e.size);
        EXPECT_GE(f.room, e.size);
        EXPECT_EQ(f.kind, e.kind);
      }
    }
    EXPECT_EQ(dump.find(addresses_.at("large") + 12288).where,
              inspect::address_finding::place::foreign);
    EXPECT_EQ(dump.find(0x1000).where, inspect::address_finding::place::foreign);
    ASSERT_EQ(dump.big().size(), 1U);
    EXPECT_EQ(dump.header().totals[1].big_blocks, 1U);

    // And the same as a user meets it.
    char address[32];
    std::snprintf(address, sizeof address, "%" PRIx64, addresses_.at("small") + 50);
    const std::string core = "--core '" + file.string() + "' ";
    EXPECT_THAT(exalloc(core + "--address " + address),
                AllOf(HasSubstr("50 bytes into the block"), HasSubstr("\"Smal\""),
                      HasSubstr("100 bytes asked for")));
    EXPECT_THAT(exalloc(core), AllOf(HasSubstr("0x000000C2 BAD_POOL_CALLER"),
                                     HasSubstr("Smal Nonp"), HasSubstr("Part Paged"),
                                     HasSubstr("Total Nonp"), Not(HasSubstr("Big block"))));
    EXPECT_THAT(exalloc(core + "--tag 'L*' --big"),
                AllOf(HasSubstr("Line Nonp"), HasSubstr("Lrg  Paged"), HasSubstr("Big block"),
                      Not(HasSubstr("Smal"))));
    const auto j = exalloc_json(core + "--tag Gone");
    ASSERT_EQ(j["tags"].size(), 1U);
    EXPECT_EQ(j["tags"][0]["allocations"], 1);
    EXPECT_EQ(j["tags"][0]["frees"], 1);
    EXPECT_EQ(j["tags"][0]["bytes"], 0);
    EXPECT_EQ(j["bug_check"]["name"], "BAD_POOL_CALLER");
  }

  std::filesystem::path folder_;
  ::pid_t child_ = -1;
  std::map<std::string, std::uint64_t> addresses_;
  std::string error_;
};

TEST_F(crash_process, reports_and_aborts) {
  EXPECT_TRUE(aborted(run("twice")));
  EXPECT_THAT(error_, AllOf(HasSubstr("*** exalloc bug check 0x000000C2 BAD_POOL_CALLER (0x7, "),
                            HasSubstr("tag      \"Gone\""), HasSubstr("200 bytes asked for"),
                            HasSubstr("pool tags, by bytes in use"), HasSubstr("Smal Nonp")));
}

TEST_F(crash_process, damaged_header_is_shown) {
  EXPECT_TRUE(aborted(run("damage")));
  EXPECT_THAT(error_, AllOf(HasSubstr("0x00000019 BAD_POOL_HEADER (0x20, "),
                            HasSubstr("header   ab ab ab ab 64 00"), HasSubstr("WRONG")));
}

TEST_F(crash_process, dump_file) {
  EXPECT_TRUE(aborted(run("twice", {"EXALLOC_DUMP=the.dump"})));
  EXPECT_THAT(error_, HasSubstr("exalloc pool --core the.dump"));
  expect_found(folder_ / "the.dump");
  const inspect::file_source source(folder_ / "the.dump");
  const inspect::crash_dump dump(source);
  EXPECT_EQ(dump.header().parameters[0], std::uint64_t{POOL_CALLER_FREED_TWICE});
  EXPECT_EQ(dump.header().parameters[3], addresses_.at("gone"));
  EXPECT_EQ(dump.header().block, addresses_.at("gone"));
  const auto permissions = std::filesystem::status(folder_ / "the.dump").permissions();
  EXPECT_EQ(permissions, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(crash_process, dump_file_with_the_process_in_its_name) {
  EXPECT_TRUE(aborted(run("own", {"EXALLOC_DUMP=dump-%p-%p"})));
  const std::string pid = std::to_string(child_);
  const auto j = exalloc_json("--core '" + (folder_ / ("dump-" + pid + "-" + pid)).string() + "'");
  EXPECT_EQ(j["bug_check"]["code"], "0x1234");
  EXPECT_EQ(j["bug_check"]["parameters"], (std::vector<std::string>{"0x1", "0x2", "0x3", "0x4"}));
}

TEST_F(crash_process, dump_file_that_cannot_be_written) {
  EXPECT_TRUE(aborted(run("own", {"EXALLOC_DUMP=/no/such/folder/dump"})));
  EXPECT_THAT(error_, HasSubstr("/no/such/folder/dump: cannot be written: No such file"));
}

TEST_F(crash_process, without_the_pool) {
  EXPECT_TRUE(aborted(run("unused", {"EXALLOC_DUMP=the.dump"})));
  EXPECT_THAT(exalloc("--core '" + (folder_ / "the.dump").string() + "'"),
              AllOf(HasSubstr("0x000000E2"), HasSubstr("had not used the pool")));
}

TEST_F(crash_process, ke_bug_check_does_not_return) {
  EXPECT_TRUE(aborted(run("handler")));
  EXPECT_THAT(contents(folder_ / "out"), HasSubstr("handler 1234"));
  EXPECT_THAT(error_, HasSubstr("the handler returned, but KeBugCheck does not"));
}

TEST_F(crash_process, the_heap_may_be_damaged) {
  EXPECT_TRUE(aborted(run("heap", {"EXALLOC_DUMP=the.dump"})));
  expect_found(folder_ / "the.dump");
}

TEST_F(crash_process, a_handler_that_causes_bug_checks_is_given_up) {
  EXPECT_TRUE(aborted(run("loop", {"EXALLOC_DUMP=the.dump"})));
  EXPECT_THAT(error_, HasSubstr("it is not called any more"));
  expect_found(folder_ / "the.dump");
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST_F(crash_process, several_threads_at_once_make_one_dump) {
  // The dump goes to a pipe that nobody reads before all threads have reported, so the first one is
  // kept writing it.
  const std::string pipe = folder_ / "pipe", file = folder_ / "the.dump";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread reader([&] {
    for (int tries = 0; tries < 1000 && count(contents(folder_ / "err"), "check 0x00000077") < 4;
         ++tries)
      ::usleep(10'000);
    // Time for a thread that does not wait to end the process.
    ::usleep(50'000);
    const int in = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    std::ofstream out(file);
    std::vector<char> piece(1 << 16);
    ::pollfd ready{in, POLLIN, 0};
    while (::poll(&ready, 1, 1000) > 0) {
      const ::ssize_t got = ::read(in, piece.data(), piece.size());
      if (got <= 0) break;
      out.write(piece.data(), got);
    }
    ::close(in);
  });
  const int status = run("threads", {"EXALLOC_DUMP=pipe"});
  reader.join();
  EXPECT_TRUE(aborted(status));
  EXPECT_THAT(error_, Not(HasSubstr("there is no dump")));
  EXPECT_EQ(count(error_, "check 0x00000077"), 4U);
  EXPECT_EQ(count(error_, "dump written"), 1U);
  EXPECT_EQ(exalloc_json("--core '" + file + "'")["bug_check"]["code"], "0x77");
}

// The process's memory, as the kernel would write it.
TEST_F(crash_process, core_file_of_its_memory) {
  const int status = run("stop");
  ASSERT_TRUE(WIFSTOPPED(status)) << error_;
  const auto file = folder_ / "written.core";
  write_core(child_, file);
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  expect_found(file);
}

TEST_F(crash_process, core_file_of_the_kernel) {
  // Where the kernel gives cores to a program, or sanitizers forbid them, the test above has to do.
  std::string pattern = contents("/proc/sys/kernel/core_pattern");
  pattern.erase(pattern.find_last_not_of('\n') + 1);
  if (pattern.find_first_of("|/%") != std::string::npos) return;
  ASSERT_TRUE(aborted(run("core")));
  auto file = folder_ / pattern;
  if (!std::filesystem::exists(file)) (file += ".") += std::to_string(child_);
  if (std::filesystem::exists(file)) expect_found(file);
}

TEST_F(crash_process, a_core_without_a_bug_check_is_told) {
  const int status = run("stop", {"EXALLOC_DUMP=the.dump"});
  ASSERT_TRUE(WIFSTOPPED(status));
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  const auto file = folder_ / "self.core";
  write_core(::getpid(), file);
  EXPECT_THAT(exalloc("--core '" + file.string() + "'", 2),
              AllOf(HasSubstr("error: "), HasSubstr("no bug check of exalloc in this core file")));
}

TEST_F(crash_process, bad_usage_is_told) {
  EXPECT_THAT(exalloc("--core /no/such/file", 2), HasSubstr("/no/such/file: cannot be read"));
  EXPECT_THAT(exalloc("--core '" EXALLOC_TEST_DATA "/cores/good.dump' --address xyz", 2),
              HasSubstr("--address xyz: not a hexadecimal address"));
  EXPECT_THAT(exalloc("--core '" EXALLOC_TEST_DATA "/cores/good.dump' --sort size", 2),
              HasSubstr("--sort"));
  EXPECT_THAT(exalloc("--help"), AllOf(HasSubstr("Examples:"), HasSubstr("--core")));
}

}  // namespace
}  // namespace exalloc::testing
