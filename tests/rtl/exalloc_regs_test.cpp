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
#include <exalloc/regs.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "Vexalloc_regs.h"

namespace {

namespace regs = exalloc::regs;
namespace at = regs::offset;

enum class access { ro, rw, wo, rw1c };

struct entry {
  std::uint32_t offset;
  access mode;
};

// Written down a second time on purpose: the decoder is generated, this is not.
constexpr std::array card_registers = {
    entry{at::id, access::ro},
    entry{at::version, access::ro},
    entry{at::layout_hash, access::ro},
    entry{at::geometry, access::ro},
    entry{at::slabs, access::ro},
    entry{at::lists, access::ro},
    entry{at::clock, access::ro},
    entry{at::control, access::wo},
    entry{at::card_status, access::ro},
    entry{at::interrupt_status, access::rw1c},
    entry{at::interrupt_enable, access::rw},
    entry{at::command_list, access::rw},
    entry{at::command_slab, access::rw},
    entry{at::command_count, access::rw},
    entry{at::command_limit, access::rw},
    entry{at::command, access::wo},
    entry{at::command_result, access::ro},
    entry{at::error_info, access::ro},
    entry{at::error_token, access::ro},
    entry{at::error_pop, access::wo},
    entry{at::error_lost, access::ro},
};
constexpr std::array counter_registers = {
    entry{at::counter_low, access::ro},
    entry{at::counter_high, access::ro},
};
constexpr std::array portal_registers = {
    entry{at::submission_base_low, access::rw}, entry{at::submission_base_high, access::rw},
    entry{at::completion_base_low, access::rw}, entry{at::completion_base_high, access::rw},
    entry{at::portal_config, access::rw},       entry{at::doorbell, access::wo},
    entry{at::portal_status, access::ro},
};

enum class block { card, counters, portals };

/// What an address names.
struct target {
  block owner;
  std::uint32_t index, offset;
  access mode;
};

template <typename Registers>
std::optional<access> find(const Registers& registers, std::uint32_t offset) {
  for (const entry& e : registers) {
    if (e.offset == offset) return e.mode;
  }
  return std::nullopt;
}

std::optional<target> decode(std::uint32_t address) {
  if (const auto mode = find(card_registers, address)) {
    return target{block::card, 0, address, *mode};
  }
  const auto window = [&](block owner, std::uint32_t base, std::uint32_t stride,
                          std::uint32_t count, const auto& registers) -> std::optional<target> {
    if (address < base || address >= base + stride * count) return std::nullopt;
    const std::uint32_t index = (address - base) / stride;
    const std::uint32_t offset = (address - base) % stride;
    if (const auto mode = find(registers, offset)) return target{owner, index, offset, *mode};
    return std::nullopt;
  };
  if (const auto t = window(block::counters, at::counters_base, at::counters_stride,
                            at::counters_count, counter_registers)) {
    return t;
  }
  return window(block::portals, at::portals_base, at::portals_stride, at::portals_count,
                portal_registers);
}

std::optional<target> decode_write(std::uint32_t address) {
  const auto t = decode(address);
  return t && t->mode != access::ro ? t : std::nullopt;
}

std::optional<target> decode_read(std::uint32_t address) {
  const auto t = decode(address);
  return t && t->mode != access::wo ? t : std::nullopt;
}

constexpr unsigned okay = 0;
constexpr unsigned slverr = 2;

struct write_access {
  std::uint32_t address = 0, data = 0, strobe = 0;
  bool address_sent = false, data_sent = false, answered = false;
  unsigned age = 0;

  [[nodiscard]] std::optional<target> accepted() const {
    return strobe == 0xf ? decode_write(address) : std::nullopt;
  }
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

class RegsDecoder : public testing::Test {
 protected:
  RegsDecoder() : dut_("dut") {
    clear_inputs();
    reset(3);
  }
  ~RegsDecoder() override { dut_.final(); }

  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }

  std::uint32_t word() { return static_cast<std::uint32_t>(random_()); }

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }

  void clear_inputs() {
    dut_.s_axil_awvalid_i = dut_.s_axil_wvalid_i = dut_.s_axil_arvalid_i = 0;
    dut_.s_axil_bready_i = dut_.s_axil_rready_i = 0;
    dut_.interrupt_status_error_set_i = dut_.interrupt_status_command_done_set_i = 0;
    dut_.counters_rvalid_i = dut_.portals_rvalid_i = 0;
  }

