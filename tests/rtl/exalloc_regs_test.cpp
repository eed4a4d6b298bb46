// The register decoder under random AXI4-Lite traffic, against a model of the registers.
//
// What is held true in every cycle:
// - a write takes effect, and its pulse comes, in the cycle its answer appears; otherwise no output
//   moves but through its hardware inputs;
// - a read returns what the register held in the cycle before its answer appeared;
// - an answer stays until it is taken, and no channel is ready while its last access is under way.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "Vexalloc_regs.h"
#include "ports.hpp"
#include "regs_map.hpp"

namespace {

using regs_map::access;
using regs_map::entry;
using regs_map::target;
using regs_map::window;

constexpr unsigned okay = 0;
constexpr unsigned slverr = 2;

struct write_access {
  std::uint32_t address = 0, data = 0, strobe = 0;
  bool address_sent = false, data_sent = false, answered = false;
  unsigned age = 0;
};

struct read_access {
  std::uint32_t address = 0;
  bool address_sent = false, answered = false;
  unsigned age = 0;
  bool requested = false;  ///< The window has been asked.
  unsigned delay = 0;      ///< Cycles until it answers.
  bool delivered = false;  ///< It has answered.
  std::uint32_t value = 0;
};

class RegsDecoder : public ports::SeededTest {
 protected:
  RegsDecoder() {
    clear_inputs();
    reset(3);
  }
  ~RegsDecoder() override { dut_.final(); }

  bool chance(double probability) { return std::bernoulli_distribution(probability)(rng_); }

  std::uint32_t word() { return static_cast<std::uint32_t>(rng_()); }

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(rng_);
  }

  void clear_inputs() {
    dut_.s_axil_awvalid_i = dut_.s_axil_wvalid_i = dut_.s_axil_arvalid_i = 0;
    dut_.s_axil_bready_i = dut_.s_axil_rready_i = 0;
    for (const auto& set : map_.interrupt_sets) set.pin.set(0);
    for (const window& w : map_.windows) w.rvalid.set(0);
  }

  void reset(unsigned cycles) {
    clear_inputs();
    if (read_ && read_->requested && !read_->delivered) {
      ++resets_of_reads_[map_.decode(read_->address)->where];
    }
    dut_.rst_i = 1;
    for (unsigned i = 0; i < cycles; ++i) edge();
    dut_.rst_i = 0;
    write_.reset();
    read_.reset();
    interrupts_ = interrupts_before_ = set_last_ = 0;
    held_.clear();
    dut_.eval();
    EXPECT_FALSE(dut_.s_axil_bvalid_o || dut_.s_axil_rvalid_o);
    EXPECT_TRUE(dut_.s_axil_awready_o && dut_.s_axil_wready_o && dut_.s_axil_arready_o);
    for (const window& w : map_.windows) EXPECT_FALSE(w.re.get()) << w.name;
    check_pulses(std::nullopt);
    check_held();
  }

  void edge() {
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
  }

  /// One clock cycle: inputs, outputs against the model, edge.
  void step() {
    drive();
    dut_.clk_i = 0;
    dut_.eval();
    check();
    const bool aw = dut_.s_axil_awvalid_i && dut_.s_axil_awready_o;
    const bool w = dut_.s_axil_wvalid_i && dut_.s_axil_wready_o;
    const bool b = dut_.s_axil_bvalid_o && dut_.s_axil_bready_i;
    const bool ar = dut_.s_axil_arvalid_i && dut_.s_axil_arready_o;
    const bool r = dut_.s_axil_rvalid_o && dut_.s_axil_rready_i;
    dut_.clk_i = 1;
    dut_.eval();
    if (aw) write_->address_sent = true;
    if (w) write_->data_sent = true;
    if (ar) read_->address_sent = true;
    if (b) write_.reset();
    if (r) read_.reset();
    aw_offered_ = aw_offered_ && !aw;
    w_offered_ = w_offered_ && !w;
    ar_offered_ = ar_offered_ && !ar;
    ++cycle_;
  }

  // ---- Inputs ----

  void drive() {
    if (!write_ && offer_writes_ && chance(eagerness_)) start_write();
    if (!read_ && offer_reads_ && chance(eagerness_)) start_read();

    // Once offered, an address or datum stays until it is taken; before that the lines are noise.
    aw_offered_ = aw_offered_ || (write_ && !write_->address_sent && chance(eagerness_));
    w_offered_ = w_offered_ || (write_ && !write_->data_sent && chance(eagerness_));
    ar_offered_ = ar_offered_ || (read_ && !read_->address_sent && chance(eagerness_));
    dut_.s_axil_awvalid_i = aw_offered_;
    dut_.s_axil_awaddr_i = static_cast<std::uint16_t>(aw_offered_ ? write_->address : word());
    dut_.s_axil_wvalid_i = w_offered_;
    dut_.s_axil_wdata_i = w_offered_ ? write_->data : word();
    dut_.s_axil_wstrb_i = (w_offered_ ? write_->strobe : word()) & 0xf;
    dut_.s_axil_arvalid_i = ar_offered_;
    dut_.s_axil_araddr_i = static_cast<std::uint16_t>(ar_offered_ ? read_->address : word());
    dut_.s_axil_bready_i = chance(patience_);
    dut_.s_axil_rready_i = chance(patience_);

    drive_status();
    drive_windows();
  }

