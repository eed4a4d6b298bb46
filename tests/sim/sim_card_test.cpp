// The sim card as a card: time, bus errors, memory it may not reach, waveforms.
#include "sim_card.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "raw_portal.hpp"

namespace exalloc {
namespace {

using regs::opcode;
using test::make_line;
using test::raw_portal;

TEST(SimCard, ARegisterReadTakesTheLinksTime) {
  constexpr sim::link_latency link{.register_read = 900, .posted_write = 250, .memory_read = 650};
  sim::sim_card card(link);
  test::wait_ready(card);
  const std::uint64_t start = card.now_ns();
  EXPECT_EQ(card.read(regs::offset::layout_hash), regs::layout_hash);
  EXPECT_GE(card.now_ns() - start, 890u);
  EXPECT_LE(card.now_ns() - start, 990u);
}

TEST(SimCard, AGrantTakesTheSumOfItsLatencies) {
  constexpr sim::link_latency link{.register_read = 900, .posted_write = 250, .memory_read = 650};
  sim::sim_card card(link);
  test::wait_ready(card);
  raw_portal portal(card, 0, 6, 0);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 100);
  const std::uint64_t start = card.now_ns();
  portal.push(make_line(opcode::grant, 3, 14));
  portal.doorbell();
  portal.wait();
  // Doorbell, fetch and answer are 1,150 ns; the card itself may take 100 cycles.
  EXPECT_GE(card.now_ns() - start, 1150u);
  EXPECT_LE(card.now_ns() - start, 1150u + 333u);
}

TEST(SimCard, TimePassesWithoutClockingAnIdleCard) {
  sim::sim_card card;
  test::wait_ready(card);
  const std::uint64_t hour = 3'600'000'000'000;
  card.advance_to(hour);  // would take days if every cycle were clocked
  EXPECT_GE(card.now_ns(), hour - 10);
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845u);
}

TEST(SimCard, AnUnknownRegisterIsABusError) {
  sim::sim_card card;
  EXPECT_THROW(card.read(0x3F0), std::runtime_error);
  EXPECT_THROW(card.read(0x002), std::runtime_error);
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845u);
}

TEST(SimCard, MemoryThatIsNotTheCardsStopsOnlyThatPortal) {
  sim::sim_card card;
  test::wait_ready(card);
  raw_portal good(card, 1, 6, 0);
  raw_portal bad(card, 2, 6, 0);
  // A ring in memory that was never given to the card.
  bad.write(regs::offset::portal_config, 0);
  bad.write(regs::offset::submission_base_low, 0x1000);
  bad.write(regs::offset::submission_base_high, 0);
  bad.write(regs::offset::portal_config,
            static_cast<std::uint32_t>(regs::portal_config::ring_log2.set(1, 6)));
  bad.push(make_line(opcode::sync, 0, 0));
  bad.doorbell();
  for (int i = 0; i < 100; ++i) card.relax();
  EXPECT_EQ(regs::portal_status::failed.get(bad.read(regs::offset::portal_status)), 1u);
  const std::uint32_t error = card.read(regs::offset::error_info);
  EXPECT_EQ(regs::error_info::status.get(error), static_cast<unsigned>(regs::status::bus_read));
  EXPECT_EQ(regs::error_info::portal.get(error), 2u);

  good.push(make_line(opcode::sync, 0, 0, false, 77));
  good.doorbell();
  EXPECT_EQ(regs::completion_header::cookie.get(good.wait().header), 77u);
}

TEST(SimCard, WaveformsAreCompleteWhenTheRecordingEnds) {
  const auto file = std::filesystem::temp_directory_path() / "exalloc_sim_card_test.fst";
  std::filesystem::remove(file);
  sim::sim_card card;
  card.trace(file);
  test::wait_ready(card);
  card.trace({});
  EXPECT_GT(std::filesystem::file_size(file), 10'000u);
  std::filesystem::remove(file);
  EXPECT_THROW(card.trace("/nonexistent/folder/x.fst"), std::runtime_error);
}

}  // namespace
}  // namespace exalloc
