#include "xrt/device_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace exalloc::sim {

device_memory::device_memory(std::uint64_t first, std::uint64_t bytes)
    : first_(first),
      bytes_(bytes),
      file_(::memfd_create("exalloc simulated card", MFD_CLOEXEC)),
      all_(nullptr),
      range_(first, bytes) {
  void* all = MAP_FAILED;
  if (file_ >= 0 && ::ftruncate(file_, static_cast<off_t>(bytes)) == 0)
    all = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_, 0);
  if (all == MAP_FAILED) {
    const int why = errno;
    if (file_ >= 0) ::close(file_);
    throw std::system_error(why, std::generic_category(), "memory of the simulated card");
  }
  ::madvise(all, bytes, MADV_DONTDUMP);
  all_ = static_cast<std::byte*>(all);
}

device_memory::~device_memory() {
  ::munmap(all_, bytes_);
  ::close(file_);
}

void device_memory::give_back(std::uint64_t address, std::uint64_t bytes) {
  const std::uint64_t whole = (bytes + device_page - 1) / device_page * device_page;
  ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(address - first_), static_cast<off_t>(whole));
  range_.give_back(address, bytes);
}

void* device_memory::map(std::uint64_t address, std::uint64_t bytes) const {
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_,
                          static_cast<off_t>(address - first_));
  return at == MAP_FAILED ? nullptr : at;
}

std::byte* device_memory::at(std::uint64_t address, std::size_t bytes) {
  const std::uint64_t offset = address - first_;
  if (offset > bytes_ || bytes_ - offset < bytes) return nullptr;
  return all_ + offset;
}

}  // namespace exalloc::sim