  void start_write() {
    write_.emplace();
    if (!queued_writes_.empty()) {
      *write_ = queued_writes_.front();
      queued_writes_.pop_front();
      return;
    }
    write_->address = random_address();
    write_->data = word();
    write_->strobe = chance(0.9) ? 0xf : below(16);
  }

  void start_read() {
    read_.emplace();
    read_->delay = 1 + below(chance(0.2) ? 30 : 3);
    if (!queued_reads_.empty()) {
      read_->address = queued_reads_.front();
      queued_reads_.pop_front();
      return;
    }
    // Often the register just written, to meet it while it changes.
    read_->address = write_ && chance(0.3) ? write_->address : random_address();
  }

  template <typename Item>
  const Item& any_of(const std::vector<Item>& items) {
    return items[below(static_cast<std::uint32_t>(items.size()))];
  }

  std::uint32_t random_address() {
    std::uint32_t address = 0;
    switch (below(5)) {
      case 0:
      case 1:
        address = any_of(map_.card).offset;
        break;
      case 2:
      case 3: {
        const window& w = any_of(map_.windows);
        address = w.address(below(w.count), any_of(w.registers));
        break;
      }
      default:
        return below(0x10000);
    }
    // Near misses: one bit off, so unaligned, in a hole, or beyond the last window.
    return chance(0.15) ? address ^ (1U << below(16)) : address;
  }

  void drive_status() {
    if (chance(0.3)) {
      for (const entry& e : map_.card) {
        if (e.mode != access::ro) continue;
        for (const auto& f : e.fields) f.pin.set(static_cast<std::uint32_t>(f.bits.get(rng_())));
      }
    }
    for (const auto& set : map_.interrupt_sets) set.pin.set(chance(0.1));
  }

  void drive_windows() {
    for (const window& w : map_.windows) {
      w.rvalid.set(0);
      w.rdata.set(word());
    }
    if (!read_ || !read_->requested || read_->delivered || --read_->delay != 0) return;
    const window& w = *map_.decode_read(read_->address)->where;
    w.rvalid.set(1);
    read_->value = w.rdata.get();
    delivered_now_ = true;
  }

  // ---- Outputs ----

  void check() {
    interrupts_before_ = interrupts_;
    interrupts_ |= set_last_;
    check_ready();
    check_write_answer();
    check_held();
    check_window_read();
    check_read_answer();

    value_before_ = read_ ? card_value(read_->address) : 0;
    set_last_ = 0;
    for (const auto& set : map_.interrupt_sets) {
      set_last_ |= static_cast<std::uint32_t>(set.bits.set(0, set.pin.get()));
    }
    if (delivered_now_) {
      read_->delivered = true;
      delivered_now_ = false;
    }
    // Nothing waits for ever.
    if (write_) {
      ASSERT_LT(++write_->age, 1000U) << "cycle " << cycle_;
    }
    if (read_) {
      ASSERT_LT(++read_->age, 1000U) << "cycle " << cycle_;
    }
  }

  void check_ready() {
    if (write_ && write_->address_sent) {
      EXPECT_FALSE(dut_.s_axil_awready_o) << cycle_;
    }
    if (write_ && write_->data_sent) {
      EXPECT_FALSE(dut_.s_axil_wready_o) << cycle_;
    }
    if (read_ && read_->address_sent) {
      EXPECT_FALSE(dut_.s_axil_arready_o) << cycle_;
    }
  }

  void check_write_answer() {
    std::optional<target> effect;
    if (dut_.s_axil_bvalid_o) {
      ASSERT_TRUE(write_ && write_->address_sent && write_->data_sent) << "cycle " << cycle_;
      const auto accepted =
          write_->strobe == 0xf ? map_.decode_write(write_->address) : std::nullopt;
      EXPECT_EQ(dut_.s_axil_bresp_o, accepted ? okay : slverr) << std::hex << write_->address;
      if (!write_->answered) {
        write_->answered = true;
        last_response_ = dut_.s_axil_bresp_o;
        effect = accepted;
        ++(accepted ? good_writes_ : bad_writes_)[write_->address];
        if (accepted) apply(*accepted);
      }
    } else {
      EXPECT_FALSE(write_ && write_->answered) << "answer withdrawn in cycle " << cycle_;
    }
    check_pulses(effect);
  }

