// A zone in C++: blocks of one size, owned by an object, shared by all threads without a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "exalloc/bulk.h"
#include "exalloc/exalloc.h"
#include "exalloc/stream.h"

namespace exalloc {

// The library has classes of these names inside; this keeps the symbols apart.
inline namespace front {

// Returned by zone::make and its like: destroys the object and gives its block back.
template <class Owner>
struct give_back {
  Owner* owner;
  template <class T>
  void operator()(T* object) const noexcept {
    object->~T();
    owner->deallocate(object);
  }
};

// Thread-safe but for construction and destruction. Does not move: the card knows its address.
class zone {
 public:
  // `blocks` blocks of at least `block_size` bytes in memory of its own, aligned to `alignment` (a
  // power of two). Throws std::bad_alloc without memory, std::runtime_error without a card or when
  // the card has no slabs left for it.
  zone(std::size_t block_size, std::size_t blocks,
       std::size_t alignment = alignof(std::max_align_t))
      : alignment_(alignment), block_size_(rounded(block_size, alignment)) {
    segment s = own_segment(blocks);
    check(ExInitializeZone(&header_, static_cast<ULONG>(block_size_), s.base(), s.bytes()));
    exalloc_zone_lockfree(&header_, 1);
    segments_.push_back(std::move(s));
  }
  // The same in memory of the caller, which outlives the zone: 16 bytes of header, then as many
  // blocks as fit.
  zone(std::size_t block_size, std::span<std::byte> memory)
      : alignment_(8), block_size_(rounded(block_size, 8)) {
    check(ExInitializeZone(&header_, static_cast<ULONG>(block_size_), memory.data(),
                           bytes_of(memory.size())));
    exalloc_zone_lockfree(&header_, 1);
  }
  // Blocks that are still out are nobody's afterwards.
  ~zone() { exalloc_zone_delete(&header_); }
  zone(const zone&) = delete;
  zone& operator=(const zone&) = delete;

  // Adds blocks. Throws as the constructors do.
  void extend(std::size_t blocks) {
    const std::lock_guard lock(extending_);
    segments_.reserve(segments_.size() + 1);
    segment s = own_segment(blocks);
    check(ExExtendZone(&header_, s.base(), s.bytes()));
    segments_.push_back(std::move(s));
  }
  void extend(std::span<std::byte> memory) {
    const std::lock_guard lock(extending_);
    check(ExExtendZone(&header_, memory.data(), bytes_of(memory.size())));
  }

  // A block, not initialised. Null if and only if none is free.
  void* try_allocate() noexcept { return ExInterlockedAllocateFromZone(&header_, &unused_lock_); }
  // The same, but throws std::bad_alloc.
  void* allocate() {
    void* block = try_allocate();
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  // A block of this zone, or null. Others are refused and reported (exalloc_set_error_handler).
  void deallocate(void* block) noexcept {
    if (block != nullptr) ExInterlockedFreeToZone(&header_, block, &unused_lock_);
  }
  // Many at once. Returns how many: fewer than asked for only if no more are free.
  std::size_t try_allocate(std::span<void*> blocks) noexcept {
    return exalloc_zone_allocate(&header_, blocks.data(), blocks.size());
  }
  void deallocate(std::span<void* const> blocks) noexcept {
    exalloc_zone_free(&header_, blocks.data(), blocks.size());
  }

  // An object in a block. Throws std::bad_alloc, and std::invalid_argument when T does not fit.
  template <class T, class... Arguments>
  std::unique_ptr<T, give_back<zone>> make(Arguments&&... arguments) {
    if (sizeof(T) > block_size_ || alignof(T) > alignment_)
      throw std::invalid_argument("exalloc::zone::make: the type does not fit into a block");
    void* block = allocate();
    try {
      return {::new (block) T(std::forward<Arguments>(arguments)...), {this}};
    } catch (...) {
      deallocate(block);
      throw;
    }
  }

  // What every block has.
  std::size_t block_size() const noexcept { return block_size_; }
  std::size_t alignment() const noexcept { return alignment_; }
  // Whether every block is allocated: exact.
  bool full() noexcept { return ExIsFullZone(&header_) != FALSE; }
  // Whether a block of the zone begins there, allocated or free.
  bool owns(const void* block) noexcept { return token(block) != 0; }
  // Blocks; those allocated; those not. Exact when no thread is in a call; takes some microseconds.
  // Throws std::runtime_error.
  exalloc_zone_usage usage() {
    exalloc_zone_usage counts;
    if (exalloc_zone_count(&header_, &counts) != 0) throw std::runtime_error(exalloc_last_error());
    return counts;
  }

  // A block's name on the card; 0 for what is no block of the zone. And back: null for what is no
  // token of it.
  std::uint32_t token(const void* block) noexcept {
    return exalloc_token(&header_, const_cast<void*>(block));
  }
  void* pointer(std::uint32_t token) noexcept { return exalloc_block(&header_, token); }
  // Under which address the card reaches a block; 0 for what is no block of the zone.
  std::uint64_t device_address(const void* block) {
    const std::uint32_t name = token(block);
    if (name == 0) return 0;
    std::vector<exalloc_segment> all(exalloc_zone_segments(&header_, nullptr, 0));
    all.resize(exalloc_zone_segments(&header_, all.data(), static_cast<unsigned>(all.size())));
    for (const exalloc_segment& s : all)
      if (name - s.first_token < s.blocks)
        return s.device_address + std::uint64_t{name - s.first_token} * s.block_size;
    return 0;
  }

  // For the C interface.
  PZONE_HEADER native() noexcept { return &header_; }

 private:
  // Memory such that what follows a segment's header is aligned.
  class segment {
   public:
    segment(std::size_t alignment, std::size_t bytes)
        : alignment_(alignment < 16 ? 16 : alignment),
          bytes_(bytes),
          memory_(::operator new(bytes + alignment_, std::align_val_t(alignment_)),
                  release{std::align_val_t(alignment_)}) {}
    void* base() const noexcept {
      return static_cast<std::byte*>(memory_.get()) + alignment_ - sizeof(ZONE_SEGMENT_HEADER);
    }
    ULONG bytes() const { return bytes_of(bytes_); }

   private:
    struct release {
      std::align_val_t alignment;
      void operator()(void* memory) const noexcept { ::operator delete(memory, alignment); }
    };
    std::size_t alignment_, bytes_;
    std::unique_ptr<void, release> memory_;
  };

  segment own_segment(std::size_t blocks) const {
    if (blocks == 0) throw std::invalid_argument("exalloc::zone: 0 blocks");
    if (blocks > UINT32_MAX / block_size_) throw std::bad_alloc();
    return {alignment_, sizeof(ZONE_SEGMENT_HEADER) + blocks * block_size_};
  }
  static std::size_t rounded(std::size_t size, std::size_t alignment) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
      throw std::invalid_argument("exalloc::zone: the alignment is not a power of two");
    const std::size_t unit = alignment < 8 ? 8 : alignment;
    const std::size_t result = (size + unit - 1) / unit * unit;
    if (size == 0 || result < size || result > UINT32_MAX)
      throw std::invalid_argument("exalloc::zone: no such block size");
    return result;
  }
  static ULONG bytes_of(std::size_t size) {
    if (size > UINT32_MAX) throw std::bad_alloc();
    return static_cast<ULONG>(size);
  }
  static void check(NTSTATUS status) {
    if (!NT_SUCCESS(status)) throw std::runtime_error(exalloc_last_error());
  }

  const std::size_t alignment_, block_size_;
  ZONE_HEADER header_{};
  KSPIN_LOCK unused_lock_ = 0;  // the zone does without
  std::mutex extending_;
  std::vector<segment> segments_;
};

}  // namespace front
}  // namespace exalloc
