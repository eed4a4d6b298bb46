#include "producer.hpp"

#include "pattern.hpp"

namespace exalloc::sim {

void producer::clock(stream_pins& pins) {
  const std::lock_guard lock(mutex_);
  if (pins.popped()) {
    --wanted_;
    const kernel::token t = pins.pop_token;
    const std::uint64_t address =
        kernel::address(zone_.data(), static_cast<unsigned>(zone_.size()), t);
    if (address == 0) {
      ++strangers_;
    } else {
      const product p{t, pattern_of(t, ++made_)};
      write_pattern(device_.memory_at(address, sizeof p.pattern), p.pattern);
      products_.push_back(p);
    }
  }
  pins.pop_ready = ready_ = wanted_ != 0;
}

// Once it is ready it waits for its port: the pins change when a token comes.
bool producer::busy() const {
  const std::lock_guard lock(mutex_);
  return ready_ != (wanted_ != 0);
}

void producer::produce(std::uint32_t blocks) {
  const std::lock_guard lock(mutex_);
  wanted_ += blocks;
}

std::optional<producer::product> producer::take() {
  const std::lock_guard lock(mutex_);
  if (products_.empty()) return std::nullopt;
  const product p = products_.front();
  products_.pop_front();
  return p;
}

std::uint32_t producer::strangers() const {
  const std::lock_guard lock(mutex_);
  return strangers_;
}

}  // namespace exalloc::sim