  void apply(const target& t) {
    if (t.where != nullptr) return;
    const entry& e = *t.what;
    if (e.mode == access::rw) held_[e.offset] = write_->data & e.mask();
    if (e.mode == access::rw1c) interrupts_ = (interrupts_before_ & ~write_->data) | set_last_;
  }

  void check_pulses(const std::optional<target>& effect) {
    for (const entry& e : map_.card) {
      if (e.mode != access::wo) continue;
      const bool pulsed = effect && effect->what == &e;
      EXPECT_EQ(e.we.get(), pulsed) << std::hex << e.offset << " in cycle " << std::dec << cycle_;
      if (pulsed) {
        EXPECT_EQ(e.value(), write_->data & e.mask()) << std::hex << e.offset;
      }
    }
    for (const window& w : map_.windows) {
      const bool pulsed = effect && effect->where == &w;
      EXPECT_EQ(w.we.exists() && w.we.get(), pulsed) << w.name << " in cycle " << cycle_;
      if (pulsed && w.we.exists()) {
        EXPECT_EQ(w.index.get(), effect->index) << w.name;
        EXPECT_EQ(w.addr.get(), effect->what->offset) << w.name;
        EXPECT_EQ(w.wdata.get(), write_->data) << w.name;
      }
    }
  }

  void check_held() {
    for (const entry& e : map_.card) {
      if (e.mode == access::rw) {
        EXPECT_EQ(e.value(), held_[e.offset]) << std::hex << e.offset;
      } else if (e.mode == access::rw1c) {
        EXPECT_EQ(e.value(), interrupts_) << "cycle " << cycle_;
      }
    }
  }

  void check_window_read() {
    for (const window& w : map_.windows) {
      if (!w.re.get()) continue;
      ASSERT_TRUE(read_ && read_->address_sent && !read_->requested) << w.name << " " << cycle_;
      const auto t = map_.decode_read(read_->address);
      ASSERT_TRUE(t && t->where == &w) << w.name << " " << std::hex << read_->address;
      EXPECT_EQ(w.index.get(), t->index) << w.name;
      EXPECT_EQ(w.addr.get(), t->what->offset) << w.name;
      for (const window& other : map_.windows) {
        EXPECT_FALSE(other.we.exists() && other.we.get())
            << "index and address are shared, in cycle " << cycle_;
      }
      read_->requested = true;
    }
  }

  void check_read_answer() {
    if (!dut_.s_axil_rvalid_o) {
      EXPECT_FALSE(read_ && read_->answered) << "answer withdrawn in cycle " << cycle_;
      return;
    }
    ASSERT_TRUE(read_ && read_->address_sent) << "cycle " << cycle_;
    const auto t = map_.decode_read(read_->address);
    if (!read_->answered) {
      read_->answered = true;
      ++(t ? good_reads_ : bad_reads_)[read_->address];
      if (t && t->where != nullptr) {
        EXPECT_TRUE(read_->delivered) << "answered before its window, in cycle " << cycle_;
      } else {
        read_->value = t ? value_before_ : 0;
      }
    }
    EXPECT_EQ(dut_.s_axil_rresp_o, t ? okay : slverr) << std::hex << read_->address;
    EXPECT_EQ(dut_.s_axil_rdata_o, read_->value) << std::hex << read_->address;
  }

  /// What the card's register holds in this cycle.
  std::uint32_t card_value(std::uint32_t address) {
    const auto t = map_.decode(address);
    if (!t || t->where != nullptr) return 0;
    if (t->what->mode == access::rw) return held_[address];
    if (t->what->mode == access::rw1c) return interrupts_;
    return t->what->value();
  }

