#include "filler.hpp"

#include <algorithm>

namespace exalloc::sim {

void filler::clock(stream_pins& pins) {
  const std::lock_guard lock(mutex_);
  if (pins.popped()) {
    --wanted_;
    const kernel::token t = pins.pop_token;
    for (const kernel::segment& s : zone_)
      if (kernel::holds(s, t))
        jobs_.push_back({{t, true, true}, kernel::address_in(s, t), s.block_size});
  }
  pins.pop_ready = ready_ = wanted_ != 0;
}

// While it waits for memory it needs no clock.
bool filler::busy() const {
  const std::lock_guard lock(mutex_);
  return ready_ != (wanted_ != 0) || (!jobs_.empty() && jobs_.front().asked < jobs_.front().bytes);
}

std::optional<memory_access> filler::ask() {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty() || jobs_.front().asked == jobs_.front().bytes) return std::nullopt;
  job& j = jobs_.front();
  memory_access a{!j.reads, j.address + j.asked, 0, {}};
  const auto piece = static_cast<std::uint32_t>(a.data.size());
  a.bytes = std::min(piece - static_cast<std::uint32_t>(a.address % piece), j.bytes - j.asked);
  for (unsigned i = 0; i < a.bytes; ++i) a.data[i] = byte_of(j.about.block, j.asked + i);
  j.asked += a.bytes;
  return a;
}

void filler::answered(const memory_access& access, memory_response response) {
  const std::lock_guard lock(mutex_);
  job& j = jobs_.front();
  const auto first = static_cast<std::uint32_t>(access.address - j.address);
  if (response != memory_response::okay) j.about.there = false;
  for (unsigned i = 0; j.reads && i < access.bytes; ++i)
    if (access.data[i] != byte_of(j.about.block, first + i)) j.about.kept = false;
  j.answered += access.bytes;
  if (j.answered < j.bytes) return;
  if (!j.reads) {
    j.reads = true;
    j.asked = j.answered = 0;
    return;
  }
  results_.push_back(j.about);
  jobs_.pop_front();
}

void filler::fill(std::uint32_t blocks) {
  const std::lock_guard lock(mutex_);
  wanted_ += blocks;
}

std::optional<filler::result> filler::take() {
  const std::lock_guard lock(mutex_);
  if (results_.empty()) return std::nullopt;
  const result r = results_.front();
  results_.pop_front();
  return r;
}

}  // namespace exalloc::sim
