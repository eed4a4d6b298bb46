// Requestors: what threads act on behalf of, and what is charged for pool with quota.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pool/pool_header.hpp"

// As the C interface sees it. Zeros are a requestor that nobody has.
struct exalloc_requestor {
  struct account {
    std::atomic<std::uint64_t> limit, used, peak, blocks, refused;
  };
  std::array<account, exalloc::pool_kinds> accounts;
  // One for its owner, one for each thread that acts for it, one for each block that is charged.
  std::atomic<std::uint64_t> uses;
  std::array<char, 32> name;
  std::atomic<bool> alive;  // made, and not yet destroyed by its owner
};

namespace exalloc {

using requestor = exalloc_requestor;

// All requestors, by the number that a block's header has. Thread-safe; never destroyed.
class requestor_table {
 public:
  // With the default requestor's limits set from the environment. Throws std::system_error.
  static requestor_table& get();

  // Limits are bytes; UINT64_MAX: none. Throws std::bad_alloc when there are too many.
  requestor& create(std::string_view name, std::uint64_t paged, std::uint64_t nonpaged);
  // Its record stays until the last block that is charged to it is freed and the last thread has
  // left it. False if it is no requestor of create().
  bool destroy(requestor* r) noexcept;
  // Makes the calling thread act for it; null: for the default one. Returns the former one, null
  // likewise. Throws std::invalid_argument if it is no requestor.
  requestor* enter(requestor* r);

  requestor& default_one() noexcept { return records_[default_number]; }
  // Never charged.
  requestor& system() noexcept { return records_[system_number]; }
  // Whether it can be asked and entered.
  bool is_one(const requestor* r) const noexcept;

  // The requestor that a block allocated by this thread is charged to; 0 for the system.
  std::uint16_t current() const noexcept;
  // Charges a block. False, and nothing is charged, if that is more than the limit.
  bool charge(std::uint16_t number, pool_kind kind, std::uint64_t bytes) noexcept;
  // Of a block that was charged; whichever thread frees it.
  void release(std::uint16_t number, pool_kind kind, std::uint64_t bytes) noexcept;

  static constexpr std::uint16_t system_number = 0, default_number = 1;

 private:
  static constexpr std::size_t most = 1U << 16;

  explicit requestor_table(requestor* records) noexcept : records_(records) {}
  std::uint16_t number_of(const requestor& r) const noexcept {
    return static_cast<std::uint16_t>(&r - records_);
  }
  // A number beyond the table cannot be: headers that hold one are damaged, and not used.
  requestor& of(std::uint16_t number) noexcept { return records_[number]; }
  void unuse(requestor& r) noexcept;

  requestor* records_;
};

}  // namespace exalloc
