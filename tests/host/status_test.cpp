// The status page, seen from another process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "live_process.hpp"
#include "status/page_file.hpp"
#include "watched_process.hpp"

namespace {

using exalloc::inspect::live_process;
using exalloc::status::page;
using testing::AnyOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto patience = 60s;  // a simulated card is slow, and the machine may be busy

// The sentence with which a page is refused; empty if it is not.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}
std::string refusal(std::uint64_t process) {
  return refusal([&] { live_process p(process); });
}

bool exists(std::uint64_t process) {
  return std::filesystem::exists(exalloc::status::path_of(process));
}

TEST(status_page, is_the_owners_alone_and_goes_with_the_process) {
  watched_process p;
  EXPECT_FALSE(p.has_page());
  EXPECT_THAT(refusal(p.number()), HasSubstr("has no status page"));
  p.tell("open");
  struct stat file {};
  ASSERT_EQ(stat(p.page().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600U);
  EXPECT_EQ(file.st_uid, geteuid());
  EXPECT_EQ(file.st_size, static_cast<off_t>(sizeof(page)));
  const live_process seen(p.number());
  EXPECT_EQ(seen.program(), "watched_program");
  EXPECT_EQ(seen.page().process, p.number());
  const std::uint64_t process = p.number();
  EXPECT_EQ(p.end(), 0);
  EXPECT_FALSE(exists(process));
  EXPECT_THAT(refusal(process), HasSubstr("there is no process"));
}

TEST(status_page, rows_equal_what_the_process_says) {
  watched_process p;
  const auto zone = p.numbers("zone 500 64").at(0);
  p.tell("zone 10 4096");
  p.tell("list Tag1 200");
  live_process seen(p.number());
  const auto check_list = [&](const std::vector<std::uint64_t>& fields) {
    ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
    ASSERT_EQ(seen.page().lookasides, 1U);
    const auto& row = seen.page().lookaside[0];
    EXPECT_EQ(row.tag, 0x31676154U);  // "Tag1"
    EXPECT_EQ(row.size, 200U);
    EXPECT_EQ(
        (std::vector<std::uint64_t>{row.address, row.allocates, row.allocate_misses, row.frees,
                                    row.free_misses, row.depth, row.maximum_depth}),
        fields);
  };
  check_list(p.numbers("use 0 3"));
  check_list(p.numbers("use 0 1000"));

  const auto check_zone = [&](std::uint64_t in_use) {
    ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
    ASSERT_EQ(seen.page().zones, 2U);
    const auto& rows = seen.page().zone;
    const auto& row = rows[0].address == zone ? rows[0] : rows[1];
    EXPECT_EQ(row.address, zone);
    EXPECT_EQ(row.block_size, 64U);
    EXPECT_EQ(row.segments, 1U);
    EXPECT_EQ(row.blocks, 500U);
    EXPECT_EQ(row.in_use, in_use);
  };
  check_zone(0);
  // Threads, ended ones, empty zones: wherever the blocks have been, the sum is right.
  check_zone(p.numbers("take 0 7 5").at(0));
  check_zone(p.numbers("give 0 20").at(0));
  check_zone(p.numbers("take 0 1000 3").at(0));
  EXPECT_EQ(seen.page().zone[0].in_use + seen.page().zone[1].in_use, 500U);
  EXPECT_GE(seen.page().card.recalls, 1U);
  check_zone(p.numbers("give 0 499").at(0));
  check_zone(p.numbers("give 0 1").at(0));
  EXPECT_EQ(seen.page().card.lists_used >= 2, true);
  EXPECT_GT(seen.page().card.counters_used, 20U);
  EXPECT_GT(seen.page().card.counters[2], 500U);  // blocks granted
}

TEST(status_page, counts_are_exact_after_many_threads) {
  watched_process p;
  p.tell("zone 300 32");
  p.tell("churn 0 6");
  live_process seen(p.number());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
    ASSERT_EQ(seen.page().zones, 1U);
    EXPECT_EQ(seen.page().zone[0].blocks, 300U);
    EXPECT_LE(seen.page().zone[0].in_use, 300U);
  }
  p.tell("stop");
  ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
  EXPECT_EQ(seen.page().zone[0].in_use, 0U);
}

TEST(status_page, two_readers_at_once) {
  watched_process p;
  p.tell("zone 100 64");
  const auto read = [&] {
    live_process seen(p.number());
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(seen.refresh(patience), live_process::answer::fresh);
      EXPECT_EQ(seen.page().zones, 1U);
      EXPECT_EQ(seen.page().zone[0].block_size, 64U);
    }
  };
  std::thread other(read);
  read();
  other.join();
}

