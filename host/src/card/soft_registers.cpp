// The register map of the soft card (docs/registers.md).
#include <fmt/format.h>

#include <stdexcept>

#include "card/soft_card.hpp"

namespace exalloc::soft {
namespace {

namespace off = regs::offset;
using regs::counter;
using regs::status;

[[noreturn]] void bus_error(const char* what, std::uint32_t offset) {
  throw std::runtime_error(
      fmt::format("soft card: {} register {:#06x}: the bus answered with an error", what, offset));
}

// A register window of an array of windows.
struct window {
  std::uint32_t base, stride, count;
  bool has(std::uint32_t offset) const { return offset - base < stride * count; }
  unsigned index(std::uint32_t offset) const { return (offset - base) / stride; }
  std::uint32_t within(std::uint32_t offset) const { return (offset - base) % stride; }
};
constexpr window counters{off::counters_base, off::counters_stride, off::counters_count};
constexpr window depleted{off::depleted_base, off::depleted_stride, off::depleted_count};
constexpr window portals{off::portals_base, off::portals_stride, off::portals_count};
constexpr window lists{off::lists_base, off::lists_stride, off::lists_count};
constexpr window lookasides{off::lookasides_base, off::lookasides_stride, off::lookasides_count};
constexpr window streams{off::streams_base, off::streams_stride, off::streams_count};

template <class... Field>
constexpr std::uint32_t bits(const Field&... fields) {
  return static_cast<std::uint32_t>((fields.mask() | ...));
}

}  // namespace

std::uint32_t soft_card::read_register(std::uint32_t offset) {
  if (offset % 4 != 0) bus_error("read of", offset);
  if (counters.has(offset)) return read_counter(offset);
  if (depleted.has(offset) && depleted.within(offset) == off::depleted_lists) {
    return engine_->lists().depleted_word(depleted.index(offset));
  }
  if (portals.has(offset)) return read_portal(portals.index(offset), portals.within(offset));
  if (lists.has(offset)) return read_list(lists.index(offset), lists.within(offset));
  if (lookasides.has(offset)) {
    return read_lookaside(lookasides.index(offset), lookasides.within(offset));
  }
  if (streams.has(offset)) return read_stream(streams.index(offset), streams.within(offset));
  switch (offset) {
    case off::id:
      return 0x4C415845;
    case off::version:
      return regs::version_major << 16 | regs::version_minor;
    case off::layout_hash:
      return regs::layout_hash;
    case off::geometry: {
      std::uint64_t w = regs::geometry::banks.set(0, sizes_.banks);
      w = regs::geometry::slab_width.set(w, slab_width);
      w = regs::geometry::portals.set(w, sizes_.portals);
      return static_cast<std::uint32_t>(regs::geometry::workers.set(w, 1));
    }
    case off::engines: {
      std::uint64_t w = regs::engines::lookaside_lists.set(0, sizes_.lookaside_lists);
      w = regs::engines::lookaside_depth.set(w, sizes_.lookaside_depth);
      return static_cast<std::uint32_t>(regs::engines::stream_ports.set(w, sizes_.stream_ports));
    }
    case off::slabs:
      return sizes_.slabs;
    case off::lists:
      return regs::max_lists;
    case off::clock:
      return clock_khz;
    case off::card_status:
      return bits(regs::card_status::ready);
    case off::interrupt_status:
      return interrupt_status_;
    case off::interrupt_enable:
      return interrupt_enable_;
    case off::command_list:
      return command_.list;
    case off::command_slab:
      return command_.slab;
    case off::command_count:
      return command_.count;
    case off::command_limit:
      return command_.limit;
    case off::command_depth:
      return command_.depth;
    case off::command_result:
      return command_.result;
    case off::governor_period:
      return governor_.period();
    case off::error_info: {
      if (errors_.empty()) return 0;
      const error_record& e = errors_.front();
      std::uint64_t w = regs::error_info::valid.set(0, 1);
      w = regs::error_info::opcode.set(w, static_cast<unsigned>(e.opcode));
      w = regs::error_info::status.set(w, static_cast<unsigned>(e.status));
      w = regs::error_info::list.set(w, e.list);
      return static_cast<std::uint32_t>(regs::error_info::portal.set(w, e.portal));
    }
    case off::error_token:
      return errors_.empty() ? 0 : errors_.front().token;
    case off::error_lost:
      return errors_lost_;
    default:
      bus_error("read of", offset);
  }
}

void soft_card::write_register(std::uint32_t offset, std::uint32_t value) {
  if (offset % 4 != 0) bus_error("write of", offset);
  if (portals.has(offset)) {
    return write_portal(portals.index(offset), portals.within(offset), value);
  }
  if (lists.has(offset)) return write_list(lists.index(offset), lists.within(offset), value);
  if (streams.has(offset)) {
    return write_stream(streams.index(offset), streams.within(offset), value);
  }
  switch (offset) {
    case off::control:
      if (regs::control::reset.get(value)) reset();
      break;
    case off::interrupt_status:
      interrupt_status_ &= ~value;
      break;
    case off::interrupt_enable: {
      namespace enable = regs::interrupt_enable;
      interrupt_enable_ = value & bits(enable::error, enable::command_done, enable::depletion);
      break;
    }
    case off::command_list:
      command_.list = value & bits(regs::command_list::list, regs::command_list::domain);
      break;
    case off::command_slab:
      command_.slab = value;
      break;
    case off::command_count:
      command_.count = value;
      break;
    case off::command_limit:
      command_.limit = value & bits(regs::command_limit::limit);
      break;
    case off::command_depth: {
      namespace d = regs::command_depth;
      command_.depth = value & bits(d::depth, d::minimum, d::maximum);
      break;
    }
    case off::command:
      run_command(value);
      break;
    case off::governor_period:
      governor_.start(value, governor_now());
      break;
    case off::error_pop:
      if (regs::error_pop::pop.get(value) && !errors_.empty()) errors_.pop_front();
      break;
    default:
      bus_error("write of", offset);
  }
}

void soft_card::run_command(std::uint32_t value) {
  namespace list = regs::command_list;
  namespace depth = regs::command_depth;
  const command_result done = engine_->command({
      .what = static_cast<regs::command>(regs::command_register::command.get(value)),
      .list = static_cast<unsigned>(list::list.get(command_.list)),
      .domain = static_cast<unsigned>(list::domain.get(command_.list)),
      .slab = command_.slab,
      .count = command_.count,
      .limit = command_.limit,
      .depths = {.depth = static_cast<std::uint32_t>(depth::depth.get(command_.depth)),
                 .minimum = static_cast<std::uint32_t>(depth::minimum.get(command_.depth)),
                 .maximum = static_cast<std::uint32_t>(depth::maximum.get(command_.depth))},
  });
  const std::uint64_t w = regs::command_result::status.set(0, static_cast<unsigned>(done.status));
  command_.result = static_cast<std::uint32_t>(regs::command_result::slab.set(w, done.slab));
  interrupt_status_ |= bits(regs::interrupt_status::command_done);
}

std::uint32_t soft_card::read_counter(std::uint32_t offset) {
  if (counters.within(offset) != off::counter_low) return counter_high_;
  const std::uint64_t value = engine_->counters().value(counters.index(offset));
  counter_high_ = static_cast<std::uint32_t>(value >> 32);
  return static_cast<std::uint32_t>(value);
}

// The window behind the last list reads as 0.
std::uint32_t soft_card::read_list(unsigned index, std::uint32_t offset) {
  const list_accounts::account a =
      index < regs::max_lists ? engine_->lists().of(index) : list_accounts::account{};
  switch (offset) {
    case off::list_total:
      return a.total;
    case off::list_in_use:
      return a.in_use;
    case off::list_high_water:
      return a.high_water;
    case off::list_granted:
      return a.granted;
    case off::list_refusals:
      return a.refusals;
    case off::depletion_low:
      return a.low;
    case off::depletion_high:
      return a.high;
    default:
      bus_error("read of", off::lists_base + index * off::lists_stride + offset);
  }
}

void soft_card::write_list(unsigned index, std::uint32_t offset, std::uint32_t value) {
  if (offset != off::depletion_low && offset != off::depletion_high) {
    bus_error("write of", off::lists_base + index * off::lists_stride + offset);
  }
  if (index >= regs::max_lists) return;
  if (offset == off::depletion_low) {
    engine_->lists().set_low(index, value);
  } else {
    engine_->lists().set_high(index, value);
  }
}

std::uint32_t soft_card::read_lookaside(unsigned index, std::uint32_t offset) {
  const lookaside_engine& engine = engine_->lookasides();
  static const lookaside_engine::list closed;
  const lookaside_engine::list& l = index < engine.lists() ? engine.of(index) : closed;
  switch (offset) {
    case off::lookaside_depths: {
      namespace d = regs::lookaside_depths;
      std::uint64_t w = d::depth.set(0, l.depths.depth);
      w = d::minimum.set(w, l.depths.minimum);
      w = d::maximum.set(w, l.depths.maximum);
      return static_cast<std::uint32_t>(d::open.set(w, l.open));
    }
    case off::lookaside_held: {
      namespace h = regs::lookaside_held;
      std::uint64_t w = h::held.set(0, l.held());
      w = h::reserved.set(w, l.reserved);
      return static_cast<std::uint32_t>(h::high_water.set(w, l.high_water));
    }
    case off::lookaside_allocates:
      return l.counts.allocates;
    case off::lookaside_allocate_misses:
      return l.counts.allocate_misses;
    case off::lookaside_frees:
      return l.counts.frees;
    case off::lookaside_free_misses:
      return l.counts.free_misses;
    default:
      bus_error("read of", off::lookasides_base + index * off::lookasides_stride + offset);
  }
}

// Windows of ports that the card does not have read as 0.
std::uint32_t soft_card::read_stream(unsigned index, std::uint32_t offset) {
  const bool exists = index < engine_->streams();
  const auto of = [&](std::uint32_t (stream_port::*get)() const) {
    return exists ? (engine_->stream(index).*get)() : 0;
  };
  switch (offset) {
    case off::stream_config:
      return of(&stream_port::config);
    case off::stream_status:
      return of(&stream_port::status_word);
    case off::stream_popped:
      return of(&stream_port::popped);
    case off::stream_pushed:
      return of(&stream_port::pushed);
    case off::stream_refused:
      return of(&stream_port::refused);
    default:
      bus_error("read of", off::streams_base + index * off::streams_stride + offset);
  }
}

void soft_card::write_stream(unsigned index, std::uint32_t offset, std::uint32_t value) {
  if (offset != off::stream_config) {
    bus_error("write of", off::streams_base + index * off::streams_stride + offset);
  }
  if (index >= engine_->streams()) return;
  engine_->stream(index).configure(value, sockets_[index].pins);
  changed_.notify_all();
}

std::uint32_t soft_card::read_portal(unsigned index, std::uint32_t offset) {
  const portal& p = portals_[index];
  switch (offset) {
    case off::submission_base_low:
      return static_cast<std::uint32_t>(p.submission_base);
    case off::submission_base_high:
      return static_cast<std::uint32_t>(p.submission_base >> 32);
    case off::completion_base_low:
      return static_cast<std::uint32_t>(p.completion_base);
    case off::completion_base_high:
      return static_cast<std::uint32_t>(p.completion_base >> 32);
    case off::portal_config:
      return p.config;
    case off::portal_status: {
      const bool waits = p.enabled && p.tail != p.head && stalled(p);
      std::uint64_t w = regs::portal_status::head.set(0, p.head);
      w = regs::portal_status::enabled.set(w, p.enabled);
      w = regs::portal_status::stalled.set(w, waits);
      return static_cast<std::uint32_t>(regs::portal_status::failed.set(w, p.failed));
    }
    default:
      bus_error("read of", off::portals_base + index * off::portals_stride + offset);
  }
}

void soft_card::write_portal(unsigned index, std::uint32_t offset, std::uint32_t value) {
  portal& p = portals_[index];
  const auto low = [&](std::uint64_t base) { return (base & ~std::uint64_t{0xFFFFFFFF}) | value; };
  const auto high = [&](std::uint64_t base) {
    return (base & 0xFFFFFFFF) | std::uint64_t{value} << 32;
  };
  switch (offset) {
    case off::submission_base_low:
      p.submission_base = low(p.submission_base);
      break;
    case off::submission_base_high:
      p.submission_base = high(p.submission_base);
      break;
    case off::completion_base_low:
      p.completion_base = low(p.completion_base);
      break;
    case off::completion_base_high:
      p.completion_base = high(p.completion_base);
      break;
    case off::portal_config: {
      const std::uint64_t used = regs::portal_config::enable.mask() |
                                 regs::portal_config::ring_log2.mask() |
                                 regs::portal_config::domain.mask();
      const auto ring_log2 = regs::portal_config::ring_log2.get(value);
      p.enabled = regs::portal_config::enable.get(value) != 0 && index < sizes_.portals &&
                  ring_log2 >= regs::min_ring_log2 && ring_log2 <= regs::max_ring_log2;
      p.config =
          static_cast<std::uint32_t>(regs::portal_config::enable.set(value & used, p.enabled));
      p.failed = false;
      p.tail = p.head = p.completion_tail = p.completion_head = 0;
      p.bank = 0;
      break;
    }
    case off::doorbell: {
      if (!p.enabled || p.failed) return;
      const auto tail = static_cast<std::uint16_t>(regs::doorbell::tail.get(value));
      const auto consumed = static_cast<std::uint16_t>(regs::doorbell::completion_head.get(value));
      const auto outstanding = static_cast<std::uint16_t>(tail - p.head);
      const auto unread = static_cast<std::uint16_t>(p.completion_tail - consumed);
      const auto unread_before = static_cast<std::uint16_t>(p.completion_tail - p.completion_head);
      const auto before = static_cast<std::uint16_t>(p.tail - p.head);
      if (outstanding > p.ring_lines() || outstanding < before || unread > unread_before) {
        return record({{}, status::bad_doorbell, 0, index, 0});
      }
      p.tail = tail;
      p.completion_head = consumed;
      engine_->counters().count(counter::doorbells);
      run(index);
      break;
    }
    default:
      bus_error("write of", off::portals_base + index * off::portals_stride + offset);
  }
}

}  // namespace exalloc::soft
