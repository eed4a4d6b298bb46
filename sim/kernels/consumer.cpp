#include "consumer.hpp"

#include "pattern.hpp"

namespace exalloc::sim {

void consumer::clock(stream_pins& pins) {
  const std::lock_guard lock(mutex_);
  if (pins.pushed()) {
    ++consumed_;
    offering_ = false;
  }
  if (!offering_ && !jobs_.empty()) {
    const job j = jobs_.front();
    jobs_.pop_front();
    const std::uint64_t address =
        kernel::address(zone_.data(), static_cast<unsigned>(zone_.size()), j.block);
    if (address != 0 && read_pattern(device_.memory_at(address, sizeof j.pattern)) != j.pattern)
      ++spoiled_;
    pins.push_token = j.block;
    offering_ = true;
  }
  pins.push_valid = offering_;
}

bool consumer::busy() const {
  const std::lock_guard lock(mutex_);
  return !jobs_.empty();
}

void consumer::consume(kernel::token block, std::uint64_t pattern) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({block, pattern});
}

std::uint64_t consumer::consumed() const {
  const std::lock_guard lock(mutex_);
  return consumed_;
}

std::uint64_t consumer::spoiled() const {
  const std::lock_guard lock(mutex_);
  return spoiled_;
}

}  // namespace exalloc::sim
