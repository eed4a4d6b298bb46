// `exalloc doctor` on made-up machines, and `exalloc info` on the soft card.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "doctor_checks.hpp"
#include "exalloc/regs.hpp"

namespace {

using namespace exalloc::cli;
using testing::HasSubstr;
namespace fs = std::filesystem;

// A machine's /proc, /sys and /dev in a folder.
class machine : public testing::Test {
 protected:
  machine() : root_(fs::temp_directory_path() / ("exalloc-doctor-" + std::to_string(::getpid()))) {
    fs::create_directories(root_ / "sys/bus/pci/devices");
  }
  ~machine() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text << '\n';
  }
  void add_card() {
    put("sys/bus/pci/devices/0000:3b:00.1/vendor", "0x10ee");
    put("sys/bus/pci/devices/0000:00:00.0/vendor", "0x8086");
  }
  // What is found about something.
  finding about(const std::string& what, const std::string& card = "xrt") {
    for (const finding& f : examine(card, root_.string())) {
      if (f.about == what) return f;
    }
    return {what, verdict::good, "nothing", ""};
  }

  fs::path root_;
};

TEST_F(machine, without_a_card_is_told_of_the_simulated_one) {
  const finding f = about("PCIe");
  EXPECT_EQ(f.is, verdict::note);
  EXPECT_THAT(f.mend, HasSubstr("scripts/xrt-sim"));
  EXPECT_EQ(about("driver").text, "nothing");
}

TEST_F(machine, lacks_the_driver) {
  add_card();
  EXPECT_EQ(about("PCIe").text, "0000:3b:00.1");
  EXPECT_EQ(about("driver").is, verdict::problem);
  EXPECT_EQ(about("driver", "soft").is, verdict::note);  // which needs none
  EXPECT_THAT(about("driver").mend, HasSubstr("modprobe xocl"));
  EXPECT_THAT(about("permission").text, HasSubstr("no card has a /dev/dri"));
  put("sys/module/xocl/version", "2.13");
  EXPECT_EQ(about("driver").is, verdict::good);
}

TEST_F(machine, does_not_let_the_user_at_the_card) {
  add_card();
  fs::create_directories(root_ / "sys/bus/pci/devices/0000:3b:00.1/drm/renderD128");
  EXPECT_EQ(about("permission").is, verdict::problem);
  EXPECT_THAT(about("permission").text, HasSubstr("/dev/dri/renderD128 cannot be opened"));
  put("dev/dri/renderD128", "");
  EXPECT_EQ(about("permission").is, verdict::good);
}

TEST_F(machine, has_no_hugepages) {
  add_card();
  EXPECT_EQ(about("hugepages").is, verdict::note);
  put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0");
  EXPECT_THAT(about("hugepages").mend, HasSubstr("hugepagesz=1G"));
  put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2");
  EXPECT_EQ(about("hugepages").is, verdict::good);
}

TEST_F(machine, lets_little_memory_be_locked) {
  EXPECT_EQ(about("locked memory").text, "unlimited");
  put("proc/self/limits", "Max locked memory         8388608              8388608        bytes");
  EXPECT_EQ(about("locked memory").is, verdict::problem);
  EXPECT_THAT(about("locked memory").text, HasSubstr("8192 KiB"));
  EXPECT_THAT(about("locked memory").mend, HasSubstr("ulimit -l"));
  put("proc/self/limits", "Max locked memory         67108864             unlimited      bytes");
  EXPECT_EQ(about("locked memory").is, verdict::good);
}

std::vector<finding> environment(std::vector<std::string> entries) {
  std::vector<char*> pointers;
  for (std::string& e : entries) pointers.push_back(e.data());
  pointers.push_back(nullptr);
  return examine_environment(pointers.data());
}

TEST(doctor, knows_the_settings) {
  const auto good =
      environment({"EXALLOC_CARD=xrt", "EXALLOC_LINK_SEED=7", "HOME=/", "EXALLOC_GUARD="});
  ASSERT_EQ(good.size(), 1U);
  EXPECT_EQ(good[0].is, verdict::good);
  const auto bad = environment({"EXALLOC_CARDS=xrt", "EXALLOC_CARD=gold", "EXALLOC_LINK_SEED=x",
                                "EXALLOC_XRT_XCLBIN=/nowhere/a.xclbin"});
  ASSERT_EQ(bad.size(), 4U);
  EXPECT_EQ(bad[0].mend, "did you mean EXALLOC_CARD?");
  EXPECT_THAT(bad[1].mend, HasSubstr("soft-core, sim, xrt"));
  EXPECT_EQ(bad[2].text, "\"x\" is no number");
  EXPECT_EQ(bad[3].text, "/nowhere/a.xclbin cannot be read");
  for (const finding& f : bad) EXPECT_EQ(f.is, verdict::problem);
}

std::string output_of(const std::string& arguments) {
  const auto program = fs::read_symlink("/proc/self/exe").parent_path() / "exalloc";
  std::FILE* const pipe = ::popen((program.string() + " " + arguments).c_str(), "r");
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  const int status = ::pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << arguments;
  return out;
}

TEST(info, tells_what_the_soft_card_is_like) {
  const auto card = nlohmann::json::parse(output_of("info --card soft --json"))["cards"][0];
  EXPECT_EQ(card["card"], "soft");
  EXPECT_EQ(
      card["layout_hash"], "0x" + [] {
        char text[9];
        std::snprintf(text, sizeof text, "%08x", exalloc::regs::layout_hash);
        return std::string(text);
      }());
  EXPECT_EQ(card["slab_width"], 64);
  EXPECT_EQ(card["blocks"].get<std::uint64_t>(), 64 * card["slabs"].get<std::uint64_t>());
  EXPECT_FALSE(card.contains("problem"));
  EXPECT_THAT(output_of("info --card soft"), HasSubstr("slabs of 64 blocks"));
}

}  // namespace
