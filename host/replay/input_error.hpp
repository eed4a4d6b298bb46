// What is wrong with a trace file, as one sentence for the user: what, where and what to do.
#pragma once

#include <stdexcept>

namespace exalloc::replay {

struct input_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace exalloc::replay
