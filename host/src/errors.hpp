// How wrong use and refusals reach the program: the error handler and exalloc_last_error.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "exalloc/exalloc.h"
#include "no_cancel.hpp"

namespace exalloc {

struct error_report {
  std::string what;   // one sentence
  std::string cause;  // a status name of regs/exalloc.json
  void* address = nullptr;
  std::uint32_t token = 0;
  std::uint32_t list = 0;
  std::int32_t portal = -1;
  std::int32_t stream_port = -1;
};

// Sets the calling thread's last error.
void set_last_error(const std::string& what) noexcept;
// Tells the handler at once, so only where no lock is held: a handler may call exalloc.
void report_error(const error_report& error) noexcept;
// Keeps an error found under a lock for deliver_errors.
void post_error(error_report error);
// Tells the handler of posted errors; called at the end of every slow path, without locks.
void deliver_errors() noexcept;
std::uint64_t errors_reported() noexcept;
// From now on `takes` is asked first about every error that would be told to the handler; what it
// takes is its own to tell, some other way. It is called without locks.
void set_error_taker(bool (*takes)(const error_report& error) noexcept) noexcept;

// Runs what a routine of the C interface does: 0, or -1 with exalloc_last_error set if it throws.
template <class Call>
int guarded(Call&& call) noexcept {
  const no_cancel here;
  int result = 0;
  try {
    call();
  } catch (const std::exception& e) {
    set_last_error(e.what());
    result = -1;
  }
  deliver_errors();
  return result;
}

}  // namespace exalloc
