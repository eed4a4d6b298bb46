#include "request_queue.hpp"

namespace exalloc::sim {

void request_queue::execute(request& r) {
  try {
    r.call();
  } catch (...) {
    r.failure = std::current_exception();
  }
}

request_queue::request& request_queue::take_first() {
  request& r = *first_;
  first_ = r.next;
  --waiting_;
  return r;
}

// Requests lie on the stacks of those that wait, so they are woken under the lock.
void request_queue::serve(request& mine) {
  std::unique_lock lock(mutex_);
  if (somebody_serves_) {
    (first_ == nullptr ? first_ : last_->next) = &mine;
    last_ = &mine;
    ++waiting_;
    mine.changed.wait(lock, [&] { return mine.state != request::waits; });
  }
  if (mine.state != request::is_done) {
    somebody_serves_ = true;
    lock.unlock();
    execute(mine);
    lock.lock();
    for (unsigned served = 0; served < most_for_others && first_ != nullptr; ++served) {
      request& r = take_first();
      lock.unlock();
      execute(r);
      lock.lock();
      r.state = request::is_done;
      r.changed.notify_one();
    }
    if (first_ != nullptr) {
      request& heir = take_first();
      heir.state = request::may_serve;
      heir.changed.notify_one();
    } else {
      somebody_serves_ = false;
    }
  }
  lock.unlock();
  if (mine.failure) std::rethrow_exception(mine.failure);
}

}  // namespace exalloc::sim
