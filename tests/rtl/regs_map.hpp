// The register map as the decoder's test sees it: each register with its access and the ports of
// the model that belong to it. Written down a second time on purpose: the decoder is generated,
// this is not.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <exalloc/regs.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "Vexalloc_regs.h"

namespace regs_map {

namespace regs = exalloc::regs;
namespace at = regs::offset;

enum class access { ro, rw, wo, rw1c };

/// A port of the model, of any width up to 32 bits, or none.
class port {
 public:
  port() = default;
  port(CData* pin) : pin_(pin) {}
  port(SData* pin) : pin_(pin) {}
  port(IData* pin) : pin_(pin) {}

  [[nodiscard]] bool exists() const {
    return std::visit([](auto* pin) { return pin != nullptr; }, pin_);
  }
  [[nodiscard]] std::uint32_t get() const {
    return std::visit([](auto* pin) { return static_cast<std::uint32_t>(*pin); }, pin_);
  }
  void set(std::uint32_t value) const {
    std::visit(
        [&](auto* pin) { *pin = static_cast<std::remove_reference_t<decltype(*pin)>>(value); },
        pin_);
  }

 private:
  std::variant<CData*, SData*, IData*> pin_;
};

struct field_port {
  regs::field bits;
  port pin;
};

struct entry {
  std::uint32_t offset;
  access mode;
  std::vector<field_port> fields = {};  ///< Registers of the card: all but the constant ones.
  port we = {};                         ///< wo registers of the card.
  std::uint32_t constant = 0;           ///< What a register without fields reads as.

  /// All bits that are fields.
  [[nodiscard]] std::uint32_t mask() const {
    std::uint64_t bits = 0;
    for (const auto& f : fields) bits |= f.bits.mask();
    return static_cast<std::uint32_t>(bits);
  }
  /// The register put together from its ports.
  [[nodiscard]] std::uint32_t value() const {
    std::uint64_t word = constant;
    for (const auto& f : fields) word = f.bits.set(word, f.pin.get());
    return static_cast<std::uint32_t>(word);
  }
};

/// A block whose registers are kept outside the decoder.
struct window {
  std::string name;
  std::uint32_t base, stride, count;
  port re, index, addr, rvalid, rdata;
  std::vector<entry> registers;
  port we = {}, wdata = {};  ///< Only where a register can be written.