  void reset(unsigned cycles) {
    clear_inputs();
    dut_.rst_i = 1;
    for (unsigned i = 0; i < cycles; ++i) edge();
    dut_.rst_i = 0;
    write_.reset();
    read_.reset();
    interrupts_ = interrupts_before_ = set_last_ = 0;
    held_.clear();
    dut_.eval();
    EXPECT_FALSE(dut_.s_axil_bvalid_o || dut_.s_axil_rvalid_o);
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
    // Often the register just written, to meet it while it changes.
    read_->address = write_ && chance(0.3) ? write_->address : random_address();
    read_->delay = 1 + below(chance(0.2) ? 30 : 3);
  }

  template <typename Registers>
  std::uint32_t any_of(const Registers& registers) {
    return registers[below(static_cast<std::uint32_t>(registers.size()))].offset;
  }

  std::uint32_t random_address() {
    std::uint32_t address = 0;
    switch (below(5)) {
      case 0:
      case 1:
        address = any_of(card_registers);
        break;
      case 2:
        address = at::counters_base + at::counters_stride * below(at::counters_count) +
                  any_of(counter_registers);
        break;
      case 3:
        address = at::portals_base + at::portals_stride * below(at::portals_count) +
                  any_of(portal_registers);
        break;
      default:
        return below(0x10000);
    }
    // Near misses: one bit off, so unaligned, in a hole, or beyond the last window.
    return chance(0.15) ? address ^ (1U << below(16)) : address;
  }

  void drive_status() {
    if (chance(0.3)) {
      dut_.geometry_banks_i = word() & 0xff;
      dut_.geometry_slab_width_i = word() & 0xff;
      dut_.geometry_portals_i = word() & 0xff;
      dut_.geometry_workers_i = word() & 0xff;
      dut_.slabs_count_i = word();
      dut_.lists_count_i = word() & 0xffff;
      dut_.clock_khz_i = word();
      dut_.card_status_ready_i = word() & 1;
      dut_.card_status_command_busy_i = word() & 1;
      dut_.command_result_status_i = word() & 0xf;
      dut_.command_result_slab_i = word() & 0xffffff;
      dut_.error_info_valid_i = word() & 1;
      dut_.error_info_opcode_i = word() & 0xf;
      dut_.error_info_status_i = word() & 0xf;
      dut_.error_info_list_i = word() & 0x3ff;
      dut_.error_info_portal_i = word() & 0x3f;
      dut_.error_token_token_i = word();
      dut_.error_lost_count_i = word();
    }
    dut_.interrupt_status_error_set_i = chance(0.1);
    dut_.interrupt_status_command_done_set_i = chance(0.1);
  }

  void drive_windows() {
    dut_.counters_rvalid_i = dut_.portals_rvalid_i = 0;
    dut_.counters_rdata_i = word();
    dut_.portals_rdata_i = word();
    if (!read_ || !read_->requested || read_->delivered || --read_->delay != 0) return;
    const bool counter = decode_read(read_->address)->owner == block::counters;
    (counter ? dut_.counters_rvalid_i : dut_.portals_rvalid_i) = 1;
    read_->value = counter ? dut_.counters_rdata_i : dut_.portals_rdata_i;
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
    set_last_ = dut_.interrupt_status_error_set_i |
                (static_cast<unsigned>(dut_.interrupt_status_command_done_set_i) << 1);
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
      const auto accepted = write_->accepted();
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
    if (t.owner != block::card) return;
    if (t.mode == access::rw) held_[t.offset] = write_->data & rw_mask(t.offset);
    if (t.mode == access::rw1c) interrupts_ = (interrupts_before_ & ~write_->data) | set_last_;
  }

  static std::uint32_t rw_mask(std::uint32_t offset) {
    switch (offset) {
      case at::interrupt_enable:
        return 0x3;
      case at::command_list:
        return 0x3f03ff;
      case at::command_limit:
        return 0x3f;
      default:
        return 0xffffffff;
    }
  }

