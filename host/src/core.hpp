// What zones and pool stand on: the card, the tokens, the processors.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "driver.hpp"
#include "fork_mutex.hpp"
#include "range_allocator.hpp"
#include "registry.hpp"
#include "token_table.hpp"

namespace exalloc {

class core {
 public:
  // Opens the card of that name. Throws what open_card and driver throw.
  explicit core(const std::string& card_name) : core(open_card(card_name)) {}
  explicit core(std::unique_ptr<card> device);

  // The one that all calls use; opens it at the first call. Throws std::runtime_error; then a later
  // call tries again.
  static core& get();
  // The same with a card that the caller has made: for tests. It must be the first call.
  static core& open_with(std::unique_ptr<card> device);
  // Null while it is not open.
  static core* opened() noexcept;
  // The same as get(), but reports the error and returns null.
  static core* get_or_report() noexcept;
  // Chooses the card. Throws std::runtime_error when another one is open.
  static void choose_card(const std::string& name);

  // How often the depths of lookaside lists are governed, now and on a card opened later; 0: never.
  static void choose_governor_period(std::uint32_t milliseconds);

  driver card_driver;
  token_table tokens;
  registry processors;
  // Whether owners may do without their lock.
  const bool lock_free;
  // Whether processors pass free blocks on to one another instead of through the card.
  const bool depots;

  struct counters {
    std::atomic<std::uint64_t> recalls{0}, recalled_blocks{0}, scarce_entries{0};
  } counts;

  // Slab numbers the card does not have, for lists that only live in the host.
  std::uint32_t take_host_slabs(std::uint32_t count);  // throws std::bad_alloc
  void return_host_slabs(std::uint32_t first, std::uint32_t count);

 private:
  static core& open(std::unique_ptr<card> device);

  fork_mutex host_slabs_mutex_{lock_row::card};
  range_allocator host_slabs_;
};

}  // namespace exalloc
