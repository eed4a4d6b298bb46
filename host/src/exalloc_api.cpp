// exalloc's own C interface: card, processors. Errors are in errors.cpp, zones in zone_api.cpp.
#include <exception>
#include <memory>

#include "current.hpp"
#include "errors.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "lookaside.hpp"
#include "pool/findings.hpp"

namespace exalloc {

processor_stats current_processor_stats() {
  const processor_use self(core::get());
  const std::lock_guard lock(self->mutex);
  return self->stats();
}

library_stats current_library_stats() {
  library_stats s;
  s.errors = errors_reported();
  if (const core* c = core::opened()) {
    s.recalls = c->counts.recalls.load(std::memory_order_relaxed);
    s.recalled_blocks = c->counts.recalled_blocks.load(std::memory_order_relaxed);
    s.scarce_entries = c->counts.scarce_entries.load(std::memory_order_relaxed);
  }
  return s;
}

card& current_card() { return core::get().card_driver.device(); }

}  // namespace exalloc

using exalloc::core;

extern "C" {

int exalloc_set_card(const char* name) {
  try {
    core::choose_card(name != nullptr ? name : "");
    core::get();
    return 0;
  } catch (const std::exception& e) {
    exalloc::set_last_error(e.what());
    return -1;
  }
}

const char* exalloc_card_name(void) {
  try {
    return core::get().card_driver.device().name().data();
  } catch (const std::exception& e) {
    exalloc::set_last_error(e.what());
    return nullptr;
  }
}

exalloc_processor* exalloc_processor_create(void) {
  exalloc_processor* result = nullptr;
  try {
    core& c = core::get();
    auto p = std::make_unique<exalloc_processor>();
    p->own = c.processors.acquire();
    if (p->own == nullptr) c.processors.shared();
    result = p.release();
  } catch (const std::exception& e) {
    exalloc::set_last_error(e.what());
  }
  exalloc::deliver_errors();
  return result;
}

void exalloc_processor_enter(exalloc_processor* p) {
  core* c = core::get_or_report();
  if (c != nullptr && !exalloc::enter_processor(*c, p))
    exalloc::report_error({"exalloc_processor_enter: the processor is another thread's current one",
                           "ok", nullptr, 0, 0, -1});
}

void exalloc_processor_destroy(exalloc_processor* p) {
  if (p == nullptr) return;
  if (p->entered.load(std::memory_order_acquire)) {
    exalloc::report_error(
        {"exalloc_processor_destroy: the processor is still a thread's current one; enter another "
         "one first",
         "ok", nullptr, 0, 0, -1});
    return;
  }
  const std::unique_ptr<exalloc_processor> owned(p);
  try {
    if (p->own != nullptr) core::get().processors.release(*p->own);
  } catch (const std::exception& e) {
    exalloc::set_last_error(e.what());
  }
  exalloc::deliver_errors();
}

void exalloc_processor_flush(void) {
  core* c = core::get_or_report();
  if (c == nullptr) return;
  try {
    exalloc::orphans left;
    {
      const exalloc::processor_use self(*c);
      const std::lock_guard lock(self->mutex);
      self->flush();
      exalloc::flush_lookasides(*self, left);
    }
    exalloc::free_orphans(left);
  } catch (const std::exception& e) {
    exalloc::post_error({e.what(), "ok", nullptr, 0, 0, -1});
  }
  exalloc::deliver_errors();
  exalloc::raise_findings();
}

}  // extern "C"
