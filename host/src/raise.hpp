// Raising a status, as NT's ExRaiseStatus does.
#pragma once

#include "exalloc/wdm.h"

namespace exalloc {

// Calls the handler of exalloc_set_raise_handler, which does not return; aborts if it does. Without
// locks.
[[noreturn]] void raise_status(NTSTATUS status);

}  // namespace exalloc
