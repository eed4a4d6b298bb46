// A card: registers, memory it can reach, and time. Everything above it is the same on soft, sim
// and xrt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exalloc/export.h"

namespace exalloc {

// Memory that the host and the card both reach. 4 KiB aligned, zeroed; freed with the object,
// before its card.
class EXALLOC_API dma_memory {
 public:
  virtual ~dma_memory() = default;
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  // Address under which the card reaches data().
  std::uint64_t device_address() const noexcept { return device_address_; }

 protected:
  dma_memory(std::byte* data, std::size_t size, std::uint64_t device_address)
      : data_(data), size_(size), device_address_(device_address) {}
  dma_memory(const dma_memory&) = delete;
  dma_memory& operator=(const dma_memory&) = delete;

 private:
  std::byte* data_;
  std::size_t size_;
  std::uint64_t device_address_;
};

// Thread safety: every call may be made from any thread.
class EXALLOC_API card {
 public:
  virtual ~card() = default;

  // "soft", "sim", ...
  virtual std::string_view name() const noexcept = 0;

  // Registers of regs/exalloc.json, by byte offset. Throws std::runtime_error when the bus answers
  // with an error.
  virtual std::uint32_t read(std::uint32_t offset) = 0;
  // Posted: may return before the card has acted on it; writes stay in order, and a read waits for
  // them.
  virtual void write(std::uint32_t offset, std::uint32_t value) = 0;

  // Throws std::bad_alloc, or std::system_error when the memory cannot be locked.
  virtual std::unique_ptr<dma_memory> allocate(std::size_t bytes) = 0;

  // Called by whoever polls a ring: lets a simulated card run for a while (until it writes to
  // memory, at most some microseconds), pauses otherwise.
  virtual void relax() = 0;

  // Time of the card in ns. On a simulated card it passes only in read, write, relax and
  // advance_to.
  virtual std::uint64_t now_ns() = 0;
  // Lets simulated time pass up to ns; no effect if that is over, or on a real card.
  virtual void advance_to(std::uint64_t ns) = 0;

  // Records the card's waveforms to an FST file from now on; an empty name ends the recording, and
  // only then is the file complete. Throws std::runtime_error where there is nothing to record or
  // the file cannot be written.
  virtual void trace(const std::string& file);
};

// Opens a card by name. Throws std::runtime_error with a sentence for the user when that card
// cannot be had.
EXALLOC_API std::unique_ptr<card> open_card(const std::string& name);

}  // namespace exalloc
