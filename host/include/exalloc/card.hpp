// A card: registers, memory it can reach, and time. Everything above it is the same on soft, sim
// and xrt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// Memory on the card (HBM, DDR), which its kernels reach and processors do not: what goes there and
// comes from there is copied. 4 KiB aligned, not initialised; freed with the object, before its
// card.
class EXALLOC_API card_memory {
 public:
  virtual ~card_memory() = default;
  std::size_t size() const noexcept { return size_; }
  // Address under which kernels reach its first byte.
  std::uint64_t device_address() const noexcept { return device_address_; }
  // Of bytes inside size(), complete on return. Throw std::runtime_error when the card does not do
  // it. Thread safe for bytes apart.
  virtual void write(std::size_t offset, const std::byte* from, std::size_t bytes) = 0;
  virtual void read(std::size_t offset, std::byte* to, std::size_t bytes) = 0;

 protected:
  card_memory(std::size_t size, std::uint64_t device_address)
      : size_(size), device_address_(device_address) {}
  card_memory(const card_memory&) = delete;
  card_memory& operator=(const card_memory&) = delete;

 private:
  std::size_t size_;
  std::uint64_t device_address_;
};

// The two AXI-Streams of a stream port between two edges of the kernel clock. Tokens are those of
// docs/registers.md.
struct stream_pins {
  // Driven by the port.
  bool pop_valid = false;
  std::uint32_t pop_token = 0;
  bool push_ready = false;
  // Driven by the kernel. As on any AXI-Stream, push_valid and push_token stay until push_ready.
  bool pop_ready = false;
  bool push_valid = false;
  std::uint32_t push_token = 0;

  // A token changes hands at the edge.
  bool popped() const noexcept { return pop_valid && pop_ready; }
  bool pushed() const noexcept { return push_valid && push_ready; }
  bool operator==(const stream_pins&) const = default;
};

// A kernel on a simulated card: clocked logic behind the registers that drive its pins.
class EXALLOC_API stream_kernel {
 public:
  virtual ~stream_kernel() = default;
  // An edge of the kernel clock. The pins are as they stood before it: popped() and pushed() tell
  // what changed hands. Writes to the kernel's own pins are seen by the port from the next edge on.
  // Called under the lock of the card: it may call memory_at, but nothing else of the card, and
  // must not wait.
  virtual void clock(stream_pins& pins) = 0;
  // Has something to do although its pins stay as they are. Cycles may be left out while no kernel
  // is busy and no pin changes.
  virtual bool busy() const = 0;
};

// Thread safety: every call may be made from any thread.
class EXALLOC_API card {
 public:
  virtual ~card() = default;

  // "soft", "soft-core", "sim", "xrt".
  virtual std::string_view name() const noexcept = 0;

  // Registers of regs/exalloc.json, by byte offset. Throws std::runtime_error when the bus answers
  // with an error.
  virtual std::uint32_t read(std::uint32_t offset) = 0;
  // Posted: may return before the card has acted on it; writes stay in order, and a read waits for
  // them.
  virtual void write(std::uint32_t offset, std::uint32_t value) = 0;

  // Throws std::bad_alloc, or std::system_error when the memory cannot be locked.
  virtual std::unique_ptr<dma_memory> allocate(std::size_t bytes) = 0;

  // Makes memory of this process, whole pages of it, resident and reachable by the card. Returns
  // the address under which the card reaches it. Throws std::system_error when that is not
  // possible, as when RLIMIT_MEMLOCK is too low. The card of this class needs no more than locked
  // memory.
  virtual std::uint64_t lock_memory(std::byte* first, std::size_t bytes);
  // Undoes that for any whole pages of it. False if the system refuses; then they stay as they are.
  virtual bool unlock_memory(std::byte* first, std::size_t bytes) noexcept;

  // Where the card reaches memory of this process; nothing if it does not, or not in one piece. The
  // card of this class reaches all of it, under its own addresses.
  virtual std::optional<std::uint64_t> device_address(const std::byte* first, std::size_t bytes);

  // Memory on the card, in the bank of that name; in the first there is, if it is empty. Throws
  // std::runtime_error with a sentence for the user when there is no such bank or too little left
  // of it. The card of this class has plain memory of this process in its place, under any name.
  virtual std::unique_ptr<card_memory> allocate_on_card(const std::string& bank, std::size_t bytes);

  // Called by whoever polls a ring: lets a simulated card run for a while (until it writes to
  // memory, at most some microseconds), pauses otherwise.
  virtual void relax() = 0;

  // Time of the card in ns. On a simulated card it passes only in read, write, relax, advance_to
  // and, where something is under way that nobody else drives, wait_interrupt.
  virtual std::uint64_t now_ns() = 0;
  // Lets simulated time pass up to ns; no effect if that is over, or on a real card.
  virtual void advance_to(std::uint64_t ns) = 0;

  // Waits, in real time, until the card's interrupt line is raised or timeout_ns have passed;
  // returns whether it is raised. The line is up while a bit of interrupt_status is set that is set
  // in interrupt_enable too: whoever handles the interrupt clears its cause. Several threads may
  // wait; all wake. On a simulated card a waiter lets the card run when nobody else does.
  virtual bool wait_interrupt(std::uint64_t timeout_ns) = 0;

  // Puts a kernel behind a stream port of a simulated card, in place of the one there was; null for
  // none. The card keeps it. Throws std::runtime_error where kernels are made of other stuff, and
  // std::out_of_range for a port the card does not have.
  virtual void attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel);
  // What a kernel of a simulated card finds at a device address: the memory of allocate, and any
  // other memory of the process under its own address. Nothing is checked, as little as for a
  // pointer. Throws std::runtime_error where attach does.
  virtual std::byte* memory_at(std::uint64_t device_address, std::size_t bytes);

  // Records the card's waveforms to an FST file from now on; an empty name ends the recording, and
  // only then is the file complete. Throws std::runtime_error where there is nothing to record or
  // the file cannot be written.
  virtual void trace(const std::string& file);

  // Of a simulated card: the link it sits on, and how often each fault has been injected so far;
  // empty where there is none.
  virtual std::string link_name() { return {}; }
  struct injected {
    std::string name;
    std::uint64_t count = 0;
  };
  virtual std::vector<injected> injected_faults() { return {}; }

  // After so many milliseconds of real time without an answer the card counts as lost.
  virtual std::uint32_t patience_ms() const noexcept { return 2'000; }
};

// Opens a card by name. Throws std::runtime_error with a sentence for the user when that card
// cannot be had.
EXALLOC_API std::unique_ptr<card> open_card(const std::string& name);

// What XRT tells, without taking a card: a JSON object with the list "devices" and the object
// "xclbin", the file that is to be loaded; or with the key "problem", which says why XRT does not
// work. Throws std::runtime_error when exalloc was built without XRT.
EXALLOC_API std::string xrt_devices();

}  // namespace exalloc
