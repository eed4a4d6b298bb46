#include "pool/open_pool.hpp"

#include <exception>
#include <mutex>

#include "errors.hpp"
#include "fork_mutex.hpp"
#include "from_environment.hpp"
#include "pool/attention.hpp"
#include "pool/findings.hpp"
#include "pool/leaks.hpp"
#include "pool/quota.hpp"
#include "pool/settings.hpp"
#include "pool/verifier.hpp"

namespace exalloc {
namespace detail {
constinit std::atomic<pool_memory*> opened_memory{nullptr};
}

namespace {

fork_mutex opening{lock_row::pool_opening};

void apply_environment(pool_memory& m) {
  requestor_table::get();
  m.set_limit(pool_kind::paged, size_setting("EXALLOC_PAGED_LIMIT", UINT64_MAX));
  m.set_limit(pool_kind::nonpaged, size_setting("EXALLOC_NONPAGED_LIMIT", UINT64_MAX));
  if (const auto text = text_from_environment("EXALLOC_INJECT"); !text.empty()) {
    if (const auto s = parse_injection(text)) {
      verifier::inject(*s);
    } else {
      report_setting("EXALLOC_INJECT", "every=N or once, then perhaps ,tag=Name");
    }
  }
  if (const auto text = text_from_environment("EXALLOC_GUARD"); !text.empty()) {
    if (const auto s = parse_guard(text)) {
      verifier::guard(*s);
    } else {
      report_setting("EXALLOC_GUARD", "all or tag=Name");
    }
  }
  if (const auto text = text_from_environment("EXALLOC_LEAKS"); text == "1") {
    report_leaks_at_exit();
  } else if (!text.empty() && text != "0") {
    report_setting("EXALLOC_LEAKS", "0 or 1");
  }
}

}  // namespace

pool_memory& open_pool() {
  if (pool_memory* m = detail::opened_memory.load(std::memory_order_acquire)) return *m;
  pool_memory& m = pool_memory::get();
  {
    const std::lock_guard lock(opening);
    if (detail::opened_memory.load(std::memory_order_acquire) != nullptr) return m;
    apply_environment(m);
    take_findings();
    m.describe_to(detail::pool_short_way);
    detail::opened_memory.store(&m, std::memory_order_release);
    attention::set(attention::not_open, false);
  }
  // What the environment says wrongly; the handler may call exalloc, so without the lock.
  deliver_errors();
  return m;
}

pool_memory* open_pool_or_report() noexcept {
  try {
    return &open_pool();
  } catch (const std::exception& e) {
    report_error({e.what(), "ok", nullptr, 0, 0, -1});
    return nullptr;
  }
}

}  // namespace exalloc
