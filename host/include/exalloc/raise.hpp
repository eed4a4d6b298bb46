// Raised statuses as C++ exceptions.
#pragma once

#include <cstdio>
#include <exception>

#include "exalloc/exalloc.h"

namespace exalloc {

class nt_status_error : public std::exception {
 public:
  explicit nt_status_error(NTSTATUS status) noexcept : status_(status) {
    std::snprintf(text_, sizeof text_, "status 0x%08X was raised", static_cast<unsigned>(status));
  }
  NTSTATUS status() const noexcept { return status_; }
  const char* what() const noexcept override { return text_; }

 private:
  NTSTATUS status_;
  char text_[40];
};

// From now on a call of any thread that raises throws nt_status_error; for programs whose callers
// of such routines are C++ throughout.
inline void throw_raised_statuses() {
  exalloc_set_raise_handler([](NTSTATUS status, void*) { throw nt_status_error(status); }, nullptr);
}

}  // namespace exalloc
