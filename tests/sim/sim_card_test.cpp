// The sim card as a card: time, bus errors, memory it may not reach, interrupts, kernels,
// waveforms.
#include "sim_card.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "raw_portal.hpp"

namespace exalloc {
namespace {

using regs::opcode;
using test::make_line;
using test::raw_portal;

// gen3x16 with its medians all the time.
sim::link_settings steady_link() {
  sim::link_settings s = sim::link_preset("gen3x16");
  for (sim::latency_table* t :
       {&s.wire, &s.register_issue, &s.register_answer, &s.host_read, &s.host_write}) {
    *t = sim::latency_table::fixed(t->median_ns());
  }
  return s;
}

TEST(SimCard, ARegisterReadTakesTheLinksTime) {
  const sim::link_settings link = steady_link();
  sim::sim_card card(link);
  test::wait_ready(card);
  const std::uint64_t start = card.now_ns();
  EXPECT_EQ(card.read(regs::offset::layout_hash), regs::layout_hash);
  // The card itself may take 15 cycles.
  EXPECT_GE(card.now_ns() - start, link.register_read_ns());
  EXPECT_LE(card.now_ns() - start, link.register_read_ns() + 50);
}

TEST(SimCard, AGrantTakesTheSumOfItsLatencies) {
  const sim::link_settings link = steady_link();
  sim::sim_card card(link);
  test::wait_ready(card);
  raw_portal portal(card, 0, 6, 0);
  test::command(card, regs::command::open, 3);
  test::command(card, regs::command::link, 3, 0, 1, 100);
  card.read(regs::offset::id);  // everything has arrived
  const std::uint64_t start = card.now_ns();
  portal.push(make_line(opcode::grant, 3, 14));
  portal.doorbell();
  portal.wait();
  // The card itself may take 100 cycles.
  const std::uint64_t sum = link.doorbell_ns() + link.memory_read_ns(64) + link.memory_write_ns(64);
  EXPECT_GE(card.now_ns() - start, sum);
  EXPECT_LE(card.now_ns() - start, sum + 333u);
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

constexpr auto command_done =
    static_cast<std::uint32_t>(regs::interrupt_status::command_done.mask());

TEST(SimCard, TheInterruptLineFollowsItsRegisters) {
  sim::sim_card card;
  test::wait_ready(card);
  test::command(card, regs::command::govern, 0);
  EXPECT_FALSE(card.wait_interrupt(1'000'000));  // not enabled
  card.write(regs::offset::interrupt_enable, command_done);
  EXPECT_TRUE(card.wait_interrupt(60'000'000'000));
  EXPECT_TRUE(card.wait_interrupt(0));
  card.write(regs::offset::interrupt_status, command_done);
  card.read(regs::offset::id);  // the write has arrived
  EXPECT_FALSE(card.wait_interrupt(1'000'000));
}

TEST(SimCard, AWaiterIsWokenByWhoeverDrivesTheCard) {
  sim::sim_card card;
  test::wait_ready(card);
  card.write(regs::offset::interrupt_enable, command_done);
  bool woken[3] = {};
  {
    std::vector<std::jthread> waiters;
    for (bool& w : woken) {
      waiters.emplace_back([&] { w = card.wait_interrupt(60'000'000'000); });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // mostly they wait by now
    test::command(card, regs::command::govern, 0);
  }
  for (bool w : woken) EXPECT_TRUE(w);
}

TEST(SimCard, AWaiterDrivesTheCardWhenNobodyElseDoes) {
  sim::sim_card card;
  test::wait_ready(card);
  card.write(regs::offset::interrupt_enable, command_done);
  card.write(regs::offset::command, static_cast<std::uint32_t>(regs::command::govern));
  EXPECT_TRUE(card.wait_interrupt(60'000'000'000));
}

TEST(SimCard, AWaiterLetsTimeStandStillWhenThereIsNothingToDo) {
  sim::sim_card card;
  test::wait_ready(card);
  card.advance_to(card.now_ns() + 10'000);
  const std::uint64_t now = card.now_ns();
  EXPECT_FALSE(card.wait_interrupt(30'000'000));
  EXPECT_EQ(card.now_ns(), now);
}

// Takes tokens while it wants some, and pushes those it is given.
class test_kernel final : public stream_kernel {
 public:
  void clock(stream_pins& pins) override {
    if (pins.popped()) {
      taken.push_back(pins.pop_token);
      --wanted;
    }
    if (pins.pushed()) to_push.pop_front();
    pins.pop_ready = wanted != 0;
    pins.push_valid = !to_push.empty();
    if (pins.push_valid) pins.push_token = to_push.front();
    ++cycles;
  }
  bool busy() const override { return !to_push.empty(); }

  unsigned wanted = 0;
  std::deque<std::uint32_t> taken, to_push;
  std::uint64_t cycles = 0;
};

class SimStream : public ::testing::Test {
 protected:
  SimStream() {
    test::wait_ready(card_);
    test::command(card_, regs::command::open, list);
    test::command(card_, regs::command::link, list, 0, 1, 3, 20);
    card_.attach(port, kernel_);
  }
  void configure(bool pop, bool push) {
    card_.write(test::stream_register(port, regs::offset::stream_config),
                test::stream_config(pop, push, list, 0));
  }
  void run() { card_.advance_to(card_.now_ns() + 20'000); }
  std::uint32_t in_use() {
    return card_.read(test::list_register(list, regs::offset::list_in_use));
  }

  static constexpr unsigned port = 3, list = 11, blocks = 2 * 64 + 21;
  sim::sim_card card_;
  std::shared_ptr<test_kernel> kernel_ = std::make_shared<test_kernel>();
};

TEST_F(SimStream, AKernelPopsEveryBlockOnceAndPushesThemBack) {
  kernel_->wanted = 1000;
  configure(true, true);
  run();
  ASSERT_EQ(kernel_->taken.size(), blocks);
  EXPECT_EQ(std::set(kernel_->taken.begin(), kernel_->taken.end()).size(), blocks);
  EXPECT_EQ(in_use(), blocks);
  configure(false, true);
  run();
  kernel_->to_push.swap(kernel_->taken);
  run();
  EXPECT_TRUE(kernel_->to_push.empty());
  EXPECT_EQ(in_use(), 0u);
  EXPECT_EQ(card_.read(test::counter_register(regs::counter::stream_popped)), blocks);
  EXPECT_EQ(card_.read(test::counter_register(regs::counter::stream_pushed)), blocks);
  EXPECT_EQ(card_.read(regs::offset::error_info), 0u);
}

TEST_F(SimStream, AKernelAtRestCostsNoCycles) {
  run();
  const std::uint64_t cycles = kernel_->cycles;
  const std::uint64_t hour = 3'600'000'000'000;
  card_.advance_to(hour);
  EXPECT_LE(kernel_->cycles, cycles + 100);
  kernel_->to_push.assign({5, 5, 5});  // no slab
  configure(false, true);
  run();
  EXPECT_GT(kernel_->cycles, cycles);
  EXPECT_TRUE(kernel_->to_push.empty());
  EXPECT_EQ(card_.read(test::list_register(list, regs::offset::list_refusals)), 3u);
}

TEST_F(SimStream, AWaiterLetsKernelsRun) {
  configure(false, true);
  card_.write(regs::offset::interrupt_enable,
              static_cast<std::uint32_t>(regs::interrupt_enable::error.mask()));
  kernel_->to_push.assign({5});
  EXPECT_TRUE(card_.wait_interrupt(60'000'000'000));
}

TEST_F(SimStream, OnlyPortsThereAreHaveASocket) {
  EXPECT_THROW(card_.attach(4, kernel_), std::out_of_range);
  card_.attach(port, nullptr);
  EXPECT_EQ(kernel_.use_count(), 1);
}

TEST(SimCard, TheGovernorsPeriodPassesWhileTheCardIsIdle) {
  sim::sim_card card;
  test::wait_ready(card);
  test::lookaside_open(card, 0, 0, 256, 0, 256);
  card.write(regs::offset::governor_period, 300'000);  // 1 ms
  card.read(regs::offset::id);
  const std::uint64_t start = card.now_ns();
  const auto passes = [&] {
    return card.read(test::counter_register(regs::counter::governor_passes));
  };
  card.advance_to(start + 900'000);
  EXPECT_EQ(passes(), 0u);
  card.advance_to(start + 3'500'000);
  card.read(regs::offset::id);
  card.advance_to(start + 3'510'000);
  EXPECT_EQ(passes(), 3u);
  EXPECT_EQ(regs::lookaside_depths::depth.get(
                card.read(test::lookaside_register(0, regs::offset::lookaside_depths))),
            32u);
}

std::size_t threads_there_are() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(SimCard, HasNoThreadsOfItsOwn) {
  const std::size_t before = threads_there_are();
  sim::sim_card card;
  test::wait_ready(card);
  EXPECT_EQ(threads_there_are(), before);
}

TEST(SimCard, WaveformsAreCompleteWhenTheRecordingEnds) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto name = fmt::format("exalloc-sim-card-{}", ::getpid());
  const auto file = folder / (name + ".fst"), transactions = folder / (name + ".transactions.fst");
  std::filesystem::remove(file);
  std::filesystem::remove(transactions);
  sim::sim_card card;
  card.trace(file);
  test::wait_ready(card);
  card.trace({});
  EXPECT_GT(std::filesystem::file_size(file), 10'000u);
  EXPECT_GT(std::filesystem::file_size(transactions), 1'000u);
  std::filesystem::remove(file);
  std::filesystem::remove(transactions);
  EXPECT_THROW(card.trace("/nonexistent/folder/x.fst"), std::runtime_error);
}

}  // namespace
}  // namespace exalloc
