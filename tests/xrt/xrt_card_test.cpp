// The xrt card over the simulated card below XRT: what it does, and every way in which it can be
// refused. ctest runs each test in a process, and so with a card, of its own.
#include <experimental/xrt_ip.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xrt/xrt_device.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "../host/error_log.hpp"
#include "exalloc/card.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/regs.hpp"
#include "exalloc/wdm.h"
#include "on_the_simulated_card.hpp"
#include "xclbin.hpp"

extern char** environ;

namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace regs = exalloc::regs;
namespace off = regs::offset;
namespace xclbin = exalloc::xclbin;

constexpr std::uint64_t host_window = 0x20'0000'0000;
constexpr std::size_t page = 4096;

std::string refusal(const char* name = "xrt") {
  try {
    exalloc::open_card(name);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "opened";
}

xclbin::contents good_xclbin() { return xclbin::read_file(std::getenv("EXALLOC_XRT_XCLBIN")); }

// A file of this process's own, as what EXALLOC_XRT_XCLBIN names.
class own_xclbin {
 public:
  explicit own_xclbin(const xclbin::contents& c) : own_xclbin(xclbin::write(c)) {}
  explicit own_xclbin(const std::vector<std::byte>& bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("exalloc-test-" + std::to_string(::getpid()) + ".xclbin")) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    ::setenv("EXALLOC_XRT_XCLBIN", path_.c_str(), 1);
  }
  ~own_xclbin() { std::filesystem::remove(path_); }

 private:
  std::filesystem::path path_;
};

// ---- What it does

