// Memory of this process that a card in this process reaches, under its own addresses.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "exalloc/card.hpp"

namespace exalloc {

// Thread safe. Outlives the pieces it gives out.
class process_memory {
 public:
  process_memory() = default;
  process_memory(const process_memory&) = delete;
  process_memory& operator=(const process_memory&) = delete;
  virtual ~process_memory() = default;

  std::unique_ptr<dma_memory> allocate(std::size_t bytes) {
    // Rings are aligned to their own size, so the whole piece is.
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(bytes, 4096));
    auto* data = static_cast<std::byte*>(std::aligned_alloc(size, size));
    if (data == nullptr) throw std::bad_alloc();
    std::fill_n(data, size, std::byte{0});
    return std::make_unique<piece>(*this, data, size);
  }

  // The bytes at a device address; null unless all of them lie in one piece.
  virtual std::byte* at(std::uint64_t address, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto found = pieces_.upper_bound(address);
    if (found == pieces_.begin()) return nullptr;
    --found;
    const std::uint64_t offset = address - found->first;
    if (offset > found->second || found->second - offset < bytes) return nullptr;
    return reinterpret_cast<std::byte*>(address);
  }

 private:
  class piece final : public dma_memory {
   public:
    piece(process_memory& owner, std::byte* data, std::size_t size)
        : dma_memory(data, size, reinterpret_cast<std::uintptr_t>(data)), owner_(owner) {
      const std::lock_guard lock(owner_.mutex_);
      owner_.pieces_[device_address()] = size;
    }
    ~piece() override {
      {
        const std::lock_guard lock(owner_.mutex_);
        owner_.pieces_.erase(device_address());
      }
      std::free(data());
    }

   private:
    process_memory& owner_;
  };

  std::mutex mutex_;
  std::map<std::uint64_t, std::size_t> pieces_;  // device address → bytes
};

}  // namespace exalloc
