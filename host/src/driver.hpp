// The card as a whole: identity, commands, and who owns which list, slab and portal.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "errors.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"
#include "fork_mutex.hpp"
#include "range_allocator.hpp"

namespace exalloc {

struct card_geometry {
  std::uint32_t banks = 0, portals = 0, slabs = 0, lists = 0, stream_ports = 0;
  std::uint32_t lookaside_lists = 0, lookaside_depth = 0;
};

inline constexpr std::uint32_t slab_width = 64;
// The protection domain of this process.
inline constexpr std::uint32_t own_domain = 0;
// How many event counters the card has: regs::counter.
inline constexpr std::uint32_t card_counters = [] {
  std::uint32_t n = 0;
  while (n < regs::offset::counters_count &&
         std::string_view(regs::to_string(static_cast<regs::counter>(n))) != "unknown")
    ++n;
  return n;
}();

// How long somebody has been waiting for the card. Time between two looks counts for little,
// however long it is: whoever was stopped meanwhile, by a debugger or a suspended machine, has not
// waited.
class patience {
 public:
  explicit patience(std::chrono::nanoseconds limit) noexcept : limit_(limit) {}
  // To be called again and again while waiting.
  bool exhausted() noexcept {
    const auto now = std::chrono::steady_clock::now();
    waited_ += std::min<std::chrono::nanoseconds>(now - last_, limit_ / 8);
    last_ = now;
    return waited_ >= limit_;
  }
  // Once for every tenth of the limit.
  bool another_tenth() noexcept {
    if (waited_ < limit_ / 10 * tenths_) return false;
    ++tenths_;
    return true;
  }

 private:
  std::chrono::nanoseconds limit_, waited_{0};
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  int tenths_ = 1;
};

// Thread-safe.
class driver {
 public:
  // Throws std::runtime_error when the card is not an exalloc card of this interface.
  explicit driver(std::unique_ptr<card> device);

  card& device() const noexcept { return *device_; }

  // A card that has not answered for timeout() is lost for good, and so is one that has stopped a
  // portal or whose bus fails: nothing is sent to it any more and nobody waits for it.
  bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  // Tells the program why, the first time.
  void lose(const std::string& why);
  // A register; 0 if the card is lost, as it is when its bus fails.
  std::uint32_t read(std::uint32_t offset);
  void write(std::uint32_t offset, std::uint32_t value);
  // The same in the child of a fork: the card and the rings are the parent's.
  void leave_to_parent();
  // EXALLOC_TIMEOUT_MS, or what the card thinks right.
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  const card_geometry& geometry() const noexcept { return geometry_; }

  // A list number that this process has not in use, opened, with a generation that tells it from
  // its former uses.
  struct list_name {
    std::uint32_t number;
    std::uint16_t generation;
  };
  std::optional<list_name> open_list();
  // First the list is closed, then its slabs are unlinked, then its number may be used again.
  void close_list(std::uint32_t number);
  void return_list(std::uint32_t number);

  // The same for lookaside lists; nothing too if the card cannot go as deep.
  std::optional<list_name> open_lookaside(std::uint32_t depth, std::uint32_t minimum,
                                          std::uint32_t maximum);
  // No line that names it may be on its way.
  void close_lookaside(std::uint32_t number);
  // What the card counted, of an open list.
  exalloc_lookaside_counts lookaside_counts(std::uint32_t number);
  // How often the governor goes over the lookaside lists; 0: never.
  void set_governor_period(std::uint32_t milliseconds);

  // Consecutive slabs that no list owns.
  std::optional<std::uint32_t> take_slabs(std::uint32_t count);
  void return_slabs(std::uint32_t first, std::uint32_t count);
  // Gives slabs that no list owns to an open list, the last with blocks 0..limit. A card that
  // refuses, or has done something else, is not in the state it should be in, and lost. With a lost
  // card the blocks are the host's to hand out.
  void link(std::uint32_t list, std::uint32_t first, std::uint32_t count, std::uint32_t limit);
  // Takes a slab from an open list: of the bank that `slab` lies in, the one whose blocks were
  // freed last, if all its blocks are free. Which one.
  std::optional<std::uint32_t> trim(std::uint32_t list, std::uint32_t slab);
  // Blocks of an open list that are in the card.
  std::uint64_t idle_blocks(std::uint32_t list);
  // Takes slabs from a closed list.
  void unlink(std::uint32_t list, std::uint32_t first, std::uint32_t count);

  // A portal nobody uses.
  std::optional<std::uint32_t> take_portal();

  // What of the card is in use.
  struct usage_counts {
    std::uint32_t lists = 0, slabs = 0, lookasides = 0, portals = 0;
  };
  usage_counts usage();
  // The card's event counters, in the order of regs::counter: two register reads each.
  using event_counters = std::array<std::uint64_t, card_counters>;
  event_counters read_counters();

  // Reads and drops the card's error records.
  struct error_record {
    regs::status status;
    std::uint32_t opcode, list, portal, token;
  };
  void read_errors(const std::function<void(const error_record&)>& tell);
  // Whether a kernel's token was refused; `portal` is then the stream port.
  static bool of_stream_port(const error_record& record) noexcept;
  // Whether nothing but the record tells of it: there is no completion line that does.
  static bool told_by_record(const error_record& record) noexcept;
  // `address`: of the record's block, or null.
  static error_report report_of(const error_record& record, void* address);

 private:
  struct result {
    regs::status status;
    std::uint32_t slab;
  };
  // Under the mutex.
  result command(regs::command what, std::uint32_t list, std::uint32_t slab, std::uint32_t count,
                 std::uint32_t limit);

  void read_identity();

  std::unique_ptr<card> device_;
  std::chrono::milliseconds timeout_;
  std::atomic<bool> lost_{false};
  card_geometry geometry_;
  fork_mutex mutex_{lock_row::card};  // the command registers and everything below
  std::vector<std::uint32_t> free_lists_;
  std::vector<std::uint16_t> generations_;
  std::vector<std::uint32_t> linked_;  // blocks of each list
  std::vector<std::uint32_t> free_lookasides_;
  std::vector<std::uint16_t> lookaside_generations_;
  std::uint32_t next_portal_ = 0;
  range_allocator slabs_{0, 0};
  fork_mutex error_mutex_{lock_row::card};
  fork_mutex counter_mutex_{lock_row::card};  // between the halves of a counter
};

}  // namespace exalloc
