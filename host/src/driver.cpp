#include "driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "from_environment.hpp"

namespace exalloc {
namespace off = regs::offset;

namespace {

// What a command of a lost card ends with.
constexpr regs::status no_answer = regs::status::bad_command;
// Records read at once: a card whose registers read as all ones has no end of them.
constexpr unsigned most_records = 4 * regs::error_depth;

std::chrono::milliseconds timeout_of(const card& device) {
  constexpr std::uint32_t an_hour = 3'600'000;
  return std::chrono::milliseconds(
      number_from_environment("EXALLOC_TIMEOUT_MS", 1, an_hour).value_or(device.patience_ms()));
}

}  // namespace

driver::driver(std::unique_ptr<card> device)
    : device_(std::move(device)), timeout_(timeout_of(*device_)) {
  read_identity();
  slabs_ = range_allocator(1, geometry_.slabs - 1);  // slab 0 would make token 0
  generations_.resize(geometry_.lists);
  linked_.resize(geometry_.lists);
  for (std::uint32_t i = geometry_.lists; i-- > 0;) free_lists_.push_back(i);
  lookaside_generations_.resize(geometry_.lookaside_lists);
  for (std::uint32_t i = geometry_.lookaside_lists; i-- > 0;) free_lookasides_.push_back(i);
}

void driver::lose(const std::string& why) {
  if (lost_.exchange(true, std::memory_order_acq_rel)) return;
  post_error({fmt::format("the card \"{}\" is lost: {}; from now on free blocks are kept in the "
                          "host, under locks",
                          device_->name(), why),
              "card_lost", nullptr, 0, 0, -1});
}

std::uint32_t driver::read(std::uint32_t offset) {
  if (lost()) return 0;
  try {
    return device_->read(offset);
  } catch (const std::exception& e) {
    lose(e.what());
    return 0;
  }
}

void driver::write(std::uint32_t offset, std::uint32_t value) {
  if (lost()) return;
  try {
    device_->write(offset, value);
  } catch (const std::exception& e) {
    lose(e.what());
  }
}

void driver::leave_to_parent() {
  if (lost_.exchange(true, std::memory_order_acq_rel) || device_->name().starts_with("soft"))
    return;
  post_error({fmt::format("the card \"{}\" stays with the parent of this forked process: here free "
                          "blocks are kept in the host, under locks",
                          device_->name()),
              "ok", nullptr, 0, 0, -1});
}

void driver::read_identity() {
  card& c = *device_;
  const std::uint32_t id = c.read(off::id);
  if (id != regs::id::magic.get(0x4C415845))
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" is not an exalloc card: its id register reads "
                    "{:#010x} instead of "
                    "0x4c415845",
                    c.name(), id));
  const std::uint32_t version = c.read(off::version);
  if (regs::version::major.get(version) != regs::version_major)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" has interface version {}.{}, this library needs "
                    "{}.x; load a bitstream of "
                    "the same release",
                    c.name(), regs::version::major.get(version), regs::version::minor.get(version),
                    regs::version_major));
  const std::uint32_t hash = c.read(off::layout_hash);
  if (hash != regs::layout_hash)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" was built from another register layout ({:#010x}, "
                    "this library: {:#010x}); "
                    "build both from the same regs/exalloc.json",
                    c.name(), hash, regs::layout_hash));
  for (patience waiting(timeout_); !regs::card_status::ready.get(c.read(off::card_status));
       c.relax()) {
    if (waiting.exhausted())
      throw std::runtime_error(
          fmt::format("exalloc: the card \"{}\" has not become ready in {} ms "
                      "(EXALLOC_TIMEOUT_MS)",
                      c.name(), timeout_.count()));
  }
  const std::uint32_t g = c.read(off::geometry);
  geometry_.banks = static_cast<std::uint32_t>(regs::geometry::banks.get(g));
  geometry_.portals = static_cast<std::uint32_t>(regs::geometry::portals.get(g));
  geometry_.slabs = c.read(off::slabs);
  geometry_.lists = static_cast<std::uint32_t>(regs::lists::count.get(c.read(off::lists)));
  const std::uint32_t engines = c.read(off::engines);
  geometry_.stream_ports = static_cast<std::uint32_t>(regs::engines::stream_ports.get(engines));
  geometry_.lookaside_lists =
      std::min(static_cast<std::uint32_t>(regs::engines::lookaside_lists.get(engines)),
               regs::max_lookaside_lists);
  geometry_.lookaside_depth =
      static_cast<std::uint32_t>(regs::engines::lookaside_depth.get(engines));
  if (regs::geometry::slab_width.get(g) != slab_width)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" has slabs of {} blocks, this library needs {}",
                    c.name(), regs::geometry::slab_width.get(g), slab_width));
  if (geometry_.portals == 0 || geometry_.slabs < 2 || geometry_.lists == 0)
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" has {} portals, {} slabs and {} lists: nothing can "
                    "be done with it",
                    c.name(), geometry_.portals, geometry_.slabs, geometry_.lists));
  if (geometry_.lists > regs::max_lists) geometry_.lists = regs::max_lists;
}

