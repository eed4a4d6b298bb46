// What the program prints of a card through XRT: `exalloc info`, `exalloc bench platform`.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "on_the_simulated_card.hpp"

namespace {

using json = nlohmann::json;
using testing::HasSubstr;

struct outcome {
  int status = -1;
  std::string text;
};

// The program lies beside the tests.
outcome exalloc(const std::string& arguments) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc";
  outcome o;
  std::FILE* const pipe = ::popen(fmt::format("'{}' {}", program.string(), arguments).c_str(), "r");
  if (pipe == nullptr) return o;
  for (int c; (c = std::fgetc(pipe)) != EOF;) o.text += static_cast<char>(c);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) o.status = WEXITSTATUS(status);
  return o;
}

json info() {
  const outcome o = exalloc("info --card xrt --json");
  EXPECT_EQ(o.status, 0);
  return json::parse(o.text).at("cards").at(0);
}

TEST(xrt_info, tells_link_memory_temperatures_and_power) {
  ::setenv("EXALLOC_LINK", "gen4x8", 1);
  const json card = info(), device = card.at("devices").at(0);
  EXPECT_EQ(card.at("slabs"), 65'536);
  EXPECT_EQ(card.at("xclbin").at("memories").at(0), "HBM[0] 256 MiB");
  EXPECT_EQ(device.at("shell"), "exalloc_u50_simulated_gen3x16_1");
  EXPECT_EQ(device.at("link"), "gen4x8");
  EXPECT_EQ(device.at("host_memory"), "16 GB");
  EXPECT_EQ(device.at("temperature_celsius"),
            (json{{"PCB Top Front", "31"}, {"FPGA", "42"}, {"FPGA HBM", "40"}}));
  EXPECT_EQ(device.at("power_watts"), 17.5);
}

// A link that takes no time has no generation and no lanes.
TEST(xrt_info, what_xrt_does_not_tell_is_left_out) {
  ::setenv("EXALLOC_LINK", "zero", 1);
  EXPECT_FALSE(info().at("devices").at(0).contains("link"));
}

TEST(xrt_info, is_readable) {
  ::setenv("EXALLOC_LINK", "gen3x16", 1);
  const outcome o = exalloc("info --card xrt");
  EXPECT_EQ(o.status, 0);
  for (const char* const line :
       {"link            gen3x16\n", "temperature celsius 42 (FPGA)\n", "power watts     17.5\n"})
    EXPECT_THAT(o.text, HasSubstr(line));
}

json bench(const std::string& card) {
  const outcome o = exalloc(fmt::format(
      "bench platform --portals 2 --stocks 64 --probes 8 --json - --card {} 2>/dev/null", card));
  EXPECT_EQ(o.status, 0);
  return json::parse(o.text);
}

// Simulated time on both, and the same latencies, but not drawn in the same order.
TEST(xrt_bench_platform, agrees_with_sim) {
  const json xrt = bench("xrt"), sim = bench("sim");
  EXPECT_EQ(xrt.at("link"), sim.at("link"));
  const json &x = xrt.at("results").at(0), &s = sim.at("results").at(0);
  for (const auto& [key, value] : s.items()) EXPECT_TRUE(x.contains(key)) << key;
  EXPECT_EQ(x.size(), s.size());
  EXPECT_EQ(x.at("bound_blocks_per_s"), s.at("bound_blocks_per_s"));
  EXPECT_EQ(x.at("free_ns"), s.at("free_ns"));
  const auto close = [](const json& a, const json& b) {
    EXPECT_NEAR(a.get<double>(), b.get<double>(), 0.1 * b.get<double>());
  };
  close(x.at("blocks_per_s"), s.at("blocks_per_s"));
  close(x.at("bytes_per_block"), s.at("bytes_per_block"));
  close(x.at("miss_ns").at("p50"), s.at("miss_ns").at("p50"));
  close(x.at("sync_ns").at("p50"), s.at("sync_ns").at("p50"));
  // XRT lets one register access through at a time: of two processors one waits.
  EXPECT_NEAR(x.at("naive_blocks_per_s").get<double>(),
              s.at("naive_blocks_per_s").get<double>() / 2, 1e5);
}

// What a real card gets: wall time, and the bound of the link that XRT tells.
TEST(xrt_bench_card, knows_the_link_and_that_the_card_is_simulated) {
  ::setenv("EXALLOC_LINK", "gen3x8", 1);
  const outcome o =
      exalloc("bench card --threads 1 --stocks 64 --ms 4 --probes 2 --json - 2>/dev/null");
  ASSERT_EQ(o.status, 0);
  const json told = json::parse(o.text), &r = told.at("results").at(0);
  EXPECT_EQ(told.at("card"), "xrt");
  EXPECT_EQ(told.at("link"), "gen3x8");
  EXPECT_THAT(told.at("caution").get<std::string>(), HasSubstr("the card below XRT is simulated"));
  EXPECT_EQ(r.at("bound_by"), "link");
  EXPECT_NEAR(r.at("bound_blocks_per_s").get<double>(), 1.06e9, 1e7);
}

TEST(xrt_bench_card, a_card_that_vanishes_ends_it) {
  ::setenv("EXALLOC_XRT_SIM_VANISH", "300", 1);
  const outcome o = exalloc("bench card --threads 2 --stocks 64 --ms 4 2>&1");
  EXPECT_NE(o.status, 0);
  EXPECT_THAT(o.text, HasSubstr("its registers read as all ones"));
}

TEST(xrt_bench_platform, without_xrt_it_says_so) {
  ::unsetenv("XILINX_XRT");
  const outcome o = exalloc("bench platform --card xrt 2>&1");
  EXPECT_NE(o.status, 0);
  EXPECT_THAT(o.text, HasSubstr("XILINX_XRT is not set"));
}

}  // namespace
