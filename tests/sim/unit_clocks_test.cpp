// The card whose units at rest get no clock against the same card with all clocks: the same pins in
// every cycle, whatever the host, the kernels and memory do.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>

#include "../environment.hpp"
#include "raw_portal.hpp"
#include "rtl_card.hpp"

namespace exalloc {
namespace {

using regs::opcode;
using sim::bus_pins;
using sim::rtl_card;
using test::make_line;
using test::raw_portal;

struct latest : sim::bus_watcher {
  void edge(const bus_pins& p) override { pins = p; }
  bus_pins pins;
};

bool same(const sim::handshake& a, const sim::handshake& b) {
  return a.valid == b.valid && a.ready == b.ready;
}

// What a bus carries while it is not valid is nobody's business.
bool same(const bus_pins& a, const bus_pins& b) {
  const auto& r = a.registers;
  const auto& s = b.registers;
  const auto& m = a.memory;
  const auto& n = b.memory;
  bool equal = same(r.write_address, s.write_address) && same(r.write_data, s.write_data) &&
               same(r.write_answer, s.write_answer) && same(r.read_address, s.read_address) &&
               same(r.read_data, s.read_data) && same(m.write_address, n.write_address) &&
               same(m.write_data, n.write_data) && same(m.write_answer, n.write_answer) &&
               same(m.read_address, n.read_address) && same(m.read_data, n.read_data);
  equal = equal && (!r.read_data.valid || (r.read_data.data == s.read_data.data &&
                                           r.read_data.response == s.read_data.response));
  equal = equal && (!m.write_address.valid || m.write_address.address == n.write_address.address);
  equal = equal && (!m.read_address.valid || (m.read_address.address == n.read_address.address &&
                                              m.read_address.length == n.read_address.length));
  equal = equal && (!m.write_data.valid || m.write_data.data == n.write_data.data);
  for (unsigned i = 0; i < bus_pins::streams; ++i) {
    equal = equal && same(a.pop[i], b.pop[i]) && same(a.push[i], b.push[i]) &&
            (!a.pop[i].valid || a.pop[i].data == b.pop[i].data);
  }
  return equal;
}

// Both cards as one: each cycle of one is a cycle of the other, with the same at its inputs. Memory
// answers after a random time, in order; kernels pop tokens and push them back at random.
class twin_card : public card {
 public:
  explicit twin_card(unsigned seed) : random_(seed) {
    gated_.watch(&seen_);
    all_.watch(&expected_);
  }

