// A pair of rings: lines to the card and lines back, as docs/protocol.md has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "card/line.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"

namespace exalloc {

// A line from the card, taken apart.
struct completion {
  regs::opcode opcode;
  regs::status status;
  bool last;
  std::uint32_t list, count;
  std::uint16_t cookie;
  std::array<std::uint32_t, regs::tokens_per_line> tokens;
};

struct portal_counts {
  std::uint64_t submitted = 0, consumed = 0, doorbells = 0, register_reads = 0;
};

// Used by one thread at a time: its processor's lock guards it.
class portal {
 public:
  // Makes the rings. Throws what card::allocate throws.
  // With a lost card there are none: nothing may be submitted or received.
  portal(card& device, std::uint32_t number, bool lost = false);
  // Tells the card of them, before all else. Throws what card::write throws.
  void enable();

  std::uint32_t number() const noexcept { return number_; }
  const portal_counts& counts() const noexcept { return counts_; }

  // Whether the submission ring has no room for another line.
  bool full() const noexcept { return tail_ - executed_ == ring_lines; }
  // Lines that the card is not known to have executed.
  std::uint32_t unexecuted() const noexcept { return tail_ - executed_; }
  // Writes a line; the card sees it at the next ring(). There must be room.
  void submit(regs::opcode opcode, std::uint32_t list, std::uint16_t cookie, std::uint32_t count,
              std::span<const std::uint32_t> tokens, bool ack = false, bool call = false,
              std::uint32_t give = 0) noexcept;
  // Lines the card has not been told of.
  std::uint32_t unrung() const noexcept { return tail_ - rung_; }
  // Completion lines the card does not know to be consumed.
  std::uint32_t unreported() const noexcept { return consumed_ - reported_; }
  // The doorbell: tells the card of new lines and of consumed ones; nothing if there is neither.
  void ring();
  // The next completion line, if there is one.
  bool receive(completion& into) noexcept;
  // Whether the card is known to have executed all lines.
  bool idle() const noexcept { return executed_ == tail_; }
  // Asks the card whether it has stopped this portal after a bus error.
  bool failed();
  // The line of the ring that the card has not been seen to execute, of those sent: an opcode and a
  // list.
  struct line_name {
    regs::opcode opcode;
    std::uint32_t list;
  };
  line_name oldest() const noexcept;

  static constexpr std::uint32_t ring_log2 = 8;
  static constexpr std::uint32_t ring_lines = 1U << ring_log2;

 private:
  card& device_;
  std::uint32_t number_;
  std::unique_ptr<dma_memory> memory_;
  line* submission_ = nullptr;
  line* completion_ = nullptr;
  // Line numbers since the rings were enabled.
  std::uint32_t tail_ = 0, rung_ = 0, executed_ = 0, consumed_ = 0, reported_ = 0;
  portal_counts counts_;
};

}  // namespace exalloc
