// The context of a Verilated model.
#pragma once

#include <verilated.h>

namespace exalloc::sim {

// Without this a context starts a thread for every processor of the machine, which our models,
// built for one thread, never use; and in a child of fork() it would wait for them at its end.
class model_context : public VerilatedContext {
 public:
  model_context() { threads(1); }
};

}  // namespace exalloc::sim
