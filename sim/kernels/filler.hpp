// A kernel that fills blocks in the card's own memory: takes tokens from its stream port, writes
// every byte of the blocks, reads them back, and tells the host.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "exalloc/kernel.hpp"
#include "memory_kernel.hpp"

namespace exalloc::sim {

class filler final : public memory_kernel {
 public:
  explicit filler(std::vector<kernel::segment> zone) : zone_(std::move(zone)) {}

  // What byte `i` of a block is to be.
  static unsigned char byte_of(kernel::token t, std::uint32_t i) {
    return static_cast<unsigned char>(t * 37 + i * 11 + i / 256);
  }

  void clock(stream_pins& pins) override;
  bool busy() const override;
  std::optional<memory_access> ask() override;
  void answered(const memory_access& access, memory_response response) override;

  // ---- The host's side; any thread ----

  // Lets it fill so many blocks more.
  void fill(std::uint32_t blocks);
  struct result {
    kernel::token block;
    bool there;  // no access was answered with an error
    bool kept;   // what was read back is what was written
  };
  std::optional<result> take();

 private:
  // The block at work: all of it is written, then all of it read.
  struct job {
    result about;
    std::uint64_t address;
    std::uint32_t bytes;
    bool reads = false;
    std::uint32_t asked = 0, answered = 0;  // bytes
  };

  const std::vector<kernel::segment> zone_;
  mutable std::mutex mutex_;
  bool ready_ = false;  // on the pins
  std::uint32_t wanted_ = 0;
  std::deque<job> jobs_;  // the first is at work
  std::deque<result> results_;
};

}  // namespace exalloc::sim
