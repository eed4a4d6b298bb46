#include "card/xrt_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>
#include <system_error>

namespace exalloc::xrt_card {
namespace {

constexpr std::size_t page = 4096;

[[noreturn]] void fail(int why) {
  throw std::system_error(why, std::generic_category(), "exalloc: host memory of the card");
}

xrt::bo host_buffer(const xrt::device& device, xrt::memory_group bank, std::size_t bytes) {
  try {
    return {static_cast<xclDeviceHandle>(device), bytes, xrt::bo::flags::host_only, bank};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    throw std::bad_alloc();  // XRT says no more than that there is none left
  }
}

class ring_memory final : public dma_memory {
 public:
  ring_memory(xrt::bo buffer, std::size_t bytes)
      : dma_memory(buffer.map<std::byte*>(), bytes, buffer.address()), buffer_(std::move(buffer)) {
    std::memset(data(), 0, bytes);
  }

 private:
  xrt::bo buffer_;
};

class bank_buffer final : public card_memory {
 public:
  bank_buffer(xrt::bo buffer, std::size_t bytes, const placed_memory& placed)
      : card_memory(bytes, buffer.address()), buffer_(std::move(buffer)), placed_(placed) {}
  ~bank_buffer() override {
    if (placed_.in_child()) new xrt::bo(std::move(buffer_));  // XRT's own, in the parent
  }

  void write(std::size_t offset, const std::byte* from, std::size_t bytes) override {
    if (bytes == 0) return;
    buffer_.write(from, bytes, offset);
    buffer_.sync(XCL_BO_SYNC_BO_TO_DEVICE, bytes, offset);
  }
  void read(std::size_t offset, std::byte* to, std::size_t bytes) override {
    if (bytes == 0) return;
    buffer_.sync(XCL_BO_SYNC_BO_FROM_DEVICE, bytes, offset);
    buffer_.read(to, bytes, offset);
  }

 private:
  xrt::bo buffer_;
  const placed_memory& placed_;
};

}  // namespace

std::unique_ptr<card_memory> bank_memory(const xrt::device& device, xrt::memory_group bank,
                                         std::size_t bytes, const placed_memory& placed) {
  const std::size_t whole = (bytes + page - 1) / page * page;
  return std::make_unique<bank_buffer>(
      xrt::bo(static_cast<xclDeviceHandle>(device), whole, xrt::bo::flags::normal, bank), bytes,
      placed);
}

std::unique_ptr<dma_memory> host_memory(const xrt::device& device, xrt::memory_group bank,
                                        std::size_t bytes) {
  const std::size_t whole = (bytes + page - 1) / page * page;
  return std::make_unique<ring_memory>(host_buffer(device, bank, whole), whole);
}

placed_memory::placed_memory(const xrt::device& device, xrt::memory_group bank)
    : device_(device), bank_(bank) {}

placed_memory::~placed_memory() {
  while (!pieces_.empty()) drop(pieces_.begin());
}

placed_memory::piece& placed_memory::place_one(std::byte* first, std::size_t bytes) {
  xrt::bo buffer;
  try {
    buffer = host_buffer(device_, bank_, bytes);
  } catch (const std::bad_alloc&) {
    fail(ENOMEM);
  }
  auto* const mapped = buffer.map<std::byte*>();
  std::memset(mapped, 0, bytes);
  const auto at = pieces_.emplace(first, piece{bytes, buffer.address(), buffer, false}).first;
  if (::mremap(mapped, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, first) == MAP_FAILED) {
    const int why = errno;
    pieces_.erase(at);
    fail(why);
  }
  // XRT will unmap the place the buffer had: nobody else may have got it by then.
  at->second.kept = ::mmap(mapped, bytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
                           0) != static_cast<void*>(mapped);
  return at->second;
}

std::uint64_t placed_memory::place(std::byte* first, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  std::byte* const end = first + bytes;
  for (std::byte* at = first; at < end;) {
    auto next = pieces_.upper_bound(at);
    if (next != pieces_.begin()) {
      const auto& [begins, before] = *std::prev(next);
      if (begins + before.bytes > at) {
        at = begins + before.bytes;
        continue;
      }
    }
    std::byte* const until = next != pieces_.end() && next->first < end ? next->first : end;
    place_one(at, static_cast<std::size_t>(until - at));
    at = until;
  }
  const auto& [begins, holds] = *std::prev(pieces_.upper_bound(first));
  return holds.device_address + static_cast<std::uint64_t>(first - begins);
}

void placed_memory::drop(pieces::iterator at) noexcept {
  auto& [first, p] = *at;
  // Fresh memory goes on top of the buffer's pages, in one step: the address is never free.
  ::mmap(first, p.bytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  ::madvise(first, p.bytes, MADV_NOHUGEPAGE);
  if (p.kept) new xrt::bo(std::move(p.buffer));  // lives as long as the process
  pieces_.erase(at);
}

bool placed_memory::remove(std::byte* first, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  std::byte* const end = first + bytes;
  auto at = pieces_.upper_bound(first);
  if (at != pieces_.begin() && std::prev(at)->first + std::prev(at)->second.bytes > first) --at;
  for (auto p = at; p != pieces_.end() && p->first < end; ++p) {
    if (p->first < first || p->first + p->second.bytes > end) return false;
  }
  while (at != pieces_.end() && at->first < end) drop(at++);
  return true;
}

std::optional<std::uint64_t> placed_memory::find(const std::byte* first, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  const std::byte* const end = first + bytes;
  auto at = pieces_.upper_bound(const_cast<std::byte*>(first));
  if (at == pieces_.begin()) return std::nullopt;
  --at;
  if (first >= at->first + at->second.bytes) return std::nullopt;
  const std::uint64_t out =
      at->second.device_address + static_cast<std::uint64_t>(first - at->first);
  while (at->first + at->second.bytes < end) {
    const auto& [begins, p] = *at;
    ++at;
    if (at == pieces_.end() || at->first != begins + p.bytes ||
        at->second.device_address != p.device_address + p.bytes)
      return std::nullopt;
  }
  return out;
}

void placed_memory::after_fork(bool child) noexcept {
  if (child) {
    in_child_ = true;
    for (const auto& [first, p] : pieces_) {
      void* const copy =
          ::mmap(nullptr, p.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (copy == MAP_FAILED) continue;
      std::memcpy(copy, first, p.bytes);
      ::mremap(copy, p.bytes, p.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, first);
    }
    new pieces(std::move(pieces_));  // never destroyed
    pieces_.clear();
  }
  mutex_.unlock();
}

}  // namespace exalloc::xrt_card
