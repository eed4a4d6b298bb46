// The status page from inside: who may write to it.
#include "status/status_page.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "exalloc/exalloc.h"
#include "status/page_file.hpp"
#include "zone_counts.hpp"

namespace {

using exalloc::status_page;

exalloc::status::count& a_count() {
  return status_page().counts[exalloc::status::writers - 1][1].allocations[0];
}

TEST(status_page, says_whose_it_is) {
  const auto& page = status_page();
  EXPECT_EQ(&page, &status_page());
  EXPECT_EQ(page.magic, exalloc::status::magic);
  EXPECT_EQ(page.process, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(page.started, exalloc::status::start_of(page.process));
  EXPECT_STREQ(page.program.data(), "host_inside_tests");
}

// A process may end between the opening of its file in /proc and the reading: it is then gone, not
// an error of the reader. Children that nobody waits for end at once and take their files with
// them.
TEST(status_page, a_process_that_ends_while_its_start_is_read_is_gone) {
  const auto before = signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < 300; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    ASSERT_GT(child, 0);
    while (exalloc::status::start_of(static_cast<std::uint64_t>(child)).has_value()) {
    }
  }
  signal(SIGCHLD, before);
}

TEST(status_page, a_forked_child_counts_for_itself) {
  a_count() = 5;
  const pid_t child = fork();
  if (child == 0) {
    const bool sees_what_was = a_count() == 5;
    a_count() = 77;
    status_page().tags.tag[3] = 1234;
    _exit(sees_what_was && a_count() == 77 && !exalloc::status_page_is_shared() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(a_count(), 5U);
  EXPECT_NE(status_page().tags.tag[3], 1234U);
  EXPECT_TRUE(exalloc::status_page_is_shared());
}

TEST(status_page, takes_memory_for_writers_as_they_come) {
  const std::string file = exalloc::status::path_of(static_cast<std::uint64_t>(getpid()));
  const auto taken = [&] {
    struct stat s {};
    stat(file.c_str(), &s);
    return s.st_blocks * 512;
  };
  constexpr auto bytes =
      static_cast<off_t>(sizeof(exalloc::status::page::counts) / exalloc::status::writers);
  // Tests before this one may have prepared some.
  const auto& prepared = status_page().prepared;
  const auto writer =
      static_cast<std::uint32_t>(std::find(prepared.begin(), prepared.end(), 0) - prepared.begin());
  ASSERT_LT(writer, exalloc::status::writers - 1);
  const off_t before = taken();
  EXPECT_LT(before, (std::count(prepared.begin(), prepared.end(), 1) + 2) * bytes);
  exalloc::prepare_status_writer(writer);
  EXPECT_EQ(status_page().prepared[writer], 1);
  EXPECT_EQ(taken(), before + bytes);
  exalloc::prepare_status_writer(writer);
  EXPECT_EQ(taken(), before + bytes);
  exalloc::prepare_status_writer(exalloc::status::writers);  // there is none
}

TEST(zone_counts, follow_every_call) {
  alignas(16) static char memory[16 + 1000 * 32];
  ZONE_HEADER zone{};
  EXPECT_FALSE(exalloc::count_zone(&zone));
  ASSERT_EQ(ExInitializeZone(&zone, 32, memory, sizeof memory), STATUS_SUCCESS);
  std::vector<void*> taken;
  const auto check = [&] {
    const auto counts = exalloc::count_zone(&zone);
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->blocks, 1000U);
    EXPECT_EQ(counts->in_use, taken.size());
    EXPECT_EQ(counts->free(), 1000 - taken.size());
  };
  check();
  for (int round = 0; round < 3; ++round) {
    while (void* b = ExAllocateFromZone(&zone)) {
      taken.push_back(b);
      if (taken.size() % 37 == 0) check();
    }
    check();
    while (!taken.empty()) {
      ExFreeToZone(&zone, taken.back());
      taken.pop_back();
      if (taken.size() % 41 == 0) check();
    }
    check();
    exalloc_processor_flush();
    check();
  }
  // A free that is refused changes nothing.
  exalloc_set_error_handler([](const exalloc_error*, void*) {}, nullptr);
  ExFreeToZone(&zone, memory + 16);
  exalloc_set_error_handler(nullptr, nullptr);
  check();
  exalloc_zone_delete(&zone);
  EXPECT_FALSE(exalloc::count_zone(&zone));
}

}  // namespace