TEST(status_page, the_process_ends_while_it_is_asked) {
  for (int i = 0; i < 10; ++i) {
    watched_process p;
    p.tell("zone 100 64");
    live_process seen(p.number());
    ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
    p.say("take 0 10 2");
    std::thread asking([&] {
      while (seen.refresh(patience) != live_process::answer::ended) continue;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(i));
    EXPECT_EQ(p.end(), 0);
    asking.join();
    EXPECT_EQ(seen.refresh(0ms), live_process::answer::ended);
    EXPECT_EQ(seen.page().zone[0].blocks, 100U);  // the last values stay
  }
}

TEST(status_page, a_stopped_process_is_silent) {
  watched_process p;
  p.tell("zone 100 64");
  live_process seen(p.number());
  ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
  p.signal(SIGSTOP);
  EXPECT_EQ(seen.refresh(10ms), live_process::answer::silent);
  EXPECT_EQ(seen.page().zones, 1U);
  p.signal(SIGCONT);
  EXPECT_EQ(seen.refresh(patience), live_process::answer::fresh);
}

// What a leftover page may have become meanwhile: every process that opens exalloc, also that of
// another test, removes those it finds.
const auto removed = HasSubstr("has no status page");

TEST(status_page, of_a_killed_process_is_removed_by_the_next) {
  std::uint64_t dead = 0;
  {
    watched_process p;
    p.tell("open");
    dead = p.number();
    EXPECT_TRUE(exists(dead));
    p.signal(SIGKILL);
    p.wait();
    // Until then it is not mistaken for one of a living process.
    EXPECT_THAT(refusal(dead), HasSubstr("there is no process"));
  }
  watched_process next;
  next.tell("open");
  EXPECT_FALSE(exists(dead));
}

TEST(status_page, of_a_killed_process_is_removed_by_the_programs) {
  watched_process p, living;
  p.tell("open");
  living.tell("open");
  const std::uint64_t dead = p.number();
  EXPECT_TRUE(exists(dead));
  p.signal(SIGKILL);
  p.wait();
  const auto all = exalloc::inspect::watchable_processes();
  EXPECT_FALSE(exists(dead));
  const auto is_listed = [&](std::uint64_t process) {
    return std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.process == process; });
  };
  EXPECT_TRUE(is_listed(living.number()));
  EXPECT_FALSE(is_listed(dead));
  EXPECT_EQ(living.end(), 0);
}

TEST(status_page, of_an_earlier_process_with_this_number_is_replaced) {
  watched_process p;
  std::ofstream(p.page()) << "left by an earlier process";
  EXPECT_THAT(refusal(p.number()), AnyOf(HasSubstr("damaged"), removed));
  p.tell("open");
  EXPECT_EQ(refusal(p.number()), "");
}

TEST(status_page, ends_when_the_process_becomes_another_program) {
  watched_process p;
  p.tell("open");
  live_process seen(p.number());
  p.say("exec");
  while (seen.refresh(1ms) != live_process::answer::ended)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_THAT(refusal(p.number()), AnyOf(HasSubstr("the program it was before"), removed));
}

TEST(status_page, a_forked_child_leaves_it_alone) {
  watched_process p;
  p.tell("zone 100 64");
  EXPECT_EQ(p.tell("fork"), "0");
  ASSERT_TRUE(p.has_page());
  live_process seen(p.number());
  EXPECT_EQ(seen.refresh(patience), live_process::answer::fresh);
}

