#include "file_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "input_error.hpp"

namespace exalloc::inspect {

file_source::file_source(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: a pipe without a writer is refused below instead of being waited for.
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) {
    throw input_error(fmt::format("{}: cannot be read: {}; name a core file or a dump", path_,
                                  std::strerror(errno)));
  }
  struct stat status {};
  if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file_);
    throw input_error(fmt::format("{}: not a plain file; save the core to a file first", path_));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

file_source::~file_source() { ::close(file_); }

void file_source::read_some(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ::ssize_t got = ::pread(file_, to.data(), to.size(), static_cast<::off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw input_error(fmt::format("{}: cannot be read at byte {:#x}: {}", path_, offset,
                                    got < 0 ? std::strerror(errno) : "it became shorter"));
    }
    to = to.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace exalloc::inspect
