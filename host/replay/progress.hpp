// Tells on stderr how far a long run is, and nothing at all on a short one.
#pragma once

#include <chrono>
#include <cstdint>

namespace exalloc::replay {

class progress {
 public:
  progress();
  // Wipes the line on a terminal.
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  // `fraction` 0: not known.
  void operator()(double fraction, std::uint64_t lines);

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace exalloc::replay
