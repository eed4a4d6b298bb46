#include "pool/verifier.hpp"

#include <atomic>
#include <mutex>
#include <new>

#include "fork_mutex.hpp"
#include "pool/attention.hpp"

namespace exalloc::verifier {
namespace {

constinit std::atomic<guard_pool*> made_guards{nullptr};
constinit std::atomic<std::uint32_t> guarded_tag{0};  // 0: all
fork_mutex making{lock_row::table};

}  // namespace

injection& failures() noexcept {
  // Never destroyed: threads may allocate until the very end.
  alignas(injection) static std::byte storage[sizeof(injection)];
  static injection* const instance = ::new (storage) injection;
  return *instance;
}

void inject(const injection_setting& setting) noexcept {
  failures().set(setting);
  attention::set(attention::injection, setting.once_per_site || setting.every != 0);
}

void guard(const guard_setting& setting) {
  const std::lock_guard lock(making);
  if (setting.on && guards() == nullptr) {
    // Never destroyed: blocks may be freed until the very end.
    alignas(guard_pool) static std::byte storage[sizeof(guard_pool)];
    made_guards.store(::new (storage) guard_pool, std::memory_order_release);
  }
  guarded_tag.store(setting.tag, std::memory_order_relaxed);
  attention::set(attention::guard, setting.on);
}

bool guarded(std::uint32_t tag) noexcept {
  const std::uint32_t only = guarded_tag.load(std::memory_order_relaxed);
  return only == 0 || same_name(only, tag);
}

guard_pool* guards() noexcept { return made_guards.load(std::memory_order_acquire); }

}  // namespace exalloc::verifier