TEST(status_page, can_be_done_without) {
  watched_process p({"EXALLOC_STATUS=0"});
  p.tell("zone 100 64");
  EXPECT_EQ(p.tell("take 0 10 2"), "20");
  EXPECT_FALSE(p.has_page());
  EXPECT_THAT(refusal(p.number()), HasSubstr("EXALLOC_STATUS=0"));
  EXPECT_EQ(p.end(), 0);
}

TEST(status_page, is_done_without_where_there_is_no_room) {
  watched_process p;
  const rlimit no_files{1000, 1000};
  ASSERT_EQ(prlimit(p.pid(), RLIMIT_FSIZE, &no_files, nullptr), 0);
  p.tell("zone 100 64");
  EXPECT_EQ(p.tell("take 0 10 2"), "20");
  EXPECT_EQ(p.tell("pool Tagg 5"), "5");
  EXPECT_FALSE(p.has_page());
  EXPECT_EQ(p.end(), 0);
}

TEST(status_page, the_thread_that_keeps_it_takes_no_signals) {
  watched_process p;
  p.tell("open");
  live_process(p.number()).refresh(patience);
  bool found = false;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(p.pid()) + "/task")) {
    std::ifstream file(task.path() / "status");
    std::string line, name;
    std::getline(file, name);
    if (name.find("exalloc-status") == std::string::npos) continue;
    found = true;
    while (std::getline(file, line) && !line.starts_with("SigBlk:")) continue;
    const std::uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
    for (int signal : {SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGPROF, SIGCHLD})
      EXPECT_TRUE(blocked >> (signal - 1) & 1) << signal;
  }
  EXPECT_TRUE(found);
}

TEST(status_page, a_list_whose_memory_is_gone_is_left_out) {
  watched_process p;
  p.tell("list Here 64");
  p.tell("forget_list");
  live_process seen(p.number());
  ASSERT_EQ(seen.refresh(patience), live_process::answer::fresh);
  EXPECT_EQ(seen.page().lookasides, 1U);
  EXPECT_EQ(seen.page().lookasides_left_out, 1U);
  EXPECT_EQ(p.end(), 0);
}

