#include "rtl_card.hpp"

#include <verilated.h>
#include <verilated_fst_c.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <fstream>
#include <stdexcept>

#include "Vexalloc_card.h"
#include "model_context.hpp"

namespace exalloc::sim {
namespace {

constexpr std::uint8_t axi_okay = 0;
constexpr std::uint64_t most_gated = 0xFFFF'FFFF;  // that one clock can be told of
constexpr unsigned idle_lag = 8;                   // cycles by which idle_o is behind the pins

struct read_beat {
  line_data data;
  axi_response how;
  bool last;
};
struct register_access {
  bool write;
  std::uint32_t offset, value;
};

}  // namespace

struct rtl_card::model {
  explicit model(clocked which) : all_units(which == clocked::all_units) {}

  model_context context;
  Vexalloc_card top{&context};
  std::unique_ptr<VerilatedFstC> waves;
  const bool all_units;
  std::uint32_t units = 0;  // that have been active: a reset reaches all
  std::uint64_t cycles = 0;
  std::uint64_t outside_reset = 0;  // cycles, left-out ones included: the time of waveforms

  std::optional<register_access> access;  // the one in progress
  bool address_sent = false, data_sent = false;
  std::optional<register_answer> answer;

  std::deque<read_request> reads;        // not yet taken by the host
  std::deque<unsigned> read_lines_left;  // beats still to come, one entry a burst
  std::deque<read_beat> beats;           // answered, not yet delivered
  std::deque<std::uint64_t> write_addresses;
  std::deque<line_data> write_data;
  std::deque<axi_response> write_answers;

  std::array<stream_pins, stream_ports> streams;
  std::uint64_t left_out = 0;  // cycles the card has not been told of
  unsigned restless = 0;       // cycles until idle_o tells of what moved on the memory bus
  bus_watcher* watcher = nullptr;
  bus_pins pins;

