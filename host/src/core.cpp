#include "core.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>

#include "errors.hpp"
#include "exalloc/card.hpp"
#include "fence.hpp"
#include "fork_mutex.hpp"
#include "from_environment.hpp"
#include "life.hpp"
#include "no_cancel.hpp"
#include "status/answerer.hpp"

namespace exalloc {
namespace {

// 64 Mi blocks beyond the card's; their table costs address space only.
constexpr std::uint32_t host_slab_count = 1U << 20;

fork_mutex open_mutex{lock_row::opening};
std::atomic<core*> instance{nullptr};
std::string& chosen_card() {
  // Never destroyed, like the core: threads may outlive static objects.
  alignas(std::string) static std::byte storage[sizeof(std::string)];
  static std::string* const name = ::new (storage) std::string;
  return *name;
}

std::string card_name() {
  if (!chosen_card().empty()) return chosen_card();
  return std::string(text_from_environment("EXALLOC_CARD", "soft"));
}

// Where the card is a program in this process, asking it costs more than asking another processor.
bool in_process(const card& device) { return device.name().starts_with("soft"); }

constexpr std::uint32_t default_period_ms = 1000;
constexpr std::int64_t not_chosen = -1;
std::atomic<std::int64_t> chosen_period_ms{not_chosen};

std::uint32_t governor_period_ms() {
  const std::int64_t chosen = chosen_period_ms.load(std::memory_order_relaxed);
  if (chosen != not_chosen) return static_cast<std::uint32_t>(chosen);
  return static_cast<std::uint32_t>(
      number_from_environment("EXALLOC_GOVERNOR_PERIOD_MS", 0, 0xFFFF'FFFF)
          .value_or(default_period_ms));
}

}  // namespace

core::core(std::unique_ptr<card> device)
    : card_driver(std::move(device)),
      tokens(card_driver.geometry().slabs + host_slab_count),
      processors(card_driver, tokens),
      lock_free(enable_heavy_fence()),
      depots(switch_from_environment("EXALLOC_DEPOT").value_or(in_process(card_driver.device()))),
      host_slabs_(card_driver.geometry().slabs, host_slab_count) {
  card_driver.set_governor_period(governor_period_ms());
  if (!lock_free)
    post_error({"this system has no membarrier: every operation takes its processor's lock", "ok",
                nullptr, 0, 0, -1});
}

core* core::opened() noexcept { return instance.load(std::memory_order_acquire); }

core& core::open(std::unique_ptr<card> device) {
  alignas(core) static std::byte storage[sizeof(core)];
  core* c = ::new (storage) core(std::move(device));
  instance.store(c, std::memory_order_release);
  prepare_for_forks();
  start_answering(*c);
  return *c;
}

core& core::get() {
  if (core* c = opened()) return *c;
  const no_cancel here;
  const std::lock_guard lock(open_mutex);
  if (core* c = opened()) return *c;
  return open(open_card(card_name()));
}

core& core::open_with(std::unique_ptr<card> device) {
  const std::lock_guard lock(open_mutex);
  if (opened() != nullptr) throw std::logic_error("exalloc: a card is open already");
  return open(std::move(device));
}

core* core::get_or_report() noexcept {
  try {
    return &get();
  } catch (const std::exception& e) {
    report_error({e.what(), "ok", nullptr, 0, 0, -1});
    return nullptr;
  }
}

void core::choose_card(const std::string& name) {
  const std::lock_guard lock(open_mutex);
  if (core* c = opened()) {
    if (c->card_driver.device().name() == name) return;
    throw std::runtime_error(
        fmt::format("exalloc: the card \"{}\" is open already, so \"{}\" cannot be chosen any more",
                    c->card_driver.device().name(), name));
  }
  chosen_card() = name;
}

void core::choose_governor_period(std::uint32_t milliseconds) {
  const std::lock_guard lock(open_mutex);
  chosen_period_ms.store(milliseconds, std::memory_order_relaxed);
  if (core* c = opened()) c->card_driver.set_governor_period(milliseconds);
}

std::uint32_t core::take_host_slabs(std::uint32_t count) {
  const std::lock_guard lock(host_slabs_mutex_);
  const auto first = host_slabs_.take(count);
  if (!first) throw std::bad_alloc();
  return static_cast<std::uint32_t>(*first);
}

void core::return_host_slabs(std::uint32_t first, std::uint32_t count) {
  const std::lock_guard lock(host_slabs_mutex_);
  host_slabs_.give_back(first, count);
}

}  // namespace exalloc
