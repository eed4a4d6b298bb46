#include "card/soft_card.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

namespace exalloc::soft {
namespace {

namespace off = regs::offset;
using regs::counter;
using regs::status;

constexpr std::uint32_t lines_of_room = 8;  // a line is executed only while this many answers fit

[[noreturn]] void bus_error(const char* what, std::uint32_t offset) {
  throw std::runtime_error(
      fmt::format("soft card: {} register {:#06x}: the bus answered with an error", what, offset));
}

}  // namespace

std::uint32_t soft_card::portal::ring_lines() const {
  return 1u << regs::portal_config::ring_log2.get(config);
}

soft_card::soft_card(const geometry& sizes) : sizes_(sizes) { reset(); }
soft_card::~soft_card() = default;

void soft_card::reset() {
  engine_ = std::make_unique<engine>(sizes_.banks, sizes_.slabs);
  portals_ = {};
  errors_.clear();
  errors_lost_ = interrupt_status_ = interrupt_enable_ = 0;
  command_ = {};
}

void soft_card::relax() { std::this_thread::yield(); }

void soft_card::advance_to(std::uint64_t ns) {
  auto now = now_ns_.load(std::memory_order_relaxed);
  while (now < ns && !now_ns_.compare_exchange_weak(now, ns, std::memory_order_relaxed)) {
  }
}

std::uint32_t soft_card::read(std::uint32_t offset) {
  std::lock_guard lock(mutex_);
  if (offset % 4 != 0) bus_error("read of", offset);
  if (offset >= off::portals_base) {
    const std::uint32_t index = (offset - off::portals_base) / off::portals_stride;
    if (index >= regs::max_portals) bus_error("read of", offset);
    return read_portal(index, offset % off::portals_stride);
  }
  if (offset >= off::counters_base) {
    const std::uint32_t index = (offset - off::counters_base) / off::counters_stride;
    if (index >= 32) bus_error("read of", offset);
    if (offset % off::counters_stride != 0) return counter_high_;
    const std::uint64_t value = engine_->counter(static_cast<counter>(index));
    counter_high_ = static_cast<std::uint32_t>(value >> 32);
    return static_cast<std::uint32_t>(value);
  }
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
    case off::slabs:
      return sizes_.slabs;
    case off::lists:
      return regs::max_lists;
    case off::clock:
      return 300000;
    case off::card_status:
      return static_cast<std::uint32_t>(regs::card_status::ready.mask());
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
    case off::command_result:
      return command_.result;
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

void soft_card::write(std::uint32_t offset, std::uint32_t value) {
  std::lock_guard lock(mutex_);
  if (offset % 4 != 0) bus_error("write of", offset);
  if (offset >= off::portals_base) {
    const std::uint32_t index = (offset - off::portals_base) / off::portals_stride;
    if (index >= regs::max_portals) bus_error("write of", offset);
    return write_portal(index, offset % off::portals_stride, value);
  }
  switch (offset) {
    case off::control:
      if (regs::control::reset.get(value)) reset();
      break;
    case off::interrupt_status:
      interrupt_status_ &= ~value;
      break;
    case off::interrupt_enable:
      interrupt_enable_ =
          value & static_cast<std::uint32_t>(regs::interrupt_enable::error.mask() |
                                             regs::interrupt_enable::command_done.mask());
      break;
    case off::command_list:
      command_.list = value & static_cast<std::uint32_t>(regs::command_list::list.mask() |
                                                         regs::command_list::domain.mask());
      break;
    case off::command_slab:
      command_.slab = value;
      break;
    case off::command_count:
      command_.count = value;
      break;
    case off::command_limit:
      command_.limit = value & static_cast<std::uint32_t>(regs::command_limit::limit.mask());
      break;
    case off::command:
      run_command(value);
      break;
    case off::error_pop:
      if (regs::error_pop::pop.get(value) && !errors_.empty()) errors_.pop_front();
      break;
    default:
      bus_error("write of", offset);
  }
}

void soft_card::run_command(std::uint32_t value) {
  const auto done =
      engine_->command(static_cast<regs::command>(regs::command_register::command.get(value)),
                       static_cast<unsigned>(regs::command_list::list.get(command_.list)),
                       static_cast<unsigned>(regs::command_list::domain.get(command_.list)),
                       command_.slab, command_.count, command_.limit);
  const std::uint64_t w = regs::command_result::status.set(0, static_cast<unsigned>(done.status));
  command_.result = static_cast<std::uint32_t>(regs::command_result::slab.set(w, done.slab));
  interrupt_status_ |= static_cast<std::uint32_t>(regs::interrupt_status::command_done.mask());
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
        engine_->count(counter::refusals);
        return record({{}, status::bad_doorbell, 0, index, 0});
      }
      p.tail = tail;
      p.completion_head = consumed;
      engine_->count(counter::doorbells);
      run(index);
      break;
    }
    default:
      bus_error("write of", off::portals_base + index * off::portals_stride + offset);
  }
}

bool soft_card::stalled(const portal& p) const {
  const auto unread = static_cast<std::uint16_t>(p.completion_tail - p.completion_head);
  return unread + lines_of_room > p.ring_lines();
}

line* soft_card::at(std::uint64_t base, std::uint16_t index, std::uint32_t ring_lines) {
  const std::uint64_t address = base + std::uint64_t{index % ring_lines} * regs::line_bytes;
  return reinterpret_cast<line*>(memory_.at(address, sizeof(line)));
}

void soft_card::run(unsigned index) {
  portal& p = portals_[index];
  const std::uint32_t size = p.ring_lines();
  const auto domain = static_cast<unsigned>(regs::portal_config::domain.get(p.config));
  while (p.head != p.tail && !stalled(p)) {
    const line* in = at(p.submission_base, p.head, size);
    if (in == nullptr) return fail(index, status::bus_read);
    engine_->count(counter::lines_fetched);
    const std::uint64_t phase = 1 ^ (p.head / size & 1);
    line_result result = engine_->execute(
        *in, regs::submission_header::phase.get(in->header) == phase, domain, p.bank);
    p.bank = result.bank;
    for (error_record& e : result.errors) {
      e.portal = index;
      record(e);
    }
    for (line& out : result.lines) {
      namespace cpl = regs::completion_header;
      line* to = at(p.completion_base, p.completion_tail, size);
      if (to == nullptr) return fail(index, status::bus_write);
      const bool last = cpl::last.get(out.header) != 0;
      out.header = cpl::phase.set(out.header, 1 ^ (p.completion_tail / size & 1));
      out.header = cpl::head.set(out.header, p.head + (last ? 1u : 0u));
      to->tokens = out.tokens;
      std::atomic_ref(to->header).store(out.header, std::memory_order_release);
      ++p.completion_tail;
    }
    ++p.head;
  }
}

void soft_card::fail(unsigned index, regs::status cause) {
  portals_[index].failed = true;
  portals_[index].tail = portals_[index].head;
  engine_->count(counter::refusals);
  record({{}, cause, 0, index, 0});
}

void soft_card::record(const error_record& e) {
  interrupt_status_ |= static_cast<std::uint32_t>(regs::interrupt_status::error.mask());
  if (errors_.size() < regs::error_depth) {
    errors_.push_back(e);
  } else if (errors_lost_ != ~std::uint32_t{0}) {
    ++errors_lost_;
  }
}

}  // namespace exalloc::soft