  void forget();
  void drive();
  void sample();
  void show();
};

// Puts the inputs of the coming rising edge on the pins.
void rtl_card::model::drive() {
  const bool writing = access && access->write;
  const bool reading = access && !access->write;
  top.s_axil_awvalid_i = writing && !address_sent;
  top.s_axil_wvalid_i = writing && !data_sent;
  top.s_axil_arvalid_i = reading && !address_sent;
  top.s_axil_bready_i = writing;
  top.s_axil_rready_i = reading;
  if (access) {
    top.s_axil_awaddr_i = top.s_axil_araddr_i = static_cast<std::uint16_t>(access->offset);
    top.s_axil_wdata_i = access->value;
    top.s_axil_wstrb_i = 0xf;
  }
  top.m_axi_arready_i = 1;
  top.m_axi_awready_i = 1;
  top.m_axi_wready_i = 1;
  top.m_axi_rvalid_i = !beats.empty();
  if (!beats.empty()) {
    std::memcpy(&top.m_axi_rdata_i[0], beats.front().data.data(), sizeof(line_data));
    top.m_axi_rresp_i = static_cast<std::uint8_t>(beats.front().how);
    top.m_axi_rlast_i = beats.front().last;
  }
  top.m_axi_bvalid_i = !write_answers.empty();
  if (!write_answers.empty()) top.m_axi_bresp_i = static_cast<std::uint8_t>(write_answers.front());
  unsigned ready = 0, valid = 0;
  for (unsigned i = 0; i < stream_ports; ++i) {
    ready |= unsigned{streams[i].pop_ready} << i;
    valid |= unsigned{streams[i].push_valid} << i;
    top.s_axis_push_tdata_i[i] = streams[i].push_token;
  }
  top.m_axis_pop_tready_i = static_cast<std::uint8_t>(ready);
  top.s_axis_push_tvalid_i = static_cast<std::uint8_t>(valid);
  top.gated_cycles_i = static_cast<std::uint32_t>(std::min<std::uint64_t>(left_out, most_gated));
  left_out -= top.gated_cycles_i;
}

// Notes the handshakes that the rising edge will complete.
void rtl_card::model::sample() {
  if (top.s_axil_awvalid_i && top.s_axil_awready_o) address_sent = true;
  if (top.s_axil_wvalid_i && top.s_axil_wready_o) data_sent = true;
  if (top.s_axil_arvalid_i && top.s_axil_arready_o) address_sent = true;
  if (top.s_axil_bvalid_o && top.s_axil_bready_i) {
    answer = {top.s_axil_bresp_o == axi_okay, 0};
    access.reset();
  } else if (top.s_axil_rvalid_o && top.s_axil_rready_i) {
    answer = {top.s_axil_rresp_o == axi_okay, top.s_axil_rdata_o};
    access.reset();
  }
  if (top.m_axi_arvalid_o && top.m_axi_arready_i) {
    reads.push_back({top.m_axi_araddr_o, top.m_axi_arlen_o + 1u});
    read_lines_left.push_back(top.m_axi_arlen_o + 1u);
  }
  if (top.m_axi_awvalid_o && top.m_axi_awready_i) write_addresses.push_back(top.m_axi_awaddr_o);
  if (top.m_axi_wvalid_o && top.m_axi_wready_i) {
    line_data data;
    std::memcpy(data.data(), &top.m_axi_wdata_o[0], sizeof data);
    write_data.push_back(data);
  }
  if (restless != 0) --restless;
  if (top.m_axi_rvalid_i || top.m_axi_bvalid_i || top.m_axi_arvalid_o || top.m_axi_awvalid_o ||
      top.m_axi_wvalid_o)
    restless = idle_lag;
  for (unsigned i = 0; i < stream_ports; ++i) {
    streams[i].pop_valid = top.m_axis_pop_tvalid_o >> i & 1;
    streams[i].pop_token = top.m_axis_pop_tdata_o[i];
    streams[i].push_ready = top.s_axis_push_tready_o >> i & 1;
  }
  if (top.m_axi_rvalid_i && top.m_axi_rready_o) beats.pop_front();
  if (top.m_axi_bvalid_i && top.m_axi_bready_o) write_answers.pop_front();
}

// Data are copied only where somebody drives them.
void rtl_card::model::show() {
  pins.reset = top.rst_i;
  axi4_lite_pins& r = pins.registers;
  r.write_address = {{top.s_axil_awvalid_i != 0, top.s_axil_awready_o != 0}, top.s_axil_awaddr_i};
  r.read_address = {{top.s_axil_arvalid_i != 0, top.s_axil_arready_o != 0}, top.s_axil_araddr_i};
  r.write_data = {
      {top.s_axil_wvalid_i != 0, top.s_axil_wready_o != 0}, top.s_axil_wdata_i, top.s_axil_wstrb_i};
  r.write_answer = {{top.s_axil_bvalid_o != 0, top.s_axil_bready_i != 0}, top.s_axil_bresp_o, 0};
  r.read_data = {
      {top.s_axil_rvalid_o != 0, top.s_axil_rready_i != 0}, top.s_axil_rresp_o, top.s_axil_rdata_o};
  axi4_pins& m = pins.memory;
  m.write_address = {{top.m_axi_awvalid_o != 0, top.m_axi_awready_i != 0},
                     top.m_axi_awaddr_o,
                     top.m_axi_awid_o,
                     top.m_axi_awlen_o,
                     top.m_axi_awsize_o,
                     top.m_axi_awburst_o};
  m.read_address = {{top.m_axi_arvalid_o != 0, top.m_axi_arready_i != 0},
                    top.m_axi_araddr_o,
                    top.m_axi_arid_o,
                    top.m_axi_arlen_o,
                    top.m_axi_arsize_o,
                    top.m_axi_arburst_o};
  m.write_data.valid = top.m_axi_wvalid_o;
  m.write_data.ready = top.m_axi_wready_i;
  m.write_data.strobe = top.m_axi_wstrb_o;
  m.write_data.last = top.m_axi_wlast_o;
  if (m.write_data.valid)
    std::memcpy(m.write_data.data.data(), &top.m_axi_wdata_o[0], sizeof(line_data));
  m.read_data.valid = top.m_axi_rvalid_i;
  m.read_data.ready = top.m_axi_rready_o;
  m.read_data.id = top.m_axi_rid_i;
  m.read_data.response = top.m_axi_rresp_i;
  m.read_data.last = top.m_axi_rlast_i;
  if (m.read_data.valid)
    std::memcpy(m.read_data.data.data(), &top.m_axi_rdata_i[0], sizeof(line_data));
  m.write_answer = {
      {top.m_axi_bvalid_i != 0, top.m_axi_bready_o != 0}, top.m_axi_bid_i, top.m_axi_bresp_i};
  for (unsigned i = 0; i < stream_ports; ++i) {
    pins.pop[i] = {
        {(top.m_axis_pop_tvalid_o >> i & 1) != 0, (top.m_axis_pop_tready_i >> i & 1) != 0},
        top.m_axis_pop_tdata_o[i]};
    pins.push[i] = {
        {(top.s_axis_push_tvalid_i >> i & 1) != 0, (top.s_axis_push_tready_o >> i & 1) != 0},
        top.s_axis_push_tdata_i[i]};
  }
  watcher->edge(pins);
}

rtl_card::rtl_card(clocked which) : model_(std::make_unique<model>(which)) {
  model_->context.traceEverOn(true);
  reset();
}
rtl_card::~rtl_card() {
  trace({});
  model_->top.final();
  // The model takes its scopes out of the thread's context, which may be another card's by now.
  Verilated::threadContextp(&model_->context);
}

void rtl_card::model::forget() {
  access.reset();
  answer.reset();
  reads.clear();
  read_lines_left.clear();
  beats.clear();
  write_addresses.clear();
  write_data.clear();
  write_answers.clear();
  restless = idle_lag;
  for (stream_pins& pins : streams) pins.pop_valid = pins.push_ready = false;
}

void rtl_card::reset() {
  model& m = *model_;
  m.forget();
  m.top.rst_i = 1;
  for (int i = 0; i < 8; ++i) clock();
  m.top.rst_i = 0;
  m.forget();  // what it began before the reset got to it
}

void rtl_card::clock() {
  model& m = *model_;
  m.drive();
  m.top.clk_i = 0;
  m.top.unit_clk_i = 0;
  m.top.eval();
  if (m.watcher != nullptr) m.show();
  m.sample();
  const bool record = m.waves && !m.top.rst_i;
  if (record) m.waves->dump(m.outside_reset * 10'000 / 3);
  m.top.clk_i = 1;
  m.units |= m.top.unit_active_o;
  m.top.unit_clk_i = m.all_units ? m.units : m.top.unit_active_o;
  m.top.eval();
  if (record) m.waves->dump((m.outside_reset * 2 + 1) * 5'000 / 3);
  ++m.cycles;
  if (!m.top.rst_i) ++m.outside_reset;
}

std::uint64_t rtl_card::cycles() const { return model_->cycles; }

bool rtl_card::idle() const {
  const model& m = *model_;
  return m.top.idle_o && m.restless == 0 && !m.access && m.reads.empty() && m.beats.empty() &&
         m.write_addresses.empty() && m.write_data.empty() && m.write_answers.empty();
}

void rtl_card::start_register_write(std::uint32_t offset, std::uint32_t value) {
  model_->access = register_access{true, offset, value};
  model_->address_sent = model_->data_sent = false;
}

void rtl_card::start_register_read(std::uint32_t offset) {
  model_->access = register_access{false, offset, 0};
  model_->address_sent = false;
}

std::optional<register_answer> rtl_card::take_register_answer() {
  return std::exchange(model_->answer, std::nullopt);
}

std::optional<read_request> rtl_card::take_read() {
  if (model_->reads.empty()) return std::nullopt;
  const read_request r = model_->reads.front();
  model_->reads.pop_front();
  return r;
}

void rtl_card::answer_read(const line_data& data, axi_response how) {
  unsigned& left = model_->read_lines_left.front();
  const bool last = --left == 0;
  if (last) model_->read_lines_left.pop_front();
  model_->beats.push_back({data, how, last});
}

std::optional<write_request> rtl_card::take_write() {
  model& m = *model_;
  if (m.write_addresses.empty() || m.write_data.empty()) return std::nullopt;
  const write_request w{m.write_addresses.front(), m.write_data.front()};
  m.write_addresses.pop_front();
  m.write_data.pop_front();
  return w;
}

void rtl_card::answer_write(axi_response how) { model_->write_answers.push_back(how); }

void rtl_card::leave_out(std::uint64_t cycles) {
  model_->left_out += cycles;
  model_->outside_reset += cycles;
}

stream_pins& rtl_card::stream(unsigned port) { return model_->streams[port]; }

std::optional<std::uint32_t> rtl_card::offered(unsigned port) const {
  const Vexalloc_card& top = model_->top;
  if ((top.m_axis_pop_tvalid_o >> port & 1) == 0) return std::nullopt;
  return top.m_axis_pop_tdata_o[port];
}

void rtl_card::watch(bus_watcher* watcher) { model_->watcher = watcher; }

bool rtl_card::interrupt() const { return model_->top.interrupt_o; }

void rtl_card::trace(const std::string& file) {
  if (model_->waves) model_->waves->close();
  model_->waves.reset();
  if (file.empty()) return;
  // The FST writer does not report a file it cannot open.
  if (!std::ofstream(file)) throw std::runtime_error("cannot write waveforms to " + file);
  model_->waves = std::make_unique<VerilatedFstC>();
  model_->top.trace(model_->waves.get(), 99);
  model_->waves->open(file.c_str());
}

}  // namespace exalloc::sim
