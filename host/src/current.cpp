#include "current.hpp"

#include <exception>

#include "errors.hpp"
#include "magazine.hpp"

namespace exalloc {
// Of threads that have none: all calls go to the library.
extern constinit exalloc_pool_front no_front;
}  // namespace exalloc

extern "C" {
constinit __thread exalloc_magazine* exalloc_now = &exalloc::no_magazine;
constinit __thread exalloc_pool_front* exalloc_pool_now = &exalloc::no_front;
}

namespace exalloc {

constinit exalloc_magazine no_magazine{
    &no_magazine, &no_magazine, 0, 0, 0, 0, 0, 0, 0, nullptr, 0, {}};

namespace {

constinit exalloc_pool_use no_use{nullptr, pool_use::nothing, nullptr, 0};
constexpr exalloc_pool_front make_no_front() noexcept {
  exalloc_pool_front front{};
  front.last = &no_use;
  for (auto& kind : front.by_size)
    for (auto& use : kind) use = &no_use;
  return front;
}

}  // namespace
constinit exalloc_pool_front no_front = make_no_front();

constinit thread_local processor* fast_processor __attribute__((tls_model("initial-exec"))) =
    nullptr;

namespace {

// Without a destructor, so that it can be used by other thread_local objects' destructors.
struct thread_state {
  processor* own = nullptr;              // from the registry
  exalloc_processor* entered = nullptr;  // overrides it
  bool no_own = false;                   // no portal was left, or the thread is at its end
};
constinit thread_local thread_state thread;

// Without membarrier no thread may go without its processor's lock.
void set_fast(const core& c, processor* p) noexcept {
  exalloc::set_fast(c.lock_free ? p : nullptr);
}

// Leaves the thread's processor when the thread ends.
struct thread_end {
  ~thread_end() {
    exalloc::set_fast(nullptr);
    thread.no_own = true;
    if (thread.entered != nullptr) thread.entered->entered.store(false, std::memory_order_release);
    thread.entered = nullptr;
    processor* p = thread.own;
    thread.own = nullptr;
    core* c = core::opened();
    if (p == nullptr || c == nullptr) return;
    try {
      c->processors.leave(*p);
    } catch (const std::exception& e) {
      post_error({e.what(), "ok", nullptr, 0, 0, -1});
    }
    deliver_errors();
  }
  void arm() const noexcept {}
};
thread_local const thread_end at_end;

}  // namespace

void set_fast(processor* p) noexcept {
  fast_processor = p;
  exalloc_now = &no_magazine;
  exalloc_pool_now = p != nullptr ? &p->front : &no_front;
}

processor_use::processor_use(core& c) {
  if (thread.entered == nullptr && thread.own == nullptr && !thread.no_own) {
    at_end.arm();
    thread.own = c.processors.enter();
    thread.no_own = thread.own == nullptr;
    set_fast(c, thread.own);
  }
  processor_ = thread.entered != nullptr ? thread.entered->own : thread.own;
  if (processor_ == nullptr) {
    processor_ = &c.processors.shared();
    shared_ = std::unique_lock(c.processors.shared_use);
  }
}

bool enter_processor(core& c, exalloc_processor* p) noexcept {
  if (p == thread.entered) return true;
  if (p != nullptr && p->entered.exchange(true, std::memory_order_acquire)) return false;
  if (p != nullptr) at_end.arm();
  if (thread.entered != nullptr) thread.entered->entered.store(false, std::memory_order_release);
  thread.entered = p;
  set_fast(c, p != nullptr ? p->own : thread.own);
  return true;
}

processor* own_processor() noexcept { return thread.own; }

std::int32_t current_portal() noexcept {
  const processor* p = thread.entered != nullptr ? thread.entered->own : thread.own;
  return p != nullptr ? static_cast<std::int32_t>(p->portal_number()) : -1;
}

}  // namespace exalloc