TEST(xrt_card, is_an_exalloc_card) {
  const auto card = exalloc::open_card("xrt");
  EXPECT_EQ(card->name(), "xrt");
  EXPECT_EQ(card->read(off::id), 0x4C41'5845U);
  EXPECT_EQ(card->read(off::layout_hash), regs::layout_hash);
  EXPECT_TRUE(regs::card_status::ready.get(card->read(off::card_status)));
}

TEST(xrt_card, its_memory_is_in_the_host_window_and_zero) {
  const auto card = exalloc::open_card("xrt");
  std::uint64_t first = 0;
  for (int i = 0; i < 2; ++i) {
    const auto memory = card->allocate(3 * page);
    EXPECT_GE(memory->device_address(), host_window);
    EXPECT_EQ(memory->device_address() % page, 0U);
    for (std::size_t b = 0; b < memory->size(); ++b) ASSERT_EQ(memory->data()[b], std::byte{0});
    std::memset(memory->data(), 0x5A, memory->size());
    if (i == 0) first = memory->device_address();
    EXPECT_EQ(memory->device_address(), first);  // it had been given back
  }
}

// Pages as those of the nonpaged pool.
struct pages {
  explicit pages(std::size_t count)
      : bytes(count * page),
        first(static_cast<std::byte*>(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~pages() { ::munmap(first, bytes); }
  std::byte& operator[](std::size_t n) const { return first[n * page]; }
  std::size_t bytes;
  std::byte* first;
};

TEST(xrt_card, nonpaged_memory_gets_buffers_at_its_own_addresses) {
  const auto card = exalloc::open_card("xrt");
  const pages p(8);
  EXPECT_GE(card->lock_memory(p.first + 2 * page, 2 * page), host_window);
  p[2] = std::byte{2};
  // The rest gets its own; what has one keeps it, and its contents.
  EXPECT_GE(card->lock_memory(p.first, p.bytes), host_window);
  EXPECT_EQ(p[2], std::byte{2});
  p[7] = std::byte{7};
  EXPECT_FALSE(card->unlock_memory(p.first, 3 * page));  // the second ends a page later
  EXPECT_EQ(p[2], std::byte{2});
  EXPECT_TRUE(card->unlock_memory(p.first, 4 * page));
  EXPECT_EQ(p[2], std::byte{0});
  EXPECT_EQ(p[7], std::byte{7});
  p[0] = std::byte{1};
}

TEST(xrt_card, a_child_has_nonpaged_memory_of_its_own) {
  const auto card = exalloc::open_card("xrt");
  const pages p(2);
  card->lock_memory(p.first, p.bytes);
  p[1] = std::byte{1};
  const pid_t child = ::fork();
  if (child == 0) {
    const bool right = p[1] == std::byte{1};
    p[1] = std::byte{2};
    // It locks and unlocks without XRT.
    const bool unlocked = card->unlock_memory(p.first, page);
    ::_exit(right && unlocked ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(p[1], std::byte{1});
}

TEST(xrt_card, interrupts_arrive) {
  const auto card = exalloc::open_card("xrt");
  EXPECT_FALSE(card->wait_interrupt(1'000'000));
  card->write(off::interrupt_enable,
              static_cast<std::uint32_t>(regs::interrupt_status::error.set(0, 1)));
  const auto rings = card->allocate(4 * page);
  const std::uint64_t at = rings->device_address();
  const auto portal = [&](std::uint32_t offset) { return off::portals_base + offset; };
  card->write(portal(off::submission_base_low), static_cast<std::uint32_t>(at));
  card->write(portal(off::submission_base_high), static_cast<std::uint32_t>(at >> 32));
  card->write(portal(off::completion_base_low), static_cast<std::uint32_t>(at + page));
  card->write(portal(off::completion_base_high), static_cast<std::uint32_t>((at + page) >> 32));
  card->write(portal(off::portal_config),
              static_cast<std::uint32_t>(
                  regs::portal_config::ring_log2.set(regs::portal_config::enable.set(0, 1), 4)));
  // Twice: the first disables the notification until somebody has taken it.
  for (int i = 0; i < 2; ++i) {
    card->write(portal(off::doorbell),
                static_cast<std::uint32_t>(regs::doorbell::tail.set(0, 500)));
    EXPECT_TRUE(card->wait_interrupt(UINT64_MAX)) << i;
    EXPECT_EQ(regs::error_info::status.get(card->read(off::error_info)),
              static_cast<std::uint32_t>(regs::status::bad_doorbell));
    card->write(off::error_pop, 1);
    card->write(off::interrupt_status, 0xFFFF'FFFF);
    EXPECT_FALSE(card->wait_interrupt(1'000'000)) << i;
  }
}

// A process that died had a list open, and did not close it.
TEST(xrt_card, what_an_earlier_owner_left_is_gone) {
  constexpr std::uint32_t list = 3;
  const auto open_list = [](auto&& read, auto&& write) {
    write(off::command_list, list);
    write(off::command, static_cast<std::uint32_t>(regs::command_register::command.set(
                            0, static_cast<std::uint64_t>(regs::command::open))));
    while (regs::card_status::command_busy.get(read(off::card_status))) {
    }
    return static_cast<regs::status>(regs::command_result::status.get(read(off::command_result)));
  };
  {
    xrt::device device(0);
    const xrt::uuid id = device.load_xclbin(std::string(std::getenv("EXALLOC_XRT_XCLBIN")));
    xrt::ip ip(device, id, "exalloc:{exalloc_1}");
    while (!regs::card_status::ready.get(ip.read_register(off::card_status))) {
    }
    const auto read = [&](std::uint32_t o) { return ip.read_register(o); };
    const auto write = [&](std::uint32_t o, std::uint32_t v) { ip.write_register(o, v); };
    EXPECT_EQ(open_list(read, write), regs::status::ok);
    EXPECT_EQ(open_list(read, write), regs::status::bad_list);
  }
  const auto card = exalloc::open_card("xrt");
  EXPECT_EQ(open_list([&](std::uint32_t o) { return card->read(o); },
                      [&](std::uint32_t o, std::uint32_t v) { card->write(o, v); }),
            regs::status::ok);
}

// The report of a trace played on a card, without what depends on times.
nlohmann::json totals(const std::string& card) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc";
  const auto report = std::filesystem::temp_directory_path() /
                      ("exalloc-test-" + std::to_string(::getpid()) + "-" + card + ".json");
  const std::string command = program.string() +
                              " replay " EXALLOC_TEST_TRACE " --limit 1500 --card " + card +
                              " --json " + report.string() + " >/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  auto all = nlohmann::json::parse(std::ifstream(report));
  std::filesystem::remove(report);
  for (const char* const key : {"card", "card_stats", "latency_ns"}) all.erase(key);
  for (auto& list : all["lists"]) {
    for (const char* const key : {"card_refills", "magazine_hits", "misses"}) list.erase(key);
  }
  return all;
}

TEST(xrt_replay, has_the_totals_of_sim) {
  const nlohmann::json sim = totals("sim"), xrt = totals("xrt");
  EXPECT_GT(sim["allocations"], 500);
  EXPECT_EQ(sim, xrt);
}

// ---- How it is refused

TEST(xrt_refusal, xrt_is_not_set_up) {
  ::unsetenv("XILINX_XRT");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("XILINX_XRT is not set"), HasSubstr("scripts/xrt-sim")));
}

TEST(xrt_refusal, xrt_is_elsewhere) {
  ::setenv("XILINX_XRT", "/nowhere", 1);
  EXPECT_THAT(refusal(), HasSubstr("there is no /nowhere/lib/libxrt_core.so.2"));
}

TEST(xrt_refusal, there_is_no_card) {
  ::setenv("EXALLOC_XRT_SIM_CARDS", "0", 1);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("XRT has no device 0"), HasSubstr("exalloc info")));
}

TEST(xrt_refusal, there_is_no_such_card) {
  ::setenv("EXALLOC_XRT_DEVICE", "7", 1);
  EXPECT_THAT(refusal(), HasSubstr("XRT has no device 7"));
}

TEST(xrt_refusal, no_xclbin_is_named) {
  ::unsetenv("EXALLOC_XRT_XCLBIN");
  EXPECT_THAT(refusal(), HasSubstr("EXALLOC_XRT_XCLBIN does not say which xclbin"));
}

TEST(xrt_refusal, the_xclbin_is_not_there) {
  ::setenv("EXALLOC_XRT_XCLBIN", "/nowhere.xclbin", 1);
  EXPECT_THAT(refusal(), HasSubstr("/nowhere.xclbin: cannot be read"));
}

TEST(xrt_refusal, the_xclbin_is_damaged) {
  std::vector<std::byte> bytes = xclbin::write(good_xclbin());
  bytes.resize(bytes.size() / 2);
  const own_xclbin file(bytes);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("is no good xclbin"), HasSubstr("it is cut off")));
}

