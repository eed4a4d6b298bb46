// Mutexes that fork() may meet in any state.
//
// fork() copies only the thread that calls it: what another thread has locked stays locked in the
// child, and what it was changing stays half changed. So the forking thread takes every lock
// before, in the order of docs/host.md, and lets go after, in parent and child.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace exalloc {

// The rows of the lock order, first to last. Whoever holds a lock of a row may make and destroy
// fork_mutexes of later rows only.
enum class lock_row : std::uint8_t {
  pool_opening,
  opening,
  answering,
  shared_use,
  table,
  list,
  growth,
  arena,
  registry,
  processor,
  card,
  last,
};
inline constexpr std::size_t lock_rows = static_cast<std::size_t>(lock_row::last) + 1;

// A std::mutex that fork() takes.
class fork_mutex : public std::mutex {
 public:
  explicit fork_mutex(lock_row row) noexcept;
  ~fork_mutex();
  fork_mutex(const fork_mutex&) = delete;
  fork_mutex& operator=(const fork_mutex&) = delete;

 private:
  friend class all_mutexes;
  const lock_row row_;
  fork_mutex* next_ = nullptr;
  fork_mutex* previous_ = nullptr;
};

// All there are.
class all_mutexes {
 public:
  // By the thread that forks, before and after it.
  static void lock();
  static void unlock();

 private:
  friend class fork_mutex;
  static void add(fork_mutex& m) noexcept;
  static void remove(fork_mutex& m) noexcept;
};

}  // namespace exalloc
