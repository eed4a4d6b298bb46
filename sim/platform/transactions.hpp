// What travels on the platform, by name: told while it happens, for pictures and recordings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "platform/latency.hpp"

namespace exalloc::sim {

enum class transaction_kind : std::uint8_t {
  register_write,
  register_read,
  card_read,
  card_write,
  token_popped,  // by a kernel, from its stream port
  token_pushed,
};
constexpr unsigned transaction_kinds = 6;
const char* to_string(transaction_kind kind);

// Where a transaction is until it gets to the next place.
enum class transaction_place : std::uint8_t {
  root_complex,  // between processor and link
  link_down,     // on its way to the card
  card_shell,    // between link and the card's pins
  card,          // at the pins
  link_up,       // on its way to the host
  memory,        // root complex and host memory
  kernel,        // on the card, behind a stream port
};
const char* to_string(transaction_place place);

struct transaction {
  std::uint64_t number;  // counts up from 1
  transaction_kind kind;
  std::uint64_t address;  // of a register: its offset
  unsigned bytes;
  std::uint32_t value;  // that is written to a register; a token
  unsigned port = 0;    // of a token: the stream port
};

// In a few words: "doorbell of portal 3", "read of 2 lines".
std::string name_of(const transaction& t);

// Called from where the platform runs, in the order of time.
class transaction_watcher {
 public:
  virtual ~transaction_watcher() = default;
  virtual void begins(const transaction& t, transaction_place place, picoseconds at) = 0;
  virtual void moves(const transaction& t, transaction_place to, picoseconds at) = 0;
  virtual void ends(const transaction& t, picoseconds at) = 0;
};

// Records them as strings in an FST file, which GTKWave shows: one row of names and one of places
// for each that are under way together. The file is complete when this ends. Throws
// std::runtime_error when it cannot be written.
std::unique_ptr<transaction_watcher> record_transactions(const std::string& file);

}  // namespace exalloc::sim
