// A host for exalloc_card: registers over AXI4-Lite, portals with their rings in an AxiMemory.
#pragma once

#include <verilated.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axi_memory.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::test {

constexpr std::uint64_t kMemoryBase = 0x1'0000'0000;
constexpr std::uint64_t kRingSpace = 0x1'0000;  // room for the largest ring
constexpr unsigned kMaxPortals = 64;

template <class Model>
class CardHarness {
 public:
  explicit CardHarness(std::uint64_t seed)
      : memory(kMemoryBase, 2 * kMaxPortals * kRingSpace, seed), model(std::make_unique<Model>()) {
    model->rst_i = 1;
    model->s_axil_bready_i = 1;
    model->s_axil_rready_i = 1;
    model->gated_cycles_i = 0;
    model->m_axis_pop_tready_i = 0;
    model->s_axis_push_tvalid_i = 0;
    for (int i = 0; i < 5; ++i) Cycle();
    model->rst_i = 0;
    WaitReady();
  }
  ~CardHarness() { model->final(); }

  // Something behind a stream port, or both sides of several.
  class Kernel {
   public:
    virtual ~Kernel() = default;
    virtual void Sample(const Model& model) = 0;  // just before an edge
    virtual void Drive(Model& model) = 0;         // after it
  };

  AxiMemory<Model> memory;
  std::vector<Kernel*> kernels;
  std::unique_ptr<Model> model;
  std::uint64_t cycle = 0;

  void Cycle() {
    memory.Sample(*model);
    for (auto* k : kernels) k->Sample(*model);
    model->clk_i = 1;
    model->eval();
    model->clk_i = 0;
    memory.Drive(*model);
    for (auto* k : kernels) k->Drive(*model);
    model->eval();
    ++cycle;
  }
  void Cycles(unsigned n) {
    while (n-- > 0) Cycle();
  }