  void check_pulses(const std::optional<target>& effect) {
    const auto pulsed = [&](std::uint32_t offset) {
      return effect && effect->owner == block::card && effect->offset == offset;
    };
    const bool portal = effect && effect->owner == block::portals;
    EXPECT_EQ(dut_.control_we_o, pulsed(at::control)) << "cycle " << cycle_;
    EXPECT_EQ(dut_.command_we_o, pulsed(at::command)) << "cycle " << cycle_;
    EXPECT_EQ(dut_.error_pop_we_o, pulsed(at::error_pop)) << "cycle " << cycle_;
    EXPECT_EQ(dut_.portals_we_o, portal) << "cycle " << cycle_;
    if (pulsed(at::control)) {
      EXPECT_EQ(dut_.control_reset_o, write_->data & 1);
    }
    if (pulsed(at::command)) {
      EXPECT_EQ(dut_.command_command_o, write_->data & 0xf);
    }
    if (pulsed(at::error_pop)) {
      EXPECT_EQ(dut_.error_pop_pop_o, write_->data & 1);
    }
    if (portal) {
      EXPECT_EQ(dut_.portals_index_o, effect->index);
      EXPECT_EQ(dut_.portals_addr_o, effect->offset);
      EXPECT_EQ(dut_.portals_wdata_o, write_->data);
    }
  }

  void check_held() {
    EXPECT_EQ(dut_.interrupt_enable_error_o | (dut_.interrupt_enable_command_done_o << 1U),
              held_[at::interrupt_enable]);
    EXPECT_EQ(static_cast<std::uint32_t>(dut_.command_list_list_o) |
                  (static_cast<std::uint32_t>(dut_.command_list_domain_o) << 16U),
              held_[at::command_list]);
    EXPECT_EQ(dut_.command_slab_slab_o, held_[at::command_slab]);
    EXPECT_EQ(dut_.command_count_count_o, held_[at::command_count]);
    EXPECT_EQ(dut_.command_limit_limit_o, held_[at::command_limit]);
    EXPECT_EQ(dut_.interrupt_status_error_o, interrupts_ & 1) << "cycle " << cycle_;
    EXPECT_EQ(dut_.interrupt_status_command_done_o, interrupts_ >> 1 & 1) << "cycle " << cycle_;
  }

  void check_window_read() {
    const bool counters = dut_.counters_re_o;
    const bool portals = dut_.portals_re_o;
    if (!counters && !portals) return;
    ASSERT_TRUE(read_ && read_->address_sent && !read_->requested) << "cycle " << cycle_;
    const auto t = decode_read(read_->address);
    ASSERT_TRUE(t) << std::hex << read_->address;
    EXPECT_EQ(counters, t->owner == block::counters);
    EXPECT_EQ(portals, t->owner == block::portals);
    EXPECT_FALSE(dut_.portals_we_o) << "index and address are shared, in cycle " << cycle_;
    EXPECT_EQ(counters ? dut_.counters_index_o : dut_.portals_index_o, t->index);
    EXPECT_EQ(counters ? dut_.counters_addr_o : dut_.portals_addr_o, t->offset);
    read_->requested = true;
  }