driver::result driver::command(regs::command what, std::uint32_t list, std::uint32_t slab,
                               std::uint32_t count, std::uint32_t limit) {
  if (lost()) return {no_answer, 0};
  card& c = *device_;
  const auto word = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto name = [&] {
    return fmt::format("the {} command of list {}", regs::to_string(what), list);
  };
  try {
    c.write(off::command_list, word(regs::command_list::list.set(
                                   regs::command_list::domain.set(0, own_domain), list)));
    c.write(off::command_slab, slab);
    c.write(off::command_count, count);
    c.write(off::command_limit, limit);
    // Writes are posted: one that gets lost is not told of. The wrong slabs must not be linked.
    if (what == regs::command::link && c.read(off::command_slab) != slab) {
      lose(fmt::format("{} has not got its registers", name()));
      return {no_answer, 0};
    }
    c.write(off::command,
            word(regs::command_register::command.set(0, word(static_cast<std::uint8_t>(what)))));
    for (patience waiting(timeout_); regs::card_status::command_busy.get(c.read(off::card_status));
         c.relax()) {
      if (!waiting.exhausted()) continue;
      lose(fmt::format("{} has not ended in {} ms (EXALLOC_TIMEOUT_MS)", name(), timeout_.count()));
      return {no_answer, 0};
    }
    const std::uint32_t value = c.read(off::command_result);
    return {static_cast<regs::status>(regs::command_result::status.get(value)),
            word(regs::command_result::slab.get(value))};
  } catch (const std::exception& e) {
    lose(fmt::format("{} failed: {}", name(), e.what()));
    return {no_answer, 0};
  }
}

std::optional<driver::list_name> driver::open_list() {
  const std::lock_guard lock(mutex_);
  while (!lost() && !free_lists_.empty()) {
    const std::uint32_t number = free_lists_.back();
    free_lists_.pop_back();
    // A list that is open already belongs to somebody else; it is not ours to use.
    if (command(regs::command::open, number, 0, 0, 0).status == regs::status::ok) {
      linked_[number] = 0;
      return list_name{number, ++generations_[number]};
    }
  }
  return std::nullopt;
}

void driver::close_list(std::uint32_t number) {
  const std::lock_guard lock(mutex_);
  command(regs::command::close, number, 0, 0, 0);
}

void driver::return_list(std::uint32_t number) {
  const std::lock_guard lock(mutex_);
  free_lists_.push_back(number);
}

std::optional<driver::list_name> driver::open_lookaside(std::uint32_t depth, std::uint32_t minimum,
                                                        std::uint32_t maximum) {
  if (depth > geometry_.lookaside_depth || minimum > geometry_.lookaside_depth) return std::nullopt;
  namespace d = regs::command_depth;
  std::uint64_t depths = d::depth.set(d::minimum.set(0, minimum), depth);
  depths = d::maximum.set(depths, std::min(maximum, geometry_.lookaside_depth));
  const std::lock_guard lock(mutex_);
  write(off::command_depth, static_cast<std::uint32_t>(depths));
  while (!lost() && !free_lookasides_.empty()) {
    const std::uint32_t number = free_lookasides_.back();
    free_lookasides_.pop_back();
    if (command(regs::command::lookaside_open, number, 0, 0, 0).status == regs::status::ok)
      return list_name{number, ++lookaside_generations_[number]};
  }
  return std::nullopt;
}

void driver::close_lookaside(std::uint32_t number) {
  const std::lock_guard lock(mutex_);
  command(regs::command::lookaside_close, number, 0, 0, 0);
  free_lookasides_.push_back(number);
}

exalloc_lookaside_counts driver::lookaside_counts(std::uint32_t number) {
  const std::uint32_t window = off::lookasides_base + number * off::lookasides_stride;
  const auto read = [&](std::uint32_t offset) { return this->read(window + offset); };
  const auto get = [](const regs::field& f, std::uint32_t word) {
    return static_cast<std::uint32_t>(f.get(word));
  };
  const std::uint32_t depths = read(off::lookaside_depths), held = read(off::lookaside_held);
  exalloc_lookaside_counts result{};
  result.list = number;
  result.depth = get(regs::lookaside_depths::depth, depths);
  result.minimum_depth = get(regs::lookaside_depths::minimum, depths);
  result.maximum_depth = get(regs::lookaside_depths::maximum, depths);
  result.held = get(regs::lookaside_held::held, held);
  result.reserved = get(regs::lookaside_held::reserved, held);
  result.high_water = get(regs::lookaside_held::high_water, held);
  result.allocates = read(off::lookaside_allocates);
  result.allocate_misses = read(off::lookaside_allocate_misses);
  result.frees = read(off::lookaside_frees);
  result.free_misses = read(off::lookaside_free_misses);
  return result;
}

