#include "life.hpp"

#include <pthread.h>

#include "core.hpp"
#include "current.hpp"
#include "fence.hpp"
#include "fork_mutex.hpp"
#include "watcher.hpp"

namespace exalloc {
namespace {

void in_child() {
  all_mutexes::unlock();
  core* c = core::opened();
  if (c == nullptr) return;
  enable_heavy_fence();
  watcher::get().forget_thread();
  c->processors.forget_threads();
  if (processor* p = own_processor()) p->owner.begin();
  c->card_driver.leave_to_parent();
}

}  // namespace

void prepare_for_forks() { ::pthread_atfork(all_mutexes::lock, all_mutexes::unlock, in_child); }

}  // namespace exalloc
