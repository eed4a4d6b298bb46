#include "portal.hpp"

#include <algorithm>

namespace exalloc {
namespace {

constexpr std::size_t ring_bytes = std::size_t{portal::ring_lines} * regs::line_bytes;

constexpr std::uint64_t phase_of(std::uint32_t line_number) {
  return 1U ^ ((line_number >> portal::ring_log2) & 1U);
}

// A refill reads five lines: what the next one reads is on its way by then.
constexpr std::uint32_t lines_ahead = 6;

constexpr std::uint32_t slot_of(std::uint32_t line_number) {
  return line_number & (portal::ring_lines - 1);
}

}  // namespace

portal::portal(card& device, std::uint32_t number, bool lost) : device_(device), number_(number) {
  if (lost) return;
  memory_ = device.allocate(3 * ring_bytes);
  // Card memory is only aligned to a page, a ring must be aligned to its size: hence the third
  // ring's room.
  const std::uint64_t address = memory_->device_address();
  const std::size_t skip = (ring_bytes - address % ring_bytes) % ring_bytes;
  submission_ = reinterpret_cast<line*>(memory_->data() + skip);
  completion_ = reinterpret_cast<line*>(memory_->data() + skip + ring_bytes);
}

void portal::enable() {
  namespace off = regs::offset;
  const std::uint32_t window = off::portals_base + number_ * off::portals_stride;
  const auto write_address = [&](std::uint32_t low, std::uint32_t high, std::uint64_t value) {
    device_.write(window + low, static_cast<std::uint32_t>(value));
    device_.write(window + high, static_cast<std::uint32_t>(value >> 32));
  };
  const auto address_of = [&](const line* ring) {
    return memory_->device_address() +
           static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(ring) - memory_->data());
  };
  write_address(off::submission_base_low, off::submission_base_high, address_of(submission_));
  write_address(off::completion_base_low, off::completion_base_high, address_of(completion_));
  const std::uint64_t config =
      regs::portal_config::ring_log2.set(regs::portal_config::enable.set(0, 1), ring_log2);
  device_.write(window + off::portal_config, static_cast<std::uint32_t>(config));
}

void portal::submit(regs::opcode opcode, std::uint32_t list, std::uint16_t cookie,
                    std::uint32_t count, std::span<const std::uint32_t> tokens, bool ack, bool call,
                    std::uint32_t give) noexcept {
  namespace h = regs::submission_header;
  line& to = submission_[slot_of(tail_)];
  std::copy(tokens.begin(), tokens.end(), to.tokens.begin());
  std::fill(to.tokens.begin() + static_cast<std::ptrdiff_t>(tokens.size()), to.tokens.end(), 0U);
  std::uint64_t header = h::phase.set(0, phase_of(tail_));
  header = h::opcode.set(header, static_cast<std::uint64_t>(opcode));
  header = h::ack.set(header, ack ? 1 : 0);
  header = h::call.set(header, call ? 1 : 0);
  header = h::count.set(header, count);
  header = h::list.set(header, list);
  header = h::cookie.set(header, cookie);
  header = h::give.set(header, give);
  __atomic_store_n(&to.header, header, __ATOMIC_RELEASE);
  ++tail_;
  ++counts_.submitted;
}

void portal::ring() {
  if (unrung() == 0 && unreported() == 0) return;
  rung_ = tail_;
  reported_ = consumed_;
  ++counts_.doorbells;
  const std::uint64_t value =
      regs::doorbell::completion_head.set(regs::doorbell::tail.set(0, tail_), consumed_);
  device_.write(
      regs::offset::portals_base + number_ * regs::offset::portals_stride + regs::offset::doorbell,
      static_cast<std::uint32_t>(value));
}

bool portal::receive(completion& into) noexcept {
  namespace h = regs::completion_header;
  const line& from = completion_[slot_of(consumed_)];
  const std::uint64_t header = __atomic_load_n(&from.header, __ATOMIC_ACQUIRE);
  if (h::phase.get(header) != phase_of(consumed_)) return false;
  __builtin_prefetch(&completion_[slot_of(consumed_ + lines_ahead)]);
  into.opcode = static_cast<regs::opcode>(h::opcode.get(header));
  into.status = static_cast<regs::status>(h::status.get(header));
  into.last = h::last.get(header) != 0;
  into.list = static_cast<std::uint32_t>(h::list.get(header));
  into.count = std::min(static_cast<std::uint32_t>(h::count.get(header)), regs::tokens_per_line);
  into.cookie = static_cast<std::uint16_t>(h::cookie.get(header));
  into.tokens = from.tokens;
  const auto head = static_cast<std::uint16_t>(h::head.get(header));
  executed_ += static_cast<std::uint16_t>(head - static_cast<std::uint16_t>(executed_));
  ++consumed_;
  ++counts_.consumed;
  return true;
}

portal::line_name portal::oldest() const noexcept {
  namespace h = regs::submission_header;
  const std::uint64_t header = submission_[slot_of(executed_)].header;
  return {static_cast<regs::opcode>(h::opcode.get(header)),
          static_cast<std::uint32_t>(h::list.get(header))};
}

bool portal::failed() {
  ++counts_.register_reads;
  const std::uint32_t status =
      device_.read(regs::offset::portals_base + number_ * regs::offset::portals_stride +
                   regs::offset::portal_status);
  // All ones is what a bus gives for a card that has left it: then the card itself says so.
  constexpr std::uint32_t no_card = 0xFFFF'FFFF;
  return status != no_card && (regs::portal_status::failed.get(status) != 0 ||
                               regs::portal_status::enabled.get(status) == 0);
}

}  // namespace exalloc