TEST(xrt_refusal, the_xclbin_is_for_another_shell) {
  xclbin::contents c = good_xclbin();
  c.shell = "exalloc_u280_other_1";
  c.id[0] ^= 1;
  const own_xclbin file(c);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("is for the shell exalloc_u280_other_1"),
                               HasSubstr("device 0, which is exalloc_u50_simulated_gen3x16_1")));
}

TEST(xrt_refusal, the_xclbin_has_another_kernel) {
  xclbin::contents c = good_xclbin();
  for (std::size_t at; (at = c.xml.find("exalloc")) != std::string::npos;)
    c.xml.replace(at, 7, "vadd");
  c.ips.at(0).name = "vadd:vadd_1";
  const own_xclbin file(c);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("is no exalloc xclbin"), HasSubstr("vadd:vadd_1")));
}

TEST(xrt_refusal, the_kernel_has_no_host_memory) {
  xclbin::contents c = good_xclbin();
  for (xclbin::connection& n : c.connections) n.memory = 0;
  const own_xclbin file(c);
  EXPECT_THAT(refusal(), HasSubstr("is not connected to host memory"));
}

TEST(xrt_refusal, no_host_memory_is_set_aside) {
  xclbin::contents c = good_xclbin();
  c.memories.at(1).size_kb = 4;
  const own_xclbin file(c);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("no host memory is set aside"),
                               HasSubstr("xbutil configure --host-mem")));
}

