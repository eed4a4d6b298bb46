// The card's own memory on the platform: its banks' times, copies over the link, a kernel that
// works there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

#include "kernels/filler.hpp"
#include "raw_portal.hpp"
#include "sim_card.hpp"

namespace exalloc::sim {
namespace {

constexpr unsigned stream = 2, list = 7, page = 4096;

link_settings steady_link() {
  link_settings s = link_preset("gen3x16");
  for (latency_table* t :
       {&s.wire, &s.register_issue, &s.register_answer, &s.host_read, &s.host_write})
    *t = latency_table::fixed(t->median_ns());
  return s;
}

std::vector<std::byte> numbers(std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

std::uint64_t ns_of(sim_card& card, auto&& what) {
  const picoseconds begin = card.now();
  what();
  return (card.now() - begin) / ps_per_ns;
}

// A kernel of one access after the other, all asked for at once.
class asker final : public memory_kernel {
 public:
  explicit asker(std::vector<memory_access> all) : to_ask_(all.rbegin(), all.rend()) {}
  void clock(stream_pins&) override {}
  bool busy() const override { return !to_ask_.empty(); }
  std::optional<memory_access> ask() override {
    if (to_ask_.empty()) return std::nullopt;
    const memory_access a = to_ask_.back();
    to_ask_.pop_back();
    return a;
  }
  void answered(const memory_access& a, memory_response r) override {
    answers.push_back({a.address, r});
  }
  struct answer {
    std::uint64_t address;
    memory_response response;
    bool operator==(const answer&) const = default;
  };
  std::vector<answer> answers;

 private:
  std::vector<memory_access> to_ask_;
};

// Time from the first edge on until so many answers are there.
picoseconds time_of(sim_card& card, std::vector<memory_access> all) {
  const std::size_t count = all.size();
  const auto kernel = std::make_shared<asker>(std::move(all));
  card.attach(stream, kernel);
  const picoseconds begin = card.now();
  while (kernel->answers.size() < count) card.advance_to(card.now_ns() + 1);
  card.attach(stream, nullptr);
  return card.now() - begin;
}

class PlatformMemory : public testing::TestWithParam<const char*> {
 protected:
  const card_memory_settings& settings_ = card_memory_preset(GetParam());
};
INSTANTIATE_TEST_SUITE_P(, PlatformMemory, testing::Values("hbm2", "ddr4"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(PlatformMemory, AnAccessTakesTheLatencyAndItsBytes) {
  sim_card card(steady_link(), {}, settings_);
  test::wait_ready(card);
  const picoseconds expected = settings_.latency_ns * ps_per_ns + settings_.transfer_time(256);
  for (const bool write : {true, false}) {
    const picoseconds t = time_of(card, {{write, card_memory_base, 256, {}}});
    // It begins at a clock edge, and is looked at once in a nanosecond.
    EXPECT_GE(t, expected);
    EXPECT_LE(t, expected + 6 * ps_per_ns);
  }
}

TEST_P(PlatformMemory, ABankHasItsRateAndBanksDoNotShareIt) {
  sim_card card(steady_link(), {}, settings_);
  test::wait_ready(card);
  constexpr unsigned accesses = 200;
  std::vector<memory_access> one_bank, two_banks;
  for (unsigned i = 0; i < accesses; ++i) {
    one_bank.push_back({i % 3 == 0, card_memory_base + i * 256, 256, {}});
    two_banks.push_back(one_bank.back());
    if (i % 2 == 1) two_banks.back().address += settings_.bank_bytes;
  }
  const picoseconds latency = settings_.latency_ns * ps_per_ns;
  const picoseconds each = settings_.transfer_time(256);
  const double bytes_a_second = 256e12 / static_cast<double>(each);
  EXPECT_NEAR(bytes_a_second / static_cast<double>(settings_.bytes_per_second), 1, 1e-3);
  const picoseconds one = time_of(card, one_bank), two = time_of(card, two_banks);
  EXPECT_GE(one, accesses * each + latency);
  EXPECT_LE(one, accesses * each + latency + 6 * ps_per_ns);
  EXPECT_GE(two, accesses / 2 * each + latency);
  EXPECT_LE(two, accesses / 2 * each + latency + 6 * ps_per_ns);
}

TEST_P(PlatformMemory, WhereThereIsNoneABusErrorIsTheAnswer) {
  sim_card card(steady_link(), {}, settings_);
  test::wait_ready(card);
  const std::uint64_t end = card_memory_base + settings_.bytes();
  const auto kernel = std::make_shared<asker>(std::vector<memory_access>{
      {false, end - 64, 64, {}}, {false, end, 64, {}}, {true, end, 64, {}}, {true, 4096, 8, {}}});
  card.attach(stream, kernel);
  card.advance_to(card.now_ns() + 1'000);
  ASSERT_EQ(kernel->answers.size(), 4U);
  for (const asker::answer& a : kernel->answers)
    EXPECT_EQ(a.response,
              a.address == end - 64 ? memory_response::okay : memory_response::decode_error)
        << a.address;
  EXPECT_THROW(card.memory_at(end, 1), std::runtime_error);
  EXPECT_EQ(card.read(regs::offset::id), 0x4C415845U);  // the run goes on
}

TEST_P(PlatformMemory, AllOfItIsGivenOutOnce) {
  sim_card card(steady_link(), {}, settings_);
  const std::string last =
      std::string(settings_.bank_name) + "[" + std::to_string(settings_.banks - 1) + "]";
  auto low = card.allocate_on_card(last, page + 1);
  auto high = card.allocate_on_card(last, settings_.bank_bytes - 2 * page);
  EXPECT_EQ(low->device_address(), card_memory_base + settings_.bytes() - settings_.bank_bytes);
  EXPECT_EQ(high->device_address(), low->device_address() + 2 * page);
  EXPECT_THROW(card.allocate_on_card(last, 1), std::runtime_error);
  low.reset();
  EXPECT_THROW(card.allocate_on_card(last, 2 * page + 1), std::runtime_error);
  EXPECT_NO_THROW(low = card.allocate_on_card(last, 2 * page));
  EXPECT_THROW(card.allocate_on_card("PLRAM[0]", 1), std::runtime_error);
  EXPECT_THROW(card.allocate_on_card("", settings_.bank_bytes + 1), std::runtime_error);
}

TEST(PlatformCopies, TakeTheLinksTimeAndThatOfTheMemory) {
  const link_settings link = steady_link();
  const card_memory_settings& memory = card_memory_preset("hbm2");
  sim_card card(link);
  test::wait_ready(card);
  const auto buffer = card.allocate_on_card("", 64);
  std::vector<std::byte> line = numbers(64), back(64);
  const std::uint64_t there = ns_of(card, [&] { buffer->write(0, line.data(), 64); });
  const std::uint64_t here = ns_of(card, [&] { buffer->read(0, back.data(), 64); });
  EXPECT_EQ(back, line);
  // A doorbell, a read of the host's memory or a write of it, the card's memory, a line of status.
  const std::uint64_t at_memory = memory.latency_ns + memory.transfer_time(64) / ps_per_ns;
  const std::uint64_t ends = link.doorbell_ns() + at_memory + link.memory_write_ns(64);
  EXPECT_NEAR(static_cast<double>(there), static_cast<double>(ends + link.memory_read_ns(64)), 10);
  EXPECT_NEAR(static_cast<double>(here), static_cast<double>(ends + link.memory_write_ns(64)), 10);
}

TEST(PlatformCopies, LongOnesReachTheRateOfTheSlowest) {
  const link_settings link = steady_link();
  sim_card card(link);
  test::wait_ready(card);
  constexpr std::size_t bytes = 32'768;
  const auto buffer = card.allocate_on_card("", bytes);
  auto all = numbers(bytes);
  const std::uint64_t ns = ns_of(card, [&] { buffer->write(0, all.data(), bytes); });
  const double bound =
      static_cast<double>(bytes) * 276 / 256 / 1e-9 / static_cast<double>(link.bytes_per_second());
  EXPECT_GE(static_cast<double>(ns), bound);
  EXPECT_LE(static_cast<double>(ns), 1.5 * bound + 2'000);
}

TEST(PlatformCopies, AnyPieceArrivesWhereItBelongs) {
  sim_card card;
  test::wait_ready(card);
  const auto buffer = card.allocate_on_card("HBM[5]", 100'000);
  std::vector<std::byte> expected = numbers(100'000), back(100'000);
  buffer->write(0, expected.data(), expected.size());
  const std::vector<std::byte> few(1'000, std::byte{0xA5});
  for (const auto& [at, bytes] : {std::pair{1U, 1U}, {63U, 2U}, {255U, 258U}, {40'000U, 777U}}) {
    buffer->write(at, few.data(), bytes);
    std::copy_n(few.begin(), bytes, expected.begin() + at);
  }
  buffer->read(0, back.data(), back.size());
  EXPECT_EQ(back, expected);
  for (const auto& [at, bytes] : {std::pair{62U, 5U}, {32'700U, 200U}, {99'999U, 1U}}) {
    std::vector<std::byte> piece(bytes);
    buffer->read(at, piece.data(), bytes);
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(), expected.begin() + at)) << at;
  }
}

TEST(PlatformCopies, ALostPieceIsTold) {
  sim_card card(steady_link(), parse_faults("lost:completion.down@1"));
  test::wait_ready(card);
  card.advance_to(300'000);
  const auto buffer = card.allocate_on_card("", page);
  const auto all = numbers(page);
  EXPECT_THROW(buffer->write(0, all.data(), page), std::runtime_error);
  // The next one is whole.
  std::vector<std::byte> back(page);
  buffer->write(0, all.data(), page);
  buffer->read(0, back.data(), page);
  EXPECT_EQ(back, all);
}

TEST(PlatformCopies, ALostDoorbellIsTold) {
  sim_card card(steady_link(), parse_faults("lost:write.down@300us"));
  test::wait_ready(card);
  card.advance_to(300'000);
  const auto buffer = card.allocate_on_card("", page);
  const auto all = numbers(page);
  EXPECT_THROW(buffer->write(0, all.data(), page), std::runtime_error);
}

// Blocks of a zone there, as exalloc_card_segment_create makes them, filled by a kernel.
struct filled {
  std::vector<picoseconds> times;
  bool operator==(const filled&) const = default;
};
filled fill_blocks(std::uint64_t seed) {
  constexpr std::uint32_t blocks = 64, block_bytes = 1'600;
  link_settings link = link_preset("gen3x16");
  link.seed = seed;
  sim_card card(link);
  test::wait_ready(card);
  const auto buffer = card.allocate_on_card("HBM[1]", blocks * block_bytes);
  test::command(card, regs::command::open, list);
  test::command(card, regs::command::link, list, 0, 1, 1);
  const kernel::segment segment{buffer->device_address(), 64, blocks, block_bytes, 0};
  const auto kernel = std::make_shared<filler>(std::vector{segment});
  card.attach(stream, kernel);
  card.write(test::stream_register(stream, regs::offset::stream_config),
             test::stream_config(true, false, list, 0));
  card.read(regs::offset::id);
  filled out;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    kernel->fill(1);
    std::optional<filler::result> r;
    for (unsigned tries = 0; !(r = kernel->take()) && tries < 100; ++tries)
      card.advance_to(card.now_ns() + 100);
    if (!r) {
      ADD_FAILURE() << "no block " << i;
      break;
    }
    EXPECT_TRUE(r->there && r->kept) << i;
    std::vector<std::byte> back(block_bytes);
    const std::uint64_t at = kernel::address_in(segment, r->block) - segment.device_address;
    buffer->read(at, back.data(), block_bytes);
    for (std::uint32_t b = 0; b < block_bytes; ++b)
      if (back[b] != std::byte{filler::byte_of(r->block, b)}) {
        ADD_FAILURE() << "byte " << b << " of " << r->block;
        break;
      }
    out.times.push_back(card.now());
  }
  card.attach(stream, nullptr);
  return out;
}

TEST(PlatformCopies, BlocksThatAKernelFilledAreReadByTheHostAtTheSameTimesFromASeed) {
  const filled once = fill_blocks(5);
  EXPECT_EQ(once.times.size(), 64U);
  EXPECT_EQ(once, fill_blocks(5));
  EXPECT_NE(once, fill_blocks(6));
}

}  // namespace
}  // namespace exalloc::sim
