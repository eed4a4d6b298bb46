#include "status/status_page.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "errors.hpp"
#include "fork_mutex.hpp"
#include "from_environment.hpp"
#include "status/page_file.hpp"

namespace exalloc {
namespace detail {
constinit std::atomic<status::page*> made_status_page{nullptr};
}

namespace {

// The end of `rows`, of what is written to from the beginning.
constexpr std::size_t shared_part = offsetof(status::page, counts);
constexpr std::size_t writer_bytes = sizeof(status::page::counts) / status::writers;

struct maker {
  fork_mutex mutex{lock_row::card};
  bool shared = false;
  bool told_of_no_room = false;
  int file = -1;
  struct stat identity {};
  pid_t owner = 0;
  std::string path;
};

// Never destroyed, and neither is the page: other threads may count until the very end.
maker& state() {
  alignas(maker) static std::byte storage[sizeof(maker)];
  static maker* const instance = ::new (storage) maker;
  return *instance;
}

// Zeros are a page without contents; nothing is constructed, as that would touch all of it.
// What is used when there is no shared memory; untouched, it costs nothing.
alignas(4096) constinit std::byte private_memory[sizeof(status::page)]{};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Takes memory for a part of the file: else a full /dev/shm would be told by a signal, at a write.
// Returns an errno.
int take_memory(int file, std::size_t offset, std::size_t bytes) noexcept {
  int error = 0;
  do {
    error = ::posix_fallocate(file, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (error == EINTR);
  return error;
}

bool file_is_ours(const maker& m) noexcept {
  struct stat now {};
  return m.file >= 0 && ::fstat(m.file, &now) == 0 && now.st_dev == m.identity.st_dev &&
         now.st_ino == m.identity.st_ino;
}

std::string program_name() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).filename();
}

void remove_at_exit() {
  const maker& m = state();
  if (m.shared && m.owner == ::getpid()) ::unlink(m.path.c_str());
}

// A child counts for itself: it goes on with a copy of the page that nobody else sees.
void leave_parents_page() {
  maker& m = state();
  if (!m.shared) return;
  status::page* page = detail::made_status_page.load(std::memory_order_relaxed);
  const bool ours = file_is_ours(m);
  constexpr int access = PROT_READ | PROT_WRITE;
  if (!ours || ::mmap(page, sizeof *page, access, MAP_PRIVATE | MAP_FIXED, m.file, 0) == MAP_FAILED)
    ::mmap(page, sizeof *page, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  m.shared = false;
  if (ours) ::close(m.file);
  m.file = -1;
}

// Maps a new file; throws std::system_error and leaves none behind.
status::page* make_shared(maker& m) {
  rlimit limit{};
  // A file beyond this limit would be told by a signal.
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < sizeof(status::page)) {
    errno = EFBIG;
    fail("the limit of file sizes");
  }
  m.owner = ::getpid();
  m.path = status::path_of(static_cast<std::uint64_t>(m.owner));
  status::remove_leftover(static_cast<std::uint64_t>(m.owner), true);
  status::remove_leftovers();
  m.file = ::open(m.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (m.file < 0) fail(m.path);
  try {
    if (::flock(m.file, LOCK_EX | LOCK_NB) != 0 || ::fchmod(m.file, 0600) != 0 ||
        ::ftruncate(m.file, sizeof(status::page)) != 0 || ::fstat(m.file, &m.identity) != 0)
      fail(m.path);
    if ((errno = take_memory(m.file, 0, shared_part)) != 0 ||
        (errno = take_memory(m.file, shared_part + (status::writers - 1) * writer_bytes,
                             writer_bytes)) != 0)
      fail(m.path);
    void* memory =
        ::mmap(nullptr, sizeof(status::page), PROT_READ | PROT_WRITE, MAP_SHARED, m.file, 0);
    if (memory == MAP_FAILED) fail(m.path);
    return static_cast<status::page*>(memory);
  } catch (...) {
    ::close(m.file);
    m.file = -1;
    ::unlink(m.path.c_str());
    throw;
  }
}

}  // namespace

status::page& detail::make_status_page() noexcept {
  maker& m = state();
  const std::lock_guard lock(m.mutex);
  if (status::page* page = made_status_page.load(std::memory_order_relaxed)) return *page;
  status::page* page = nullptr;
  if (text_from_environment("EXALLOC_STATUS") != "0") {
    try {
      page = make_shared(m);
      m.shared = true;
    } catch (const std::exception& e) {
      post_error({fmt::format("no shared memory for the status page ({}): `exalloc top` cannot "
                              "watch this process; EXALLOC_STATUS=0 does without",
                              e.what()),
                  "ok", nullptr, 0, 0, -1});
    }
  }
  if (page == nullptr) page = reinterpret_cast<status::page*>(private_memory);
  page->prepared.back().store(1, std::memory_order_relaxed);
  page->version = status::version;
  page->bytes = sizeof(status::page);
  page->process = static_cast<std::uint64_t>(::getpid());
  page->started = status::start_of(page->process).value_or(0);
  const std::string name = program_name();
  std::memcpy(page->program.data(), name.data(), std::min(name.size(), page->program.size() - 1));
  // Written last: it tells readers that the rest is there.
  __atomic_store_n(&page->magic, status::magic, __ATOMIC_RELEASE);
  made_status_page.store(page, std::memory_order_release);
  if (m.shared) {
    std::atexit(remove_at_exit);
    ::pthread_atfork(nullptr, nullptr, leave_parents_page);
  }
  return *page;
}

void prepare_status_writer(std::uint32_t writer) noexcept {
  status::page& page = status_page();
  maker& m = state();
  const std::lock_guard lock(m.mutex);
  if (writer >= status::writers || page.prepared[writer].load(std::memory_order_relaxed) != 0)
    return;
  const std::size_t offset = shared_part + writer * writer_bytes;
  const bool taken =
      !m.shared || (file_is_ours(m) && take_memory(m.file, offset, writer_bytes) == 0);
  // Without room these counts stay with the process.
  if (!taken)
    ::mmap(page.counts[writer].data(), writer_bytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  page.prepared[writer].store(1, std::memory_order_release);
  if (taken || m.told_of_no_room) return;
  m.told_of_no_room = true;
  post_error(
      {"no shared memory left for a processor's tag counts: `exalloc top` shows less than "
       "there is; make /dev/shm larger",
       "ok", nullptr, 0, 0, static_cast<std::int32_t>(writer)});
}

bool status_page_is_shared() noexcept {
  status_page();
  maker& m = state();
  const std::lock_guard lock(m.mutex);
  return m.shared;
}

}  // namespace exalloc
