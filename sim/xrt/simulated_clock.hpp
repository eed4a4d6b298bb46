// What a simulated card below XRT offers beside XRT's interface: its clock. Programs that measure
// it find `exalloc_simulated_clock` in libxrt_core.so.2; a real card's has none.
#pragma once

#include <cstdint>
#include <functional>

#include "platform/platform.hpp"

namespace exalloc::sim {

// Thread safe.
class simulated_clock {
 public:
  // While it is held, time passes in run() and in register reads only, not by itself.
  virtual void hold(bool on) = 0;
  virtual picoseconds now() = 0;
  // Lets time pass up to `until`, or to where `line`, told the device address of each line that
  // processors see, returns true. Throws what platform::run throws.
  virtual void run(picoseconds until, const std::function<bool(std::uint64_t)>& line) = 0;
  virtual bool quiet() = 0;
  virtual platform::traffic counted() = 0;

 protected:
  ~simulated_clock() = default;
};

inline constexpr const char* simulated_clock_name = "exalloc_simulated_clock";
using get_simulated_clock = simulated_clock* (*)();

}  // namespace exalloc::sim
