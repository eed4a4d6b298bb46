// What is wrong with a file or a process that the user named, as one sentence: what, where and what
// to do.
#pragma once

#include <stdexcept>

namespace exalloc {

struct input_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace exalloc
