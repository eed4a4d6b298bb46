#include "pool/quota.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <vector>

#include "fork_mutex.hpp"
#include "mapped_array.hpp"
#include "pool/settings.hpp"

namespace exalloc {
namespace {

struct free_records {
  fork_mutex mutex{lock_row::last};
  std::uint32_t made = 2;  // the system and the default requestor
  std::vector<std::uint16_t> numbers;
};
// Never destroyed.
free_records& unused() {
  alignas(free_records) static std::byte storage[sizeof(free_records)];
  static free_records* const instance = ::new (storage) free_records;
  return *instance;
}

// Whom the thread acts for; null: the default one. Without a destructor, so that it can be used by
// other thread_local objects' destructors.
constinit thread_local requestor* acting_for = nullptr;

// Leaves it when the thread ends.
struct acting_end {
  ~acting_end() { requestor_table::get().enter(nullptr); }
  void arm() const noexcept {}
};
thread_local const acting_end at_end;

void begin(requestor& r, std::string_view name, std::uint64_t paged,
           std::uint64_t nonpaged) noexcept {
  const std::size_t length = std::min(name.size(), r.name.size() - 1);
  std::memcpy(r.name.data(), name.data(), length);
  r.name[length] = '\0';
  for (std::size_t kind = 0; kind < pool_kinds; ++kind) {
    requestor::account& a = r.accounts[kind];
    a.limit.store(static_cast<pool_kind>(kind) == pool_kind::paged ? paged : nonpaged,
                  std::memory_order_relaxed);
    for (auto* count : {&a.used, &a.peak, &a.blocks, &a.refused})
      count->store(0, std::memory_order_relaxed);
  }
  r.uses.store(1, std::memory_order_relaxed);
  r.alive.store(true, std::memory_order_release);
}

}  // namespace

requestor_table& requestor_table::get() {
  alignas(requestor_table) static std::byte storage[sizeof(requestor_table)];
  static requestor_table* const instance = [] {
    static_assert(std::is_trivially_destructible_v<requestor>);
    alignas(mapped_array<requestor>) static std::byte memory[sizeof(mapped_array<requestor>)];
    auto* records = ::new (memory) mapped_array<requestor>(most);
    auto* table = ::new (storage) requestor_table(records->data());
    begin(table->system(), "system", UINT64_MAX, UINT64_MAX);
    begin(table->default_one(), "default", size_setting("EXALLOC_QUOTA_PAGED", UINT64_MAX),
          size_setting("EXALLOC_QUOTA_NONPAGED", UINT64_MAX));
    return table;
  }();
  return *instance;
}

requestor& requestor_table::create(std::string_view name, std::uint64_t paged,
                                   std::uint64_t nonpaged) {
  free_records& free = unused();
  const std::lock_guard lock(free.mutex);
  std::uint16_t number;
  if (!free.numbers.empty()) {
    number = free.numbers.back();
    free.numbers.pop_back();
  } else {
    if (free.made == most) throw std::bad_alloc();
    // So that giving it back never fails.
    free.numbers.reserve(free.made + 1);
    number = static_cast<std::uint16_t>(free.made++);
  }
  begin(of(number), name, paged, nonpaged);
  return of(number);
}

bool requestor_table::is_one(const requestor* r) const noexcept {
  const auto offset =
      reinterpret_cast<std::uintptr_t>(r) - reinterpret_cast<std::uintptr_t>(records_);
  return offset < most * sizeof(requestor) && offset % sizeof(requestor) == 0 &&
         r->alive.load(std::memory_order_acquire);
}

bool requestor_table::destroy(requestor* r) noexcept {
  // The first two are nobody's to destroy; of two calls at the same moment one does it.
  if (!is_one(r) || number_of(*r) <= default_number || !r->alive.exchange(false)) return false;
  unuse(*r);
  return true;
}

void requestor_table::unuse(requestor& r) noexcept {
  if (r.uses.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  free_records& free = unused();
  const std::lock_guard lock(free.mutex);
  free.numbers.push_back(number_of(r));
}

requestor* requestor_table::enter(requestor* r) {
  if (r == &default_one()) r = nullptr;
  if (r != nullptr && !is_one(r))
    throw std::invalid_argument("exalloc_requestor_enter: not a requestor, or destroyed already");
  requestor* former = acting_for;
  if (r == former) return former;
  if (r != nullptr) {
    at_end.arm();
    r->uses.fetch_add(1, std::memory_order_relaxed);
  }
  acting_for = r;
  if (former != nullptr) unuse(*former);
  return former;
}

std::uint16_t requestor_table::current() const noexcept {
  return acting_for != nullptr ? number_of(*acting_for) : default_number;
}

bool requestor_table::charge(std::uint16_t number, pool_kind kind, std::uint64_t bytes) noexcept {
  requestor& r = of(number);
  requestor::account& a = r.accounts[static_cast<std::size_t>(kind)];
  const std::uint64_t limit = a.limit.load(std::memory_order_relaxed);
  std::uint64_t used = a.used.load(std::memory_order_relaxed);
  do {
    if (bytes > limit || used > limit - bytes) {
      a.refused.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!a.used.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  std::uint64_t peak = a.peak.load(std::memory_order_relaxed);
  while (peak < used + bytes &&
         !a.peak.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
  }
  a.blocks.fetch_add(1, std::memory_order_relaxed);
  r.uses.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void requestor_table::release(std::uint16_t number, pool_kind kind, std::uint64_t bytes) noexcept {
  requestor& r = of(number);
  requestor::account& a = r.accounts[static_cast<std::size_t>(kind)];
  a.used.fetch_sub(bytes, std::memory_order_relaxed);
  a.blocks.fetch_sub(1, std::memory_order_relaxed);
  unuse(r);
}

}  // namespace exalloc
