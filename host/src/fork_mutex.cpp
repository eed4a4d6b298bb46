#include "fork_mutex.hpp"

#include <array>

namespace exalloc {
namespace {

// A row's mutexes. Constant-initialised and never destroyed, as it must outlive static mutexes.
struct row {
  std::mutex mutex;
  fork_mutex* first = nullptr;
};
union rows_storage {
  constexpr rows_storage() : rows{} {}
  ~rows_storage() {}
  std::array<row, lock_rows> rows;
};
constinit rows_storage all;

row& row_of(std::size_t r) { return all.rows[r]; }

}  // namespace

fork_mutex::fork_mutex(lock_row row) noexcept : row_(row) { all_mutexes::add(*this); }
fork_mutex::~fork_mutex() { all_mutexes::remove(*this); }

void all_mutexes::add(fork_mutex& m) noexcept {
  row& r = row_of(static_cast<std::size_t>(m.row_));
  const std::lock_guard lock(r.mutex);
  m.next_ = r.first;
  if (r.first != nullptr) r.first->previous_ = &m;
  r.first = &m;
}

void all_mutexes::remove(fork_mutex& m) noexcept {
  row& r = row_of(static_cast<std::size_t>(m.row_));
  const std::lock_guard lock(r.mutex);
  (m.previous_ != nullptr ? m.previous_->next_ : r.first) = m.next_;
  if (m.next_ != nullptr) m.next_->previous_ = m.previous_;
}

void all_mutexes::lock() {
  // A row's own mutex keeps its mutexes together. Whoever wants to add one to it holds none of the
  // row, so nobody waits here for somebody who waits for this thread.
  for (std::size_t r = 0; r < lock_rows; ++r) {
    row_of(r).mutex.lock();
    for (fork_mutex* m = row_of(r).first; m != nullptr; m = m->next_) m->lock();
  }
}

void all_mutexes::unlock() {
  for (std::size_t r = lock_rows; r-- > 0;) {
    for (fork_mutex* m = row_of(r).first; m != nullptr; m = m->next_) m->unlock();
    row_of(r).mutex.unlock();
  }
}

}  // namespace exalloc
