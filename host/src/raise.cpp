#include "raise.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "exalloc/exalloc.h"
#include "fork_mutex.hpp"

namespace exalloc {
namespace {

struct raise_handler {
  exalloc_raise_handler call = nullptr;
  void* context = nullptr;
};
fork_mutex handler_mutex{lock_row::last};
constinit raise_handler handler;

}  // namespace

void raise_status(NTSTATUS status) {
  raise_handler h;
  {
    const std::lock_guard lock(handler_mutex);
    h = handler;
  }
  if (h.call != nullptr) h.call(status, h.context);
  std::fprintf(stderr, "exalloc: status 0x%08X was raised and %s\n", static_cast<unsigned>(status),
               h.call != nullptr ? "the handler returned"
                                 : "there is no handler (exalloc_set_raise_handler)");
  std::abort();
}

}  // namespace exalloc

extern "C" void exalloc_set_raise_handler(exalloc_raise_handler handler, void* context) {
  const std::lock_guard lock(exalloc::handler_mutex);
  exalloc::handler = {handler, context};
}
