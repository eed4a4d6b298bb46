// Holds pthread_cancel back: a thread that is cancelled inside the library ends when it has left
// it.
#pragma once

#include <pthread.h>

namespace exalloc {

class no_cancel {
 public:
  no_cancel() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~no_cancel() { ::pthread_setcancelstate(before_, nullptr); }
  no_cancel(const no_cancel&) = delete;
  no_cancel& operator=(const no_cancel&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace exalloc
