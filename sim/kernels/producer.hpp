// A kernel that allocates: takes tokens from its stream port, fills the blocks, hands them to the
// host.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "exalloc/card.hpp"
#include "exalloc/kernel.hpp"

namespace exalloc::sim {

class producer final : public stream_kernel {
 public:
  // Blocks lie in `zone`; `device` outlives the kernel.
  producer(card& device, std::vector<kernel::segment> zone)
      : device_(device), zone_(std::move(zone)) {}

  void clock(stream_pins& pins) override;
  bool busy() const override;

  // ---- The host's side; any thread ----

  // Lets it produce so many blocks more.
  void produce(std::uint32_t blocks);
  struct product {
    kernel::token block;
    std::uint64_t pattern;  // what its first 8 bytes are
  };
  std::optional<product> take();
  // Tokens that lie in no segment it knows: a zone that has grown, or a faulty card.
  std::uint32_t strangers() const;

 private:
  card& device_;
  const std::vector<kernel::segment> zone_;
  mutable std::mutex mutex_;
  bool ready_ = false;  // on the pins
  std::uint32_t wanted_ = 0, made_ = 0, strangers_ = 0;
  std::deque<product> products_;
};

}  // namespace exalloc::sim