TEST(xrt_refusal, the_kernel_has_no_interrupt) {
  xclbin::contents c = good_xclbin();
  c.ips.at(0).interrupt = false;
  const own_xclbin file(c);
  EXPECT_THAT(refusal(), HasSubstr("the interrupt of exalloc:exalloc_1 is not connected"));
}

TEST(xrt_refusal, the_card_has_another_layout) {
  xclbin::contents c = good_xclbin();
  c.key_values["exalloc.layout_hash"] = "0x12345678";
  const own_xclbin file(c);
  EXPECT_NE(exalloc_set_card("xrt"), 0);
  EXPECT_THAT(exalloc_last_error(), AllOf(HasSubstr("another register layout (0x12345678"),
                                          HasSubstr("regs/exalloc.json")));
}

TEST(xrt_refusal, this_process_has_it_already) {
  const auto card = exalloc::open_card("xrt");
  EXPECT_THAT(refusal(), HasSubstr("device 0 is in use"));
}

// What xrt_refusal.another_process_has_it starts.
TEST(DISABLED_in_a_process, holds_the_card) {
  const auto card = exalloc::open_card("xrt");
  std::cout << "open" << std::endl;
  std::cin.get();
}

TEST(xrt_refusal, another_process_has_it) {
  const auto owner =
      std::filesystem::temp_directory_path() / ("exalloc-test-owner-" + std::to_string(::getpid()));
  ::setenv("EXALLOC_XRT_SIM_OWNER", owner.c_str(), 1);
  int in[2], out[2];
  ASSERT_EQ(::pipe(in), 0);
  ASSERT_EQ(::pipe(out), 0);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in[0], 0);
  posix_spawn_file_actions_adddup2(&files, out[1], 1);
  for (const int end : {in[0], in[1], out[0], out[1]})
    posix_spawn_file_actions_addclose(&files, end);
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::string filter = "--gtest_filter=DISABLED_in_a_process.holds_the_card",
              disabled = "--gtest_also_run_disabled_tests";
  char* const arguments[] = {self.data(), filter.data(), disabled.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, self.c_str(), &files, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&files);
  ::close(out[1]);
  ::close(in[0]);
  std::string said;
  char c = 0;
  while (said.find("open\n") == std::string::npos && ::read(out[0], &c, 1) == 1) said += c;
  EXPECT_THAT(said, HasSubstr("open\n"));
  EXPECT_THAT(refusal(), HasSubstr("device 0 is in use: another process"));
  // Nothing of it is left when it has died, however it died.
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(refusal(), "opened");
  ::close(in[1]);
  ::close(out[0]);
  std::filesystem::remove(owner);
}

TEST(xrt_refusal, the_card_vanishes) {
  error_log log;
  ASSERT_EQ(exalloc_set_card("xrt"), 0);
  ZONE_HEADER zone{};
  alignas(16) static char segment[16 + 64 * 200];
  ASSERT_EQ(ExInitializeZone(&zone, 64, segment, sizeof segment), STATUS_SUCCESS);
  void* const before = ExAllocateFromZone(&zone);
  ASSERT_NE(before, nullptr);
  ::setenv("EXALLOC_XRT_SIM_VANISH", "0", 1);
  unsigned blocks = 1;
  while (ExAllocateFromZone(&zone) != nullptr) ++blocks;
  EXPECT_EQ(blocks, 200U);  // none is lost with the card
  EXPECT_EQ(log.count("card_lost"), 1U);
  for (const error_log::entry& e : log.entries()) {
    if (e.cause == "card_lost") {
      EXPECT_THAT(e.what, HasSubstr("its registers read as all ones"));
    }
  }
  exalloc_zone_delete(&zone);
}

}  // namespace