  // Which halves of a write are still to be given.
  struct Halves {
    bool address = true, data = true;
  };
  void Write(std::uint32_t address, std::uint32_t value, Halves halves) {
    model->s_axil_awaddr_i = static_cast<std::uint16_t>(address);
    model->s_axil_wdata_i = value;
    model->s_axil_wstrb_i = 0xf;
    model->s_axil_awvalid_i = halves.address;
    model->s_axil_wvalid_i = halves.data;
    model->eval();
    for (unsigned wait = 0; model->s_axil_awvalid_i || model->s_axil_wvalid_i; ++wait) {
      ASSERT_LT(wait, 100'000u);
      const bool aw = model->s_axil_awvalid_i && model->s_axil_awready_o;
      const bool w = model->s_axil_wvalid_i && model->s_axil_wready_o;
      Cycle();
      if (aw) model->s_axil_awvalid_i = 0;
      if (w) model->s_axil_wvalid_i = 0;
      model->eval();
    }
    for (unsigned wait = 0; !model->s_axil_bvalid_o; ++wait) {
      ASSERT_LT(wait, 1000u);
      Cycle();
    }
    EXPECT_EQ(model->s_axil_bresp_o, 0);
    Cycle();
  }
  void Write(std::uint32_t address, std::uint32_t value) { Write(address, value, Halves{}); }

  std::uint32_t Read(std::uint32_t address) {
    model->s_axil_araddr_i = static_cast<std::uint16_t>(address);
    model->s_axil_arvalid_i = 1;
    model->eval();
    for (unsigned wait = 0; model->s_axil_arvalid_i; ++wait) {
      if (wait > 100'000) {
        ADD_FAILURE() << "read never taken";
        return 0;
      }
      const bool ar = model->s_axil_arready_o;
      Cycle();
      if (ar) model->s_axil_arvalid_i = 0;
      model->eval();
    }
    for (unsigned wait = 0; !model->s_axil_rvalid_o; ++wait) {
      if (wait > 1000) {
        ADD_FAILURE() << "read never answered";
        return 0;
      }
      Cycle();
    }
    EXPECT_EQ(model->s_axil_rresp_o, 0);
    const std::uint32_t value = model->s_axil_rdata_o;
    Cycle();
    return value;
  }

  std::uint64_t Counter(regs::counter which) {
    Cycles(40);
    const std::uint32_t at = regs::offset::counters_base +
                             regs::offset::counters_stride * static_cast<std::uint32_t>(which);
    const std::uint64_t low = Read(at);
    return low | std::uint64_t{Read(at + 4)} << 32;
  }

  bool Ready() { return (Read(regs::offset::card_status) & regs::card_status::ready.mask()) != 0; }
  void WaitReady() {
    for (unsigned wait = 0; !Ready(); ++wait) {
      ASSERT_LT(wait, 2000u);
      Cycles(100);
    }
  }

  regs::status Command(regs::command command, unsigned list, unsigned domain,
                       std::uint32_t slab = 0, std::uint32_t count = 0, std::uint32_t limit = 63) {
    Write(regs::offset::command_list, list | domain << 16);
    Write(regs::offset::command_slab, slab);
    Write(regs::offset::command_count, count);
    Write(regs::offset::command_limit, limit);
    Write(regs::offset::command, static_cast<std::uint32_t>(command));
    for (unsigned wait = 0;
         Read(regs::offset::card_status) & regs::card_status::command_busy.mask(); ++wait) {
      if (wait > 20'000) {
        ADD_FAILURE() << "command never ends";
        break;
      }
      Cycles(10);
    }
    return static_cast<regs::status>(
        regs::command_result::status.get(Read(regs::offset::command_result)));
  }
  void OpenAndLink(unsigned list, unsigned domain, std::uint32_t slab, std::uint32_t count) {
    EXPECT_EQ(Command(regs::command::open, list, domain), regs::status::ok);
    EXPECT_EQ(Command(regs::command::link, list, domain, slab, count), regs::status::ok);
  }

  struct Error {
    regs::status status;
    unsigned opcode, list, portal;
    std::uint32_t token;
    bool operator==(const Error&) const = default;
  };
  std::optional<Error> PopError() {
    const std::uint32_t info = Read(regs::offset::error_info);
    if (!(info & 1)) return std::nullopt;
    const Error e{static_cast<regs::status>(regs::error_info::status.get(info)),
                  static_cast<unsigned>(regs::error_info::opcode.get(info)),
                  static_cast<unsigned>(regs::error_info::list.get(info)),
                  static_cast<unsigned>(regs::error_info::portal.get(info)),
                  Read(regs::offset::error_token)};
    Write(regs::offset::error_pop, 1);
    return e;
  }
};

// A completion line, taken apart.
struct Completion {
  regs::opcode opcode;
  bool last;
  unsigned count, list;
  regs::status status;
  std::uint16_t head, cookie;
  std::vector<std::uint32_t> tokens;
};

// The host's end of a portal.
template <class Model>
class HostPortal {
 public:
  HostPortal(CardHarness<Model>& card, unsigned index, unsigned ring_log2, unsigned domain)
      : card_(card), index_(index), ring_log2_(ring_log2), domain_(domain) {}

  std::uint16_t tail = 0, completions = 0;

  [[nodiscard]] unsigned index() const { return index_; }
  [[nodiscard]] unsigned size() const { return 1u << ring_log2_; }
  [[nodiscard]] std::uint64_t submission_base() const {
    return kMemoryBase + 2 * index_ * kRingSpace;
  }
  [[nodiscard]] std::uint64_t completion_base() const { return submission_base() + kRingSpace; }
  [[nodiscard]] std::uint32_t Register(std::uint32_t offset) const {
    return regs::offset::portals_base + regs::offset::portals_stride * index_ + offset;
  }

