#include "bugcheck/crash_io.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace exalloc {

bool copy_if_readable(void* to, const void* from, std::size_t bytes) noexcept {
  const ::iovec local{to, bytes};
  const ::iovec remote{const_cast<void*>(from), bytes};
  const ::ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  if (got == static_cast<::ssize_t>(bytes)) return true;
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) {
    // A sandbox forbids the call; what we are asked to copy is normally there.
    std::memcpy(to, from, bytes);
    return true;
  }
  std::memset(to, 0, bytes);
  return false;
}

bool write_all(int file, const void* bytes, std::size_t count) noexcept {
  const auto* at = static_cast<const std::byte*>(bytes);
  while (count > 0) {
    const ::ssize_t written = ::write(file, at, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

void say(std::string_view text) noexcept {
  // If this fails there is nobody left to tell.
  (void)write_all(STDERR_FILENO, text.data(), text.size());
}

}  // namespace exalloc