  [[nodiscard]] std::uint32_t address(std::uint32_t i, const entry& e) const {
    return base + i * stride + e.offset;
  }
};

/// What an address names.
struct target {
  const entry* what;
  const window* where;  ///< Null for the card's own registers.
  std::uint32_t index;
};

inline const std::vector<entry> counter_registers = {
    {at::counter_low, access::ro},
    {at::counter_high, access::ro},
};
inline const std::vector<entry> depleted_registers = {
    {at::depleted_lists, access::ro},
};
inline const std::vector<entry> list_registers = {
    {at::list_total, access::ro},      {at::list_in_use, access::ro},
    {at::list_high_water, access::ro}, {at::list_granted, access::ro},
    {at::list_refusals, access::ro},   {at::depletion_low, access::rw},
    {at::depletion_high, access::rw},
};
inline const std::vector<entry> lookaside_registers = {
    {at::lookaside_depths, access::ro},    {at::lookaside_held, access::ro},
    {at::lookaside_allocates, access::ro}, {at::lookaside_allocate_misses, access::ro},
    {at::lookaside_frees, access::ro},     {at::lookaside_free_misses, access::ro},
};
inline const std::vector<entry> stream_registers = {
    {at::stream_config, access::rw},  {at::stream_status, access::ro},
    {at::stream_popped, access::ro},  {at::stream_pushed, access::ro},
    {at::stream_refused, access::ro},
};
inline const std::vector<entry> portal_registers = {
    {at::submission_base_low, access::rw}, {at::submission_base_high, access::rw},
    {at::completion_base_low, access::rw}, {at::completion_base_high, access::rw},
    {at::portal_config, access::rw},       {at::doorbell, access::wo},
    {at::portal_status, access::ro},
};

// The names of a window's constants and ports follow from its own. READ stands for the members up
// to rdata, WRITE for the last two.
#define READ(name)                                                                          \
  std::string(#name), at::name##_base, at::name##_stride, at::name##_count, &d.name##_re_o, \
      &d.name##_index_o, &d.name##_addr_o, &d.name##_rvalid_i, &d.name##_rdata_i
#define WRITE(name) &d.name##_we_o, &d.name##_wdata_o

inline std::vector<window> windows_of(Vexalloc_regs& d) {
  return {
      {READ(counters), counter_registers},
      {READ(depleted), depleted_registers},
      {READ(lists), list_registers, WRITE(lists)},
      {READ(lookasides), lookaside_registers},
      {READ(streams), stream_registers, WRITE(streams)},
      {READ(portals), portal_registers, WRITE(portals)},
  };
}

#undef READ
#undef WRITE

inline std::vector<entry> card_registers_of(Vexalloc_regs& d) {
  const auto constant = [](std::uint32_t offset, std::uint32_t value) {
    return entry{offset, access::ro, {}, {}, value};
  };
  return {
      constant(at::id, 0x4c415845),
      constant(at::version, std::uint32_t{regs::version_major} << 16 | regs::version_minor),
      constant(at::layout_hash, regs::layout_hash),
      {at::geometry,
       access::ro,
       {{regs::geometry::banks, &d.geometry_banks_i},
        {regs::geometry::slab_width, &d.geometry_slab_width_i},
        {regs::geometry::portals, &d.geometry_portals_i},
        {regs::geometry::workers, &d.geometry_workers_i}}},
      {at::slabs, access::ro, {{regs::slabs::count, &d.slabs_count_i}}},
      {at::lists, access::ro, {{regs::lists::count, &d.lists_count_i}}},
      {at::clock, access::ro, {{regs::clock::khz, &d.clock_khz_i}}},
      {at::control, access::wo, {{regs::control::reset, &d.control_reset_o}}, &d.control_we_o},
      {at::card_status,
       access::ro,
       {{regs::card_status::ready, &d.card_status_ready_i},
        {regs::card_status::command_busy, &d.card_status_command_busy_i}}},
      {at::interrupt_status,
       access::rw1c,
       {{regs::interrupt_status::error, &d.interrupt_status_error_o},
        {regs::interrupt_status::command_done, &d.interrupt_status_command_done_o},
        {regs::interrupt_status::depletion, &d.interrupt_status_depletion_o}}},
      {at::interrupt_enable,
       access::rw,
       {{regs::interrupt_enable::error, &d.interrupt_enable_error_o},
        {regs::interrupt_enable::command_done, &d.interrupt_enable_command_done_o},
        {regs::interrupt_enable::depletion, &d.interrupt_enable_depletion_o}}},
      {at::engines,
       access::ro,
       {{regs::engines::lookaside_lists, &d.engines_lookaside_lists_i},
        {regs::engines::lookaside_depth, &d.engines_lookaside_depth_i},
        {regs::engines::stream_ports, &d.engines_stream_ports_i}}},
      {at::command_list,
       access::rw,
       {{regs::command_list::list, &d.command_list_list_o},
        {regs::command_list::domain, &d.command_list_domain_o}}},
      {at::command_slab, access::rw, {{regs::command_slab::slab, &d.command_slab_slab_o}}},
      {at::command_count, access::rw, {{regs::command_count::count, &d.command_count_count_o}}},
      {at::command_limit, access::rw, {{regs::command_limit::limit, &d.command_limit_limit_o}}},
      {at::command,
       access::wo,
       {{regs::command_register::command, &d.command_command_o}},
       &d.command_we_o},
      {at::command_result,
       access::ro,
       {{regs::command_result::status, &d.command_result_status_i},
        {regs::command_result::slab, &d.command_result_slab_i}}},
      {at::command_depth,
       access::rw,
       {{regs::command_depth::depth, &d.command_depth_depth_o},
        {regs::command_depth::minimum, &d.command_depth_minimum_o},
        {regs::command_depth::maximum, &d.command_depth_maximum_o}}},
      {at::governor_period,
       access::rw,
       {{regs::governor_period::cycles, &d.governor_period_cycles_o}}},
      {at::error_info,
       access::ro,
       {{regs::error_info::valid, &d.error_info_valid_i},
        {regs::error_info::opcode, &d.error_info_opcode_i},
        {regs::error_info::status, &d.error_info_status_i},
        {regs::error_info::list, &d.error_info_list_i},
        {regs::error_info::portal, &d.error_info_portal_i}}},
      {at::error_token, access::ro, {{regs::error_token::token, &d.error_token_token_i}}},
      {at::error_pop, access::wo, {{regs::error_pop::pop, &d.error_pop_pop_o}}, &d.error_pop_we_o},
      {at::error_lost, access::ro, {{regs::error_lost::count, &d.error_lost_count_i}}},
  };
}

class map {
 public:
  explicit map(Vexalloc_regs& dut)
      : card(card_registers_of(dut)),
        windows(windows_of(dut)),
        interrupt_sets{
            {regs::interrupt_status::error, &dut.interrupt_status_error_set_i},
            {regs::interrupt_status::command_done, &dut.interrupt_status_command_done_set_i},
            {regs::interrupt_status::depletion, &dut.interrupt_status_depletion_set_i}} {}
  map(const map&) = delete;
  map& operator=(const map&) = delete;

  [[nodiscard]] std::optional<target> decode(std::uint32_t address) const {
    for (const entry& e : card) {
      if (e.offset == address) return target{&e, nullptr, 0};
    }
    for (const window& w : windows) {
      if (address < w.base || address >= w.base + w.stride * w.count) continue;
      for (const entry& e : w.registers) {
        const std::uint32_t index = (address - w.base) / w.stride;
        if (w.address(index, e) == address) return target{&e, &w, index};
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<target> decode_write(std::uint32_t address) const {
    const auto t = decode(address);
    return t && t->what->mode != access::ro ? t : std::nullopt;
  }
  [[nodiscard]] std::optional<target> decode_read(std::uint32_t address) const {
    const auto t = decode(address);
    return t && t->what->mode != access::wo ? t : std::nullopt;
  }

  const std::vector<entry> card;
  const std::vector<window> windows;
  const std::vector<field_port> interrupt_sets;
};

}  // namespace regs_map
