// Memory for the xrt card: host-only buffers of XRT, which are the only host memory that an Alveo
// card reaches.
#pragma once

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "exalloc/card.hpp"

namespace exalloc::xrt_card {

// XRT chooses where it maps a buffer; this moves the mappings to addresses that are in use already,
// those of the nonpaged pool. Thread safe.
class placed_memory {
 public:
  placed_memory(const xrt::device& device, xrt::memory_group bank);
  ~placed_memory();
  placed_memory(const placed_memory&) = delete;
  placed_memory& operator=(const placed_memory&) = delete;

  // Puts buffers at what of these pages has none yet; the contents are lost, the pages read as
  // zeros. The device address of the first page. Throws std::system_error.
  std::uint64_t place(std::byte* first, std::size_t bytes);
  // Ordinary memory takes the buffers' place. False if one of them reaches beyond these pages; then
  // nothing changes.
  bool remove(std::byte* first, std::size_t bytes) noexcept;
  // Where the card finds these bytes; nothing if it does not, or not one behind the other.
  std::optional<std::uint64_t> find(const std::byte* first, std::size_t bytes) const;

  // Around a fork. In the child the memory becomes private to it and the buffers are forgotten: XRT
  // is not asked for anything there, as another thread of the parent may have been in it.
  void before_fork() { mutex_.lock(); }
  void after_fork(bool child) noexcept;
  bool in_child() const noexcept { return in_child_; }

 private:
  struct piece {
    std::size_t bytes;
    std::uint64_t device_address;
    xrt::bo buffer;
    bool kept;  // its own place could not be held free: it must never be unmapped there
  };
  using pieces = std::map<std::byte*, piece>;

  piece& place_one(std::byte* first, std::size_t bytes);
  void drop(pieces::iterator at) noexcept;

  const xrt::device& device_;
  const xrt::memory_group bank_;
  mutable std::mutex mutex_;
  pieces pieces_;  // by their first address
  bool in_child_ = false;
};

// Memory in a bank of the card, with XRT's buffer in the host for what is copied. `placed` tells
// whether this is the child of a fork.
std::unique_ptr<card_memory> bank_memory(const xrt::device& device, xrt::memory_group bank,
                                         std::size_t bytes, const placed_memory& placed);

// Rings and other memory of the library's own.
std::unique_ptr<dma_memory> host_memory(const xrt::device& device, xrt::memory_group bank,
                                        std::size_t bytes);

}  // namespace exalloc::xrt_card