  void Enable() { EnableAt(submission_base(), completion_base()); }
  void EnableAt(std::uint64_t submission, std::uint64_t completion) {
    Restart();
    Put(regs::offset::submission_base_low, static_cast<std::uint32_t>(submission));
    Put(regs::offset::submission_base_high, static_cast<std::uint32_t>(submission >> 32));
    Put(regs::offset::completion_base_low, static_cast<std::uint32_t>(completion));
    Put(regs::offset::completion_base_high, static_cast<std::uint32_t>(completion >> 32));
    Put(regs::offset::portal_config, 1u | ring_log2_ << 8 | domain_ << 16);
  }
  // Empty rings, on the host's side.
  void Restart() {
    card_.memory.Clear(submission_base(), size());
    card_.memory.Clear(completion_base(), size());
    tail = completions = 0;
  }
  void Disable() { Put(regs::offset::portal_config, 0); }
  std::uint32_t Status() { return card_.Read(Register(regs::offset::portal_status)); }
  void WaitNotBusy() {
    for (unsigned wait = 0; Status() & regs::portal_status::busy.mask(); ++wait) {
      ASSERT_LT(wait, 10'000u) << "portal " << index_ << " stays busy";
    }
  }

  // Puts a raw line into the next slot; rung for only by Ring().
  void SubmitRaw(const LineWords& words) {
    card_.memory.Line(submission_base() + 64 * (tail % size())) = words;
    ++tail;
  }
  [[nodiscard]] unsigned Phase() const { return 1u ^ ((tail >> ring_log2_) & 1u); }
  void Submit(regs::opcode opcode, unsigned list, unsigned count, std::uint16_t cookie,
              const std::vector<std::uint32_t>& tokens = {}, bool ack = false) {
    LineWords words{};
    words[0] = Phase() | static_cast<unsigned>(opcode) << 1 | (ack ? 1u << 5 : 0u) | count << 8 |
               list << 16;
    words[1] = cookie;
    for (std::size_t i = 0; i < tokens.size(); ++i) words[2 + i] = tokens[i];
    SubmitRaw(words);
  }
  void Ring() { Put(regs::offset::doorbell, tail | std::uint32_t{completions} << 16); }

  // The next completion line, if it is there.
  std::optional<LineWords> PollRaw() {
    const LineWords& words = card_.memory.Line(completion_base() + 64 * (completions % size()));
    const unsigned phase = 1u ^ ((completions >> ring_log2_) & 1u);
    if ((words[0] & 1) != phase) return std::nullopt;
    ++completions;
    return words;
  }
  std::optional<Completion> Poll() {
    const auto raw = PollRaw();
    if (!raw) return std::nullopt;
    const LineWords& words = *raw;
    const std::uint64_t header = words[0] | std::uint64_t{words[1]} << 32;
    namespace cpl = regs::completion_header;
    Completion c{static_cast<regs::opcode>(cpl::opcode.get(header)),
                 cpl::last.get(header) != 0,
                 static_cast<unsigned>(cpl::count.get(header)),
                 static_cast<unsigned>(cpl::list.get(header)),
                 static_cast<regs::status>(cpl::status.get(header)),
                 static_cast<std::uint16_t>(cpl::head.get(header)),
                 static_cast<std::uint16_t>(cpl::cookie.get(header)),
                 {}};
    EXPECT_LE(c.count, 14u);
    for (unsigned i = 0; i < 14; ++i) {
      if (i < c.count) {
        c.tokens.push_back(words[2 + i]);
      } else {
        EXPECT_EQ(words[2 + i], 0u);
      }
    }
    return c;
  }
  // Waits for it.
  Completion Next(unsigned cycles = 20'000) {
    for (unsigned i = 0; i < cycles; ++i) {
      if (auto c = Poll()) return *c;
      card_.Cycle();
    }
    ADD_FAILURE() << "portal " << index_ << ": no completion line";
    return {};
  }
  void Put(std::uint32_t offset, std::uint32_t value) { card_.Write(Register(offset), value); }

 private:
  CardHarness<Model>& card_;
  unsigned index_, ring_log2_, domain_;
};

}  // namespace exalloc::test