  void check_read_answer() {
    if (!dut_.s_axil_rvalid_o) {
      EXPECT_FALSE(read_ && read_->answered) << "answer withdrawn in cycle " << cycle_;
      return;
    }
    ASSERT_TRUE(read_ && read_->address_sent) << "cycle " << cycle_;
    const auto t = decode_read(read_->address);
    if (!read_->answered) {
      read_->answered = true;
      ++(t ? good_reads_ : bad_reads_)[read_->address];
      if (t && t->owner != block::card) {
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
    std::uint64_t value = 0;
    const auto put = [&](const regs::field& f, std::uint64_t v) { value = f.set(value, v); };
    switch (address) {
      case at::id:
        return 0x4c415845;
      case at::version:
        return 0x00010000;
      case at::layout_hash:
        return regs::layout_hash;
      case at::geometry:
        put(regs::geometry::banks, dut_.geometry_banks_i);
        put(regs::geometry::slab_width, dut_.geometry_slab_width_i);
        put(regs::geometry::portals, dut_.geometry_portals_i);
        put(regs::geometry::workers, dut_.geometry_workers_i);
        break;
      case at::slabs:
        return dut_.slabs_count_i;
      case at::lists:
        return dut_.lists_count_i;
      case at::clock:
        return dut_.clock_khz_i;
      case at::card_status:
        put(regs::card_status::ready, dut_.card_status_ready_i);
        put(regs::card_status::command_busy, dut_.card_status_command_busy_i);
        break;
      case at::interrupt_status:
        return interrupts_;
      case at::command_result:
        put(regs::command_result::status, dut_.command_result_status_i);
        put(regs::command_result::slab, dut_.command_result_slab_i);
        break;
      case at::error_info:
        put(regs::error_info::valid, dut_.error_info_valid_i);
        put(regs::error_info::opcode, dut_.error_info_opcode_i);
        put(regs::error_info::status, dut_.error_info_status_i);
        put(regs::error_info::list, dut_.error_info_list_i);
        put(regs::error_info::portal, dut_.error_info_portal_i);
        break;
      case at::error_token:
        return dut_.error_token_token_i;
      case at::error_lost:
        return dut_.error_lost_count_i;
      default:
        return held_.contains(address) ? held_[address] : 0;
    }
    return static_cast<std::uint32_t>(value);
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

  std::mt19937_64 random_{20240607};
  Vexalloc_regs dut_;
  std::uint64_t cycle_ = 0;

  double eagerness_ = 1.0;  ///< Chance in a cycle that the master offers what it has.
  double patience_ = 1.0;   ///< Chance in a cycle that it takes an answer.
  bool offer_writes_ = true, offer_reads_ = true;
  bool aw_offered_ = false, w_offered_ = false, ar_offered_ = false;
  bool delivered_now_ = false;
  std::deque<write_access> queued_writes_;
  std::optional<write_access> write_;
  std::optional<read_access> read_;

  std::map<std::uint32_t, std::uint32_t> held_;  ///< rw registers of the card.
  std::uint32_t interrupts_ = 0, interrupts_before_ = 0, set_last_ = 0;
  std::uint32_t value_before_ = 0;
  unsigned last_response_ = 0;
  std::map<std::uint32_t, unsigned> good_writes_, bad_writes_, good_reads_, bad_reads_;
};

TEST_F(RegsDecoder, RandomTraffic) {
  run(400'000);
  ASSERT_FALSE(HasFailure());

  // Every register of the card was met, in the direction that is allowed and in the other.
  for (const entry& e : card_registers) {
    SCOPED_TRACE(e.offset);
    EXPECT_GT((e.mode == access::ro ? bad_writes_ : good_writes_)[e.offset], 10U);
    EXPECT_GT((e.mode == access::wo ? bad_reads_ : good_reads_)[e.offset], 10U);
    EXPECT_GT(bad_writes_[e.offset], 0U);
  }
  for (std::uint32_t i = 0; i < at::counters_count; ++i) {
    for (const entry& e : counter_registers) {
      const std::uint32_t address = at::counters_base + i * at::counters_stride + e.offset;
      EXPECT_GT(good_reads_[address], 0U) << address;
      EXPECT_GT(bad_writes_[address], 0U) << address;
    }
  }
  for (std::uint32_t i = 0; i < at::portals_count; ++i) {
    for (const entry& e : portal_registers) {
      const std::uint32_t address = at::portals_base + i * at::portals_stride + e.offset;
      EXPECT_GT((e.mode == access::ro ? bad_writes_ : good_writes_)[address], 0U) << address;
      EXPECT_GT((e.mode == access::wo ? bad_reads_ : good_reads_)[address], 0U) << address;
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
}

TEST_F(RegsDecoder, EveryAddressAnswersAsTheMapSays) {
  // All 64 Ki byte addresses, written with a full strobe; the model judges each answer.
  offer_reads_ = false;
  for (std::uint32_t address = 0; address < 0x10000; ++address) {
    queued_writes_.push_back({address, word(), 0xf});
  }
  while (!queued_writes_.empty() && !HasFailure()) step();
  drain();
  std::uint32_t writable = 0;
  for (const auto& [address, count] : good_writes_) writable += count;
  EXPECT_EQ(writable, 9 + 64 * 6U);
}

TEST_F(RegsDecoder, PartialStrobesChangeNothing) {
  EXPECT_EQ(write(at::command_slab, 0x12345678), okay);
  for (std::uint32_t strobe = 0; strobe < 15; ++strobe) {
    EXPECT_EQ(write(at::command_slab, ~0U, strobe), slverr);
    EXPECT_EQ(write(at::control, ~0U, strobe), slverr);
    EXPECT_EQ(write(at::portals_base + at::doorbell, ~0U, strobe), slverr);
  }
  EXPECT_EQ(dut_.command_slab_slab_o, 0x12345678U);
}

}  // namespace