// Pages of a living process that are not what they should be.
class damaged_page : public testing::Test {
 protected:
  ~damaged_page() override {
    unlock();
    std::error_code error;
    std::filesystem::remove_all(p.page(), error);
  }
  // A whole and right one.
  std::unique_ptr<page> good() const {
    auto result = std::make_unique<page>();
    result->magic = exalloc::status::magic;
    result->version = exalloc::status::version;
    result->bytes = sizeof(page);
    result->process = p.number();
    result->started = exalloc::status::start_of(p.number()).value();
    std::strcpy(result->program.data(), "program");
    return result;
  }
  void write(const page& contents, std::size_t bytes = sizeof(page)) {
    unlock();
    std::ofstream(p.page(), std::ios::binary)
        .write(reinterpret_cast<const char*>(&contents), static_cast<std::streamsize>(bytes));
    lock_ = open(p.page().c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(flock(lock_, LOCK_EX | LOCK_NB), 0);
  }
  void unlock() {
    if (lock_ >= 0) close(lock_);
    lock_ = -1;
  }
  std::string refused(const std::function<void(page&)>& change) {
    const auto contents = good();
    change(*contents);
    write(*contents);
    return refusal(p.number());
  }

  watched_process p;

 private:
  // Held, as whoever makes a page holds it while he lives.
  int lock_ = -1;
};

TEST_F(damaged_page, is_refused_with_a_reason) {
  write(*good());
  EXPECT_EQ(refusal(p.number()), "");
  for (std::size_t bytes :
       {std::size_t{1}, std::size_t{39}, std::size_t{40}, std::size_t{4096}, sizeof(page) - 1}) {
    write(*good(), bytes);
    EXPECT_THAT(refusal(p.number()), HasSubstr("is damaged: it is too short")) << bytes;
  }
  EXPECT_THAT(refused([](page& c) { c.magic ^= 1; }), HasSubstr("is damaged"));
  EXPECT_THAT(refused([](page& c) { c.magic = 0; }), HasSubstr("try again"));
  EXPECT_THAT(refused([](page& c) { ++c.version; }), HasSubstr("another version of exalloc"));
  EXPECT_THAT(refused([](page& c) { --c.bytes; }), HasSubstr("another version of exalloc"));
  EXPECT_THAT(refused([](page& c) { ++c.process; }), HasSubstr("names another process"));
  EXPECT_THAT(refused([](page& c) { ++c.started; }), HasSubstr("left by an earlier process"));
  EXPECT_THAT(refused([](page& c) { c.zones = exalloc::status::zone_rows + 1; }),
              HasSubstr("more rows"));
  EXPECT_THAT(refused([](page& c) { c.lookasides = 0xFFFF'FFFF; }), HasSubstr("more rows"));
  EXPECT_THAT(refused([](page& c) { c.card.counters_used = 33; }), HasSubstr("too many counters"));
}

TEST_F(damaged_page, names_end) {
  const auto contents = good();
  contents->program.fill('x');
  contents->card.name.fill('y');
  write(*contents);
  const live_process seen(p.number());
  EXPECT_EQ(seen.program(), std::string(contents->program.size() - 1, 'x'));
  EXPECT_EQ(std::strlen(seen.page().card.name.data()), contents->card.name.size() - 1);
}

TEST_F(damaged_page, that_is_no_file) {
  std::filesystem::create_directory(p.page());
  EXPECT_NE(refusal(p.number()), "");
  std::filesystem::remove(p.page());
  std::filesystem::create_symlink("/dev/null", p.page());
  EXPECT_NE(refusal(p.number()), "");
}

TEST_F(damaged_page, cut_short_while_it_is_watched) {
  for (std::size_t bytes :
       {sizeof(page) - 1, std::size_t{8192}, std::size_t{100}, std::size_t{0}}) {
    const auto contents = good();
    for (auto& prepared : contents->prepared) prepared = 1;
    write(*contents);
    live_process seen(p.number());
    std::filesystem::resize_file(p.page(), bytes);
    EXPECT_THAT(refusal([&] { seen.refresh(1ms); }), HasSubstr("is damaged")) << bytes;
  }
}

TEST_F(damaged_page, with_random_contents_is_read_or_refused) {
  std::mt19937 random(7);
  const auto contents = good();
  auto* bytes = reinterpret_cast<unsigned char*>(contents.get());
  for (int i = 0; i < 100; ++i) {
    // The beginning stays, so that the rest is looked at.
    for (int k = 0; k < 50; ++k)
      bytes[40 + random() % (offsetof(page, counts) - 40)] = static_cast<unsigned char>(random());
    contents->started = exalloc::status::start_of(p.number()).value();
    write(*contents, offsetof(page, counts));
    std::filesystem::resize_file(p.page(), sizeof(page));
    refusal([&] {
      live_process seen(p.number());
      seen.refresh(0ms);
    });
  }
}

TEST_F(damaged_page, another_users_is_not_believed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make another user's page";
  write(*good());
  ASSERT_EQ(chown(p.page().c_str(), 65534, 65534), 0);
  EXPECT_THAT(refusal(p.number()), HasSubstr("another user's"));
}

TEST(status_page, only_the_owner_can_watch) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  watched_process p;
  p.tell("open");
  const pid_t other = fork();
  if (other == 0) {
    if (setresuid(65534, 65534, 65534) != 0) _exit(3);
    const std::string why = refusal(p.number());
    _exit(why.find("belongs to another user") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(status_page, choosing_among_several_lists_them) {
  watched_process a, b;
  a.tell("open");
  b.tell("open");
  EXPECT_EQ(exalloc::inspect::choose_process(a.number()), a.number());
  const std::string why = refusal([] { exalloc::inspect::choose_process(std::nullopt); });
  EXPECT_THAT(why, HasSubstr(std::to_string(a.number()) + " watched_program"));
  EXPECT_THAT(why, HasSubstr(std::to_string(b.number()) + " watched_program"));
}

}  // namespace