void driver::set_governor_period(std::uint32_t milliseconds) {
  const std::uint64_t khz = regs::clock::khz.get(read(off::clock));
  const std::uint64_t cycles = std::min<std::uint64_t>(khz * milliseconds, 0xFFFF'FFFF);
  write(off::governor_period, static_cast<std::uint32_t>(cycles));
}

std::optional<std::uint32_t> driver::take_slabs(std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  const auto first = slabs_.take(count);
  if (!first) return std::nullopt;
  return static_cast<std::uint32_t>(*first);
}

void driver::return_slabs(std::uint32_t first, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  slabs_.give_back(first, count);
}

void driver::link(std::uint32_t list, std::uint32_t first, std::uint32_t count,
                  std::uint32_t limit) {
  const std::lock_guard lock(mutex_);
  const regs::status status = command(regs::command::link, list, first, count, limit).status;
  if (lost()) return;
  linked_[list] += (count - 1) * slab_width + limit + 1;
  const std::uint32_t there = read(off::lists_base + list * off::lists_stride + off::list_total);
  if (status != regs::status::ok) {
    lose(fmt::format("it refuses slabs for list {} that nobody has: {}", list,
                     regs::describe(status)));
  } else if (there != linked_[list]) {
    lose(fmt::format("it has {} blocks of list {} instead of {}", there, list, linked_[list]));
  }
}

std::optional<std::uint32_t> driver::trim(std::uint32_t list, std::uint32_t slab) {
  const std::lock_guard lock(mutex_);
  const result r = command(regs::command::trim, list, slab, 0, 0);
  if (r.status != regs::status::ok) return std::nullopt;
  linked_[list] -= slab_width;
  return r.slab;
}

std::uint64_t driver::idle_blocks(std::uint32_t list) {
  const std::uint32_t window = off::lists_base + list * off::lists_stride;
  const std::uint32_t in_use = read(window + off::list_in_use);
  const std::uint32_t total = read(window + off::list_total);
  return total > in_use ? total - in_use : 0;
}

void driver::unlink(std::uint32_t list, std::uint32_t first, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  command(regs::command::unlink, list, first, count, 0);
}

std::optional<std::uint32_t> driver::take_portal() {
  const std::lock_guard lock(mutex_);
  if (next_portal_ == geometry_.portals) return std::nullopt;
  return next_portal_++;
}

driver::usage_counts driver::usage() {
  const auto word = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
  const std::lock_guard lock(mutex_);
  return {geometry_.lists - word(free_lists_.size()),
          geometry_.slabs - 1 - word(slabs_.free_count()),
          geometry_.lookaside_lists - word(free_lookasides_.size()), next_portal_};
}

driver::event_counters driver::read_counters() {
  event_counters result;
  const std::lock_guard lock(counter_mutex_);
  for (std::uint32_t i = 0; i < card_counters; ++i) {
    const std::uint32_t at = off::counters_base + i * off::counters_stride;
    const std::uint64_t low = read(at + off::counter_low);
    result[i] = std::uint64_t{read(at + off::counter_high)} << 32 | low;
  }
  return result;
}

void driver::read_errors(const std::function<void(const error_record&)>& tell) {
  const std::lock_guard lock(error_mutex_);
  for (unsigned i = 0; i < most_records && !lost(); ++i) {
    const std::uint32_t info = read(off::error_info);
    if (!regs::error_info::valid.get(info)) return;
    const std::uint32_t token = read(off::error_token);
    write(off::error_pop, 1);
    tell({static_cast<regs::status>(regs::error_info::status.get(info)),
          static_cast<std::uint32_t>(regs::error_info::opcode.get(info)),
          static_cast<std::uint32_t>(regs::error_info::list.get(info)),
          static_cast<std::uint32_t>(regs::error_info::portal.get(info)), token});
  }
}

// Garbage may call itself a stream port's, but is refused for that.
bool driver::of_stream_port(const error_record& record) noexcept {
  return record.opcode == static_cast<std::uint32_t>(regs::opcode::stream) &&
         record.status != regs::status::bad_opcode && record.status != regs::status::bad_phase;
}

bool driver::told_by_record(const error_record& record) noexcept {
  switch (record.status) {
    case regs::status::bus_read:
    case regs::status::bus_write:
    case regs::status::bad_doorbell:
      return true;
    default:
      return of_stream_port(record);
  }
}

error_report driver::report_of(const error_record& record, void* address) {
  error_report r;
  r.cause = regs::to_string(record.status);
  r.address = address;
  r.list = record.list;
  r.token = record.token;
  if (of_stream_port(record)) {
    r.what = fmt::format("the card refused a block that a kernel pushed into stream port {}: {}",
                         record.portal, regs::describe(record.status));
    r.stream_port = static_cast<std::int32_t>(record.portal);
  } else {
    r.what = fmt::format("the card reports: {}", regs::describe(record.status));
    r.portal = static_cast<std::int32_t>(record.portal);
  }
  return r;
}

}  // namespace exalloc
