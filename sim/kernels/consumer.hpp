// A kernel that frees: takes blocks from the host, checks what is in them, pushes their tokens into
// its stream port.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "exalloc/card.hpp"
#include "exalloc/kernel.hpp"

namespace exalloc::sim {

class consumer final : public stream_kernel {
 public:
  // Blocks lie in `zone`; `device` outlives the kernel.
  consumer(card& device, std::vector<kernel::segment> zone)
      : device_(device), zone_(std::move(zone)) {}

  void clock(stream_pins& pins) override;
  bool busy() const override;

  // ---- The host's side; any thread ----

  // A block for it to free, whose first 8 bytes must be `pattern` until then.
  void consume(kernel::token block, std::uint64_t pattern);
  // Tokens the port has taken.
  std::uint64_t consumed() const;
  // Blocks that did not hold their pattern.
  std::uint64_t spoiled() const;

 private:
  struct job {
    kernel::token block;
    std::uint64_t pattern;
  };
  card& device_;
  const std::vector<kernel::segment> zone_;
  mutable std::mutex mutex_;
  std::deque<job> jobs_;
  bool offering_ = false;
  std::uint64_t consumed_ = 0, spoiled_ = 0;
};

}  // namespace exalloc::sim