  std::string_view name() const noexcept override { return "twin"; }
  std::uint32_t read(std::uint32_t offset) override {
    gated_.start_register_read(offset);
    all_.start_register_read(offset);
    return answer().value;
  }
  void write(std::uint32_t offset, std::uint32_t value) override {
    gated_.start_register_write(offset, value);
    all_.start_register_write(offset, value);
    answer();
  }
  std::unique_ptr<dma_memory> allocate(std::size_t bytes) override {
    struct memory : dma_memory {
      memory(std::byte* at, std::size_t n)
          : dma_memory(at, n, reinterpret_cast<std::uintptr_t>(at)), owned(at) {}
      struct release {
        void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{4096}); }
      };
      std::unique_ptr<std::byte, release> owned;
    };
    auto* at = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{4096}));
    std::memset(at, 0, bytes);
    return std::make_unique<memory>(at, bytes);
  }
  void relax() override {
    for (unsigned n = 1 + below(20); n > 0; --n) clock();
  }
  std::uint64_t now_ns() override { return gated_.cycles() * 10 / 3; }
  void advance_to(std::uint64_t ns) override {
    while (now_ns() < ns) clock();
  }
  bool wait_interrupt(std::uint64_t) override { return gated_.interrupt(); }

  void reset() {
    gated_.reset();
    all_.reset();
    reads_.clear();
    writes_ = 0;
    for (auto& tokens : held_) tokens.clear();
    for (unsigned i = 0; i < rtl_card::stream_ports; ++i) drive(i, {});
  }
  bool kernels = false;  // act
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

 private:
  struct due {
    sim::line_data data;
    std::uint64_t at;
  };

  sim::register_answer answer() {
    for (int i = 0; i < 1000; ++i) {
      clock();
      const auto found = gated_.take_register_answer(), expected = all_.take_register_answer();
      EXPECT_EQ(found.has_value(), expected.has_value());
      if (found) return *found;
    }
    throw std::runtime_error("the card does not answer");
  }

  void clock() {
    gated_.clock();
    all_.clock();
    const std::uint64_t now = gated_.cycles();
    // Once is enough: after that everything may differ.
    if (!::testing::Test::HasFailure()) {
      EXPECT_TRUE(same(seen_.pins, expected_.pins)) << "cycle " << now;
      EXPECT_EQ(gated_.interrupt(), all_.interrupt()) << "cycle " << now;
      EXPECT_EQ(gated_.idle(), all_.idle()) << "cycle " << now;
    }
    for (auto r = gated_.take_read(); r; r = gated_.take_read()) {
      all_.take_read();
      const std::uint64_t ready = now + (below(4) == 0 ? below(400) : below(20));
      for (unsigned i = 0; i < r->lines; ++i) {
        reads_.push_back({{}, ready});
        std::memcpy(reads_.back().data.data(), pointer(r->address + i * sizeof(line)),
                    sizeof(line));
      }
    }
    while (!reads_.empty() && reads_.front().at <= now && below(8) != 0) {
      gated_.answer_read(reads_.front().data, sim::axi_response::okay);
      all_.answer_read(reads_.front().data, sim::axi_response::okay);
      reads_.pop_front();
    }
    for (auto w = gated_.take_write(); w; w = gated_.take_write()) {
      all_.take_write();
      std::memcpy(pointer(w->address), w->data.data(), sizeof(line));
      ++writes_;
    }
    while (writes_ > 0 && below(8) != 0) {
      gated_.answer_write(sim::axi_response::okay);
      all_.answer_write(sim::axi_response::okay);
      --writes_;
    }
    if (kernels) clock_kernels();
  }

  void clock_kernels() {
    for (unsigned i = 0; i < rtl_card::stream_ports; ++i) {
      stream_pins pins = gated_.stream(i);
      if (pins.popped()) held_[i].push_back(pins.pop_token);
      if (pins.pushed()) pins.push_valid = false;
      pins.pop_ready = below(8) == 0;
      if (!pins.push_valid && !held_[i].empty() && below(12) == 0) {
        pins.push_valid = true;
        pins.push_token = below(40) == 0 ? below(1 << 20) : held_[i].front();
        held_[i].pop_front();
      }
      drive(i, pins);
    }
  }
  void drive(unsigned port, const stream_pins& pins) {
    for (rtl_card* c : {&gated_, &all_}) {
      stream_pins& p = c->stream(port);
      p.pop_ready = pins.pop_ready;
      p.push_valid = pins.push_valid;
      p.push_token = pins.push_token;
    }
  }

  static std::byte* pointer(std::uint64_t address) {
    return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address));
  }

  rtl_card gated_{rtl_card::clocked::active_units}, all_{rtl_card::clocked::all_units};
  latest seen_, expected_;
  std::deque<due> reads_;
  unsigned writes_ = 0;
  std::array<std::deque<std::uint32_t>, rtl_card::stream_ports> held_;
  std::mt19937 random_;
};

