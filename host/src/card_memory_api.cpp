// Segments on the card: exalloc/card_memory.h.
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "card_segments.hpp"
#include "core.hpp"
#include "errors.hpp"
#include "exalloc/card_memory.h"
#include "token_table.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

constexpr std::size_t header_bytes = sizeof(ZONE_SEGMENT_HEADER);

// Addresses without memory behind them, but for a page in front: its last bytes are the segment's
// header.
class names {
 public:
  explicit names(std::size_t block_bytes)
      : bytes_(page_size + (block_bytes + page_size - 1) / page_size * page_size) {
    void* const all =
        ::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    all_ = static_cast<std::byte*>(all);
    if (::mprotect(all_, page_size, PROT_READ | PROT_WRITE) != 0) {
      ::munmap(all_, bytes_);
      throw std::bad_alloc();
    }
  }
  ~names() { ::munmap(all_, bytes_); }
  names(const names&) = delete;
  names& operator=(const names&) = delete;

  std::byte* blocks() const noexcept { return all_ + page_size; }

 private:
  std::size_t bytes_;
  std::byte* all_;
};

struct segment {
  segment(std::unique_ptr<card_memory> on_card, std::size_t block_bytes)
      : memory(std::move(on_card)), names(block_bytes), bytes(block_bytes) {}
  const std::unique_ptr<card_memory> memory;
  const class names names;
  const std::size_t bytes;  // of blocks
};

// All there are, by the address of their first block. A copy under way keeps its segment.
class segment_table {
 public:
  static segment_table& get() {
    static segment_table* const one = new segment_table;  // never destroyed: nor is the card
    return *one;
  }

  std::byte* add(std::shared_ptr<segment> s) {
    std::byte* const first = s->names.blocks();
    const std::lock_guard lock(mutex_);
    all_.emplace(first, std::move(s));
    return first;
  }
  std::shared_ptr<segment> remove(const std::byte* first) {
    const std::lock_guard lock(mutex_);
    const auto at = all_.find(first);
    if (at == all_.end()) return nullptr;
    auto out = std::move(at->second);
    all_.erase(at);
    return out;
  }
  // The one that has all these bytes.
  std::shared_ptr<segment> find(const std::byte* at, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto next = all_.upper_bound(at);
    if (next == all_.begin()) return nullptr;
    const auto& [first, s] = *--next;
    const auto offset = static_cast<std::size_t>(at - first);
    if (offset > s->bytes || bytes > s->bytes - offset) return nullptr;
    return s;
  }

 private:
  fork_mutex mutex_{lock_row::card};
  std::map<const std::byte*, std::shared_ptr<segment>> all_;
};

struct place {
  std::shared_ptr<segment> in;
  std::size_t offset;
};

place require(const char* routine, const void* at, std::size_t bytes) {
  const auto* const first = static_cast<const std::byte*>(at);
  place out{segment_table::get().find(first, bytes), 0};
  if (out.in == nullptr)
    throw std::runtime_error(fmt::format(
        "{}: no segment on the card (exalloc_card_segment_create) has all {} bytes from {} on",
        routine, bytes, at));
  if (core::get().card_driver.lost())
    throw std::runtime_error(fmt::format("{}: the card is lost, and its memory with it", routine));
  out.offset = static_cast<std::size_t>(first - out.in->names.blocks());
  return out;
}

bool in_a_zone(const std::byte* first, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(first);
  bool found = false;
  zone_table::get().with_all([&](const std::vector<zone_table::entry>& zones) {
    for (const zone_table::entry& z : zones) {
      for (const zone::extent& e : z.z->extents()) found = found || e.begin - begin < bytes;
    }
  });
  return found;
}

}  // namespace

std::optional<std::uint64_t> device_address(const void* at, std::size_t bytes) {
  const auto* const first = static_cast<const std::byte*>(at);
  if (const auto s = segment_table::get().find(first, bytes))
    return s->memory->device_address() + static_cast<std::uint64_t>(first - s->names.blocks());
  return core::get().card_driver.device().device_address(first, bytes);
}

}  // namespace exalloc

using exalloc::core;

extern "C" {

PVOID exalloc_card_segment_create(const char* Bank, ULONG SegmentSize) {
  std::byte* result = nullptr;
  exalloc::guarded([&] {
    if (SegmentSize <= exalloc::header_bytes)
      throw std::runtime_error(
          "exalloc_card_segment_create: the segment has no room for blocks behind its header of 16 "
          "bytes");
    const std::size_t bytes = SegmentSize - exalloc::header_bytes;
    exalloc::driver& d = core::get().card_driver;
    if (d.lost()) throw std::runtime_error("exalloc_card_segment_create: the card is lost");
    auto memory = d.device().allocate_on_card(Bank != nullptr ? Bank : "", bytes);
    result = exalloc::segment_table::get().add(
                 std::make_shared<exalloc::segment>(std::move(memory), bytes)) -
             exalloc::header_bytes;
  });
  return result;
}

int exalloc_card_segment_delete(PVOID Segment) {
  return exalloc::guarded([&] {
    auto* const blocks = static_cast<std::byte*>(Segment) + exalloc::header_bytes;
    auto& table = exalloc::segment_table::get();
    const auto s = Segment != nullptr ? table.find(blocks, 0) : nullptr;
    if (s == nullptr || s->names.blocks() != blocks)
      throw std::runtime_error(
          fmt::format("exalloc_card_segment_delete: {} is no segment on the card", Segment));
    if (exalloc::in_a_zone(blocks, s->bytes))
      throw std::runtime_error(
          "exalloc_card_segment_delete: a zone has blocks there; retire it first "
          "(exalloc_zone_delete)");
    table.remove(blocks);
  });
}

int exalloc_card_write(PVOID To, const void* From, size_t Bytes) {
  return exalloc::guarded([&] {
    const auto [in, offset] = exalloc::require("exalloc_card_write", To, Bytes);
    in->memory->write(offset, static_cast<const std::byte*>(From), Bytes);
  });
}

int exalloc_card_read(void* To, const void* From, size_t Bytes) {
  return exalloc::guarded([&] {
    const auto [in, offset] = exalloc::require("exalloc_card_read", From, Bytes);
    in->memory->read(offset, static_cast<std::byte*>(To), Bytes);
  });
}

uint64_t exalloc_device_address(const void* At, size_t Bytes) {
  std::uint64_t result = EXALLOC_NO_DEVICE_ADDRESS;
  exalloc::guarded(
      [&] { result = exalloc::device_address(At, Bytes).value_or(EXALLOC_NO_DEVICE_ADDRESS); });
  return result;
}

}  // extern "C"