  /// Random traffic; the pace of both sides changes now and then.
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles && !HasFailure(); ++i) {
      if (i % 500 == 0) {
        constexpr std::array paces = {0.1, 0.5, 0.9, 1.0};
        eagerness_ = paces[below(paces.size())];
        patience_ = paces[below(paces.size())];
      }
      step();
    }
  }

  /// Both sides idle again.
  void drain() {
    offer_writes_ = offer_reads_ = false;
    eagerness_ = patience_ = 1.0;
    while ((write_ || read_) && !HasFailure()) step();
    offer_writes_ = offer_reads_ = true;
  }

  /// One write by itself; returns its response.
  unsigned write(std::uint32_t address, std::uint32_t data, std::uint32_t strobe = 0xf) {
    drain();
    offer_reads_ = false;
    queued_writes_.push_back({address, data, strobe});
    do {
      step();
    } while (write_ && !HasFailure());
    offer_reads_ = true;
    return last_response_;
  }

  Vexalloc_regs dut_{"dut"};
  const regs_map::map map_{dut_};
  std::uint64_t cycle_ = 0;

  double eagerness_ = 1.0;  ///< Chance in a cycle that the master offers what it has.
  double patience_ = 1.0;   ///< Chance in a cycle that it takes an answer.
  bool offer_writes_ = true, offer_reads_ = true;
  bool aw_offered_ = false, w_offered_ = false, ar_offered_ = false;
  bool delivered_now_ = false;
  std::deque<write_access> queued_writes_;
  std::deque<std::uint32_t> queued_reads_;
  std::optional<write_access> write_;
  std::optional<read_access> read_;

  std::map<std::uint32_t, std::uint32_t> held_;  ///< rw registers of the card.
  std::uint32_t interrupts_ = 0, interrupts_before_ = 0, set_last_ = 0;
  std::uint32_t value_before_ = 0;
  unsigned last_response_ = 0;
  std::map<std::uint32_t, unsigned> good_writes_, bad_writes_, good_reads_, bad_reads_;
  std::map<const window*, unsigned> resets_of_reads_;  ///< Resets while a window owed an answer.
};

TEST_F(RegsDecoder, RandomTraffic) {
  run(400'000);
  ASSERT_FALSE(HasFailure());

  // Every register of the card was met, in the direction that is allowed and in the other.
  for (const entry& e : map_.card) {
    SCOPED_TRACE(e.offset);
    EXPECT_GT((e.mode == access::ro ? bad_writes_ : good_writes_)[e.offset], 10U);
    EXPECT_GT((e.mode == access::wo ? bad_reads_ : good_reads_)[e.offset], 10U);
    EXPECT_GT(bad_writes_[e.offset], 0U);
  }
  // So was every register of the windows, in one window or another.
  for (const window& w : map_.windows) {
    for (const entry& e : w.registers) {
      SCOPED_TRACE(w.name + " " + std::to_string(e.offset));
      const auto total = [&](auto& counts) {
        unsigned sum = 0;
        for (std::uint32_t i = 0; i < w.count; ++i) sum += counts[w.address(i, e)];
        return sum;
      };
      EXPECT_GT(total(e.mode == access::ro ? bad_writes_ : good_writes_), 10U);
      EXPECT_GT(total(e.mode == access::wo ? bad_reads_ : good_reads_), 10U);
      EXPECT_GT(total(bad_writes_), 0U);
    }
  }
}

TEST_F(RegsDecoder, ResetAtAnyTime) {
  for (unsigned i = 0; i < 2000 && !HasFailure(); ++i) {
    eagerness_ = chance(0.5) ? 1.0 : 0.5;
    patience_ = chance(0.5) ? 1.0 : 0.2;
    for (unsigned n = below(40); n > 0 && !HasFailure(); --n) step();
    aw_offered_ = w_offered_ = ar_offered_ = false;
    reset(1 + below(3));
  }
  for (const window& w : map_.windows) EXPECT_GT(resets_of_reads_[&w], 0U) << w.name;
}

TEST_F(RegsDecoder, EveryAddressAnswersAsTheMapSays) {
  // All 64 Ki byte addresses, written with a full strobe and read; the model judges each answer.
  for (std::uint32_t address = 0; address < 0x10000; ++address) {
    queued_writes_.push_back({address, word(), 0xf});
    queued_reads_.push_back(address);
  }
  offer_reads_ = false;
  while (!queued_writes_.empty() && !HasFailure()) step();
  drain();
  offer_writes_ = false;
  while (!queued_reads_.empty() && !HasFailure()) step();
  drain();

  // The sum of each, so that a register forgotten here and in the decoder does not go unnoticed.
  EXPECT_EQ(good_writes_.size(), 11 + 256 * 2 + 16 * 1 + 64 * 6U);
  EXPECT_EQ(good_reads_.size(), 21 + 32 * 2 + 8 * 1 + 256 * 7 + 64 * 6 + 16 * 5 + 64 * 6U);
  EXPECT_EQ(good_writes_.size() + bad_writes_.size(), 0x10000U);
  EXPECT_EQ(good_reads_.size() + bad_reads_.size(), 0x10000U);
}

TEST_F(RegsDecoder, PartialStrobesChangeNothing) {
  const auto refused = [&](std::uint32_t address) {
    SCOPED_TRACE(address);
    EXPECT_EQ(write(address, word()), okay);
    for (std::uint32_t strobe = 0; strobe < 15; ++strobe) {
      EXPECT_EQ(write(address, word(), strobe), slverr);
    }
  };
  for (const entry& e : map_.card) {
    if (e.mode != access::ro) refused(e.offset);
  }
  for (const window& w : map_.windows) {
    for (const entry& e : w.registers) {
      if (e.mode != access::ro) refused(w.address(below(w.count), e));
    }
  }
}

}  // namespace
