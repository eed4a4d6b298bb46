#include "registry.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "errors.hpp"
#include "lookaside.hpp"
#include "status/status_page.hpp"

namespace exalloc {

processor& registry::add(std::uint32_t portal) {
  prepare_status_writer(portal);
  all_.push_back(std::make_unique<processor>(driver_, tokens_, active_, portal));
  return *all_.back();
}

processor* registry::acquire() {
  const std::lock_guard lock(mutex);
  if (idle_.empty()) {
    // The last portal is the shared processor's.
    if (made_ + 1 >= driver_.geometry().portals) return nullptr;
    const auto portal = driver_.take_portal();
    if (!portal) return nullptr;
    idle_.push_back(&add(*portal));
    ++made_;
  }
  processor* p = idle_.back();
  idle_.pop_back();
  active_.fetch_add(1, std::memory_order_relaxed);
  return p;
}

processor* registry::enter() {
  processor* p = acquire();
  if (p == nullptr) p = adopt();
  if (p == nullptr) return nullptr;
  p->owner.begin();
  p->threads_own = true;
  return p;
}

void registry::leave(processor& p) {
  p.threads_own = false;
  p.owner.end();
  release(p);
}

processor* registry::adopt() {
  processor* found = nullptr;
  {
    const std::lock_guard lock(mutex);
    for (const auto& p : all_) {
      if (!p->threads_own || !p->owner.begin()) continue;
      p->threads_own = false;
      p->owner.end();
      found = p.get();
      break;
    }
  }
  if (found == nullptr) return nullptr;
  release(*found);
  return acquire();
}

void registry::forget_threads() {
  for (const auto& p : all_) p->forget_thread();
}

void registry::release(processor& p) {
  orphans left;
  {
    const std::lock_guard lock(p.mutex);
    p.flush();
    flush_lookasides(p, left);
  }
  {
    const std::lock_guard lock(mutex);
    idle_.push_back(&p);
    active_.fetch_sub(1, std::memory_order_relaxed);
  }
  free_orphans(left);
}

processor& registry::shared() {
  const std::lock_guard lock(mutex);
  if (shared_ == nullptr) {
    const auto portal = driver_.take_portal();
    if (!portal) throw std::runtime_error("exalloc: the card has no portal left");
    shared_ = &add(*portal);
    active_.fetch_add(1, std::memory_order_relaxed);
    post_error(
        {fmt::format("more threads than the card's {} portals: further ones share one processor, "
                     "under a lock",
                     driver_.geometry().portals),
         "ok", nullptr, 0, 0, static_cast<std::int32_t>(shared_->portal_number())});
  }
  return *shared_;
}

}  // namespace exalloc
