// What exalloc adds to the pool: exalloc/pool.h.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "errors.hpp"
#include "exalloc/pool.h"
#include "pool/leaks.hpp"
#include "pool/open_pool.hpp"
#include "pool/quota.hpp"
#include "pool/tag_table.hpp"
#include "pool/verifier.hpp"

namespace exalloc {
namespace {

pool_kind kind_of(POOL_TYPE type) {
  if (type == PagedPool) return pool_kind::paged;
  if (type == NonPagedPool) return pool_kind::nonpaged;
  throw std::invalid_argument("exalloc_pool_...: the kind is neither NonPagedPool nor PagedPool");
}

exalloc_quota_account account_of(const requestor& r, pool_kind kind) noexcept {
  const requestor::account& a = r.accounts[static_cast<std::size_t>(kind)];
  return {a.limit.load(std::memory_order_relaxed), a.used.load(std::memory_order_relaxed),
          a.peak.load(std::memory_order_relaxed), a.blocks.load(std::memory_order_relaxed),
          a.refused.load(std::memory_order_relaxed)};
}

}  // namespace
}  // namespace exalloc

using exalloc::guarded;
using exalloc::requestor_table;

extern "C" {

exalloc_requestor* exalloc_requestor_create(const char* name, uint64_t paged_limit,
                                            uint64_t nonpaged_limit) {
  exalloc_requestor* made = nullptr;
  guarded([&] {
    made = &requestor_table::get().create(name != nullptr ? name : "", paged_limit, nonpaged_limit);
  });
  return made;
}

int exalloc_requestor_destroy(exalloc_requestor* requestor) {
  return guarded([&] {
    if (!requestor_table::get().destroy(requestor))
      throw std::invalid_argument(
          "exalloc_requestor_destroy: not a requestor that exalloc_requestor_create made, or "
          "destroyed already");
  });
}

exalloc_requestor* exalloc_requestor_enter(exalloc_requestor* requestor) {
  exalloc_requestor* former = nullptr;
  try {
    former = requestor_table::get().enter(requestor);
  } catch (const std::exception& e) {
    exalloc::report_error({e.what(), "ok", nullptr, 0, 0, -1});
  }
  return former;
}

exalloc_requestor* exalloc_requestor_system(void) {
  exalloc_requestor* system = nullptr;
  guarded([&] { system = &requestor_table::get().system(); });
  return system;
}

int exalloc_requestor_query(const exalloc_requestor* requestor, exalloc_requestor_usage* usage) {
  return guarded([&] {
    requestor_table& table = requestor_table::get();
    const exalloc_requestor* r = requestor != nullptr ? requestor : &table.default_one();
    if (!table.is_one(r))
      throw std::invalid_argument("exalloc_requestor_query: not a requestor, or destroyed already");
    std::memcpy(usage->name, r->name.data(), r->name.size());
    usage->nonpaged = exalloc::account_of(*r, exalloc::pool_kind::nonpaged);
    usage->paged = exalloc::account_of(*r, exalloc::pool_kind::paged);
  });
}

int exalloc_pool_set_limit(POOL_TYPE kind, uint64_t bytes) {
  return guarded([&] { exalloc::open_pool().set_limit(exalloc::kind_of(kind), bytes); });
}

int exalloc_pool_query(POOL_TYPE kind, exalloc_pool_usage* usage) {
  return guarded([&] {
    const exalloc::pool_usage u = exalloc::open_pool().usage(exalloc::kind_of(kind));
    *usage = {u.held, u.locked, u.limit, u.reserve, u.big_blocks, u.big_pages};
  });
}

size_t exalloc_pool_trim(void) {
  size_t bytes = 0;
  guarded([&] { bytes = exalloc::open_pool().trim(); });
  return bytes;
}

size_t exalloc_pool_tags(exalloc_tag_usage* rows, size_t room) {
  size_t count = 0;
  guarded([&] {
    for (const exalloc::tag_usage& u : exalloc::tag_usages()) {
      if (count < room)
        rows[count] = {u.tag, u.kind == exalloc::pool_kind::paged ? PagedPool : NonPagedPool,
                       u.allocations, u.frees, u.bytes};
      ++count;
    }
  });
  return count;
}

uint64_t exalloc_pool_report_leaks(void) {
  uint64_t blocks = 0;
  guarded([&] { blocks = exalloc::report_leaks(); });
  return blocks;
}

int exalloc_pool_inject(const exalloc_injection* injection) {
  return guarded([&] {
    // The environment's setting comes first, and is replaced.
    exalloc::open_pool();
    exalloc::injection_setting setting;
    if (injection != nullptr)
      setting = {injection->every, injection->once_per_site != 0, injection->tag};
    exalloc::verifier::inject(setting);
  });
}

uint64_t exalloc_pool_injected(void) { return exalloc::verifier::failures().injected(); }

int exalloc_pool_guard(int on, ULONG tag) {
  return guarded([&] {
    exalloc::open_pool();
    exalloc::verifier::guard({on != 0, tag});
  });
}

}  // extern "C"
