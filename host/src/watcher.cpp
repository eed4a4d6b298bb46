#include "watcher.hpp"

#include <fmt/format.h>

#include <bit>
#include <exception>
#include <new>

#include "errors.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

namespace off = regs::offset;

// Bounds how long stop() waits for a card that has nothing to tell.
constexpr std::uint64_t longest_wait_ns = 20'000'000;

constexpr auto causes = static_cast<std::uint32_t>(regs::interrupt_enable::error.mask() |
                                                   regs::interrupt_enable::depletion.mask());

}  // namespace

watcher& watcher::get() {
  alignas(watcher) static std::byte storage[sizeof(watcher)];
  static watcher* const instance = ::new (storage) watcher;
  return *instance;
}

void watcher::start(core& c) {
  const std::lock_guard lock(control_);
  if (thread_.joinable()) return;
  c.card_driver.write(off::interrupt_enable, causes);
  thread_ = std::jthread([this, &c](const std::stop_token& stop) { run(c, stop); });
}

void watcher::stop() {
  const std::lock_guard lock(control_);
  if (!thread_.joinable()) return;
  thread_ = {};
  if (core* c = core::opened()) c->card_driver.write(off::interrupt_enable, 0);
}

void watcher::set_handler(exalloc_depletion_handler handler, void* context) {
  const std::lock_guard lock(handler_mutex_);
  handler_ = handler;
  context_ = context;
}

void watcher::run(core& c, const std::stop_token& stop) {
  card& device = c.card_driver.device();
  while (!stop.stop_requested() && !c.card_driver.lost()) {
    try {
      if (!device.wait_interrupt(longest_wait_ns)) continue;
      // Cleared before looking: what happens from now on raises it again.
      const std::uint32_t status = c.card_driver.read(off::interrupt_status);
      c.card_driver.write(off::interrupt_status, status & causes);
      if (regs::interrupt_status::error.get(status)) tell_errors(c);
      if (regs::interrupt_status::depletion.get(status)) tell_depletion(c);
    } catch (const std::exception& e) {
      report_error(
          {fmt::format("watching the card has ended: {}", e.what()), "ok", nullptr, 0, 0, -1});
      return;
    }
  }
}

// What a line was refused for, its completion line tells with the block's address; that of its
// portal is looked at now instead of at the owner's next call.
void watcher::tell_errors(core& c) {
  std::uint64_t portals = 0;
  c.card_driver.read_errors([&](const driver::error_record& record) {
    if (!driver::told_by_record(record)) {
      portals |= std::uint64_t{1} << record.portal;
    } else {
      post_error(driver::report_of(record, c.tokens.pointer(record.token)));
    }
  });
  {
    const std::lock_guard lock(c.processors.mutex);
    c.processors.each([&](processor& p) {
      if (portals >> p.portal_number() & 1) p.poll();
    });
  }
  deliver_errors();
}

void watcher::tell_depletion(core& c) {
  exalloc_depletion_handler handler;
  void* context;
  {
    const std::lock_guard lock(handler_mutex_);
    handler = handler_;
    context = context_;
  }
  for (std::uint32_t word = 0; word < depleted_.size(); ++word) {
    const std::uint32_t now = c.card_driver.read(off::depleted_base + word * off::depleted_stride);
    if (c.card_driver.lost()) return;
    std::uint32_t changed = now ^ depleted_[word];
    depleted_[word] = now;
    for (; changed != 0; changed &= changed - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(changed));
      const PZONE_HEADER zone = zone_table::get().header_of(word * 32 + bit);
      if (zone != nullptr && handler != nullptr)
        handler(zone, static_cast<int>(now >> bit & 1), context);
    }
  }
}

}  // namespace exalloc
