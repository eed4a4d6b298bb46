// Tells whether the thread that took something is still there.
#pragma once

#include <errno.h>
#include <pthread.h>

namespace exalloc {

// A robust mutex that a thread holds as long as it owns what this stands for: the system gives it
// free when the thread ends, in whatever way.
class presence {
 public:
  presence() noexcept { make(); }
  ~presence() { ::pthread_mutex_destroy(&mutex_); }
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;

  // The calling thread becomes the owner; false if another one, alive, is.
  bool begin() noexcept {
    const int result = ::pthread_mutex_trylock(&mutex_);
    if (result == EOWNERDEAD) ::pthread_mutex_consistent(&mutex_);
    return result == 0 || result == EOWNERDEAD;
  }
  // By the owner.
  void end() noexcept { ::pthread_mutex_unlock(&mutex_); }
  // In the child of a fork, where the owner is not there or has another number.
  void forget() noexcept { make(); }

 private:
  void make() noexcept {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }

  pthread_mutex_t mutex_;
};

}  // namespace exalloc