TEST(UnitClocks, NoPinTellsWhetherUnitsAtRestAreClocked) {
  constexpr unsigned lists = 5, portals = 6, ring_log2 = 6, domain = 3;
  // A seed that finds a first token compared with one of the line before, which two seeds in three
  // do not.
  twin_card both(static_cast<unsigned>(test::seed(20)));
  const auto below = [&](unsigned n) { return both.below(n); };
  unsigned answered = 0;
  for (int life = 0; life < 2 && !::testing::Test::HasFailure(); ++life) {
    test::wait_ready(both);
    for (unsigned list = 0; list < lists; ++list) {
      test::command(both, regs::command::open, list, domain);
      test::command(both, regs::command::link, list, 0, 1 + list * 50, 4 + list * 8, 63);
      test::lookaside_open(both, list, domain, 16, 4, 64);
    }
    std::deque<raw_portal> hosts;
    for (unsigned p = 0; p < portals; ++p) hosts.emplace_back(both, p * 7, ring_log2, domain);
    std::array<unsigned, portals> under_way{};
    std::vector<std::uint32_t> held;
    both.kernels = true;
    for (unsigned round = 0; round < test::rounds(450) && !::testing::Test::HasFailure(); ++round) {
      const unsigned p = below(portals);
      for (unsigned n = 1 + below(below(6) == 0 ? 12 : 2); n > 0; --n) {
        if (under_way[p] > 20) break;
        const unsigned list = below(lists);
        line l;
        switch (below(10)) {
          case 0:
            l = test::make_push(list, {both.below(1000), both.below(1000)});
            break;
          case 1:
            l = test::make_pop(list, 1 + below(12));
            break;
          case 2:
            l = below(4) == 0 ? make_line(opcode::recall, list, 0) : make_line(opcode::sync, 0, 0);
            break;
          case 3:
          case 4:
          case 5:
            l = make_line(opcode::grant, list, 1 + below(below(3) == 0 ? 112 : 16));
            break;
          default:
            l = make_line(opcode::release, list, 1 + below(14), true);
            for (auto& t : l.tokens) {
              const std::size_t from = held.size() - std::min<std::size_t>(held.size(), 40);
              const std::size_t k =
                  held.empty() ? 0 : from + below(static_cast<unsigned>(held.size() - from));
              t = held.empty() || below(30) == 0 ? below(300 * 64) : held[k];
              if (!held.empty() && below(9) != 0)
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(k));
            }
        }
        hosts[p].push(l, below(200) == 0);
        ++under_way[p];
      }
      hosts[p].doorbell();
      switch (below(12)) {
        case 0:  // long enough for everything to come to rest
          both.advance_to(both.now_ns() + 1000);
          break;
        case 1: {
          const unsigned port = below(rtl_card::stream_ports);
          both.write(test::stream_register(port, regs::offset::stream_config),
                     test::stream_config(below(2), below(2), below(lists), domain));
          break;
        }
        case 2:
          both.read(test::list_register(below(lists), regs::offset::list_in_use));
          break;
        case 3:
          both.read(test::lookaside_register(below(lists), regs::offset::lookaside_free_misses));
          break;
        case 4:
          both.read(test::stream_register(below(4), regs::offset::stream_popped));
          break;
        case 5:
          test::command(both, below(2) ? regs::command::govern : regs::command::trim, below(lists),
                        0, 2);
          break;
        case 6:
          both.read(test::counter_register(static_cast<regs::counter>(below(16))));
          both.write(regs::offset::governor_period, below(2000));
          break;
        default:
          both.relax();
      }
      for (unsigned i = 0; i < portals; ++i) {
        for (line l; hosts[i].poll(l); ++answered) {
          namespace cpl = regs::completion_header;
          if (cpl::last.get(l.header) && under_way[i] > 0) --under_way[i];
          if (cpl::opcode.get(l.header) != static_cast<unsigned>(opcode::grant)) continue;
          held.insert(held.end(), l.tokens.begin(), l.tokens.begin() + cpl::count.get(l.header));
        }
      }
    }
    both.kernels = false;
    if (life == 0) both.reset();  // in the middle of it
    both.advance_to(both.now_ns() + 20'000);
  }
  EXPECT_GT(answered, 500u);
}

}  // namespace
}  // namespace exalloc
