// The kernels' side of a stream port: its pins, as the streams of C++ functions.
#pragma once

#include <cstdint>
#include <optional>

#include "exalloc/card.hpp"
#include "hls_stream.h"
#include "xrt/kernel_turns.hpp"

namespace exalloc::sim {

// As HLS makes them with register_mode=off for `pop`: a token is taken when the kernel reads, not
// before. A register holds what it writes until the port takes it. One kernel may have `pop` and
// another one `push`.
class kernel_port final : public stream_kernel {
 public:
  explicit kernel_port(kernel_turns& turns) : pop(*this), push(*this), turns_(turns) {}

  void clock(stream_pins& pins) override {
    kernel_turns::lock l = turns_.take();
    turns_.rest(l);
    if (pins.popped()) {
      taken_ = pins.pop_token;
      reading_ = false;
    }
    if (pins.pushed()) offered_.reset();
    offers_ = pins.pop_valid && !pins.popped();
    ++edges_;
    turns_.let_go(l);
    pins.pop_ready = ready_ = reading_;
    pins.push_valid = valid_ = offered_.has_value();
    pins.push_token = offered_.value_or(0);
  }
  bool busy() const override {
    const kernel_turns::lock l = turns_.take();
    return ready_ != reading_ || valid_ != offered_.has_value();
  }

  class pop_side final : public hls::wire {
   public:
    explicit pop_side(kernel_port& p) : p_(p) {}
    // A kernel that looks again and again lets a cycle pass each time.
    bool empty() override {
      kernel_turns::lock l = p_.turns_.take();
      if (!p_.offers_) p_.next_edge(l);
      return !p_.offers_;
    }
    bool full() override { return true; }
    std::uint64_t read() override {
      kernel_turns::lock l = p_.turns_.take();
      p_.reading_ = true;
      p_.turns_.wait(l, [this] { return p_.taken_.has_value(); });
      const std::uint32_t out = *p_.taken_;
      p_.taken_.reset();
      return out;
    }
    void write(std::uint64_t) override {}

   private:
    kernel_port& p_;
  } pop;

  class push_side final : public hls::wire {
   public:
    explicit push_side(kernel_port& p) : p_(p) {}
    bool empty() override { return true; }
    bool full() override {
      kernel_turns::lock l = p_.turns_.take();
      if (p_.offered_) p_.next_edge(l);
      return p_.offered_.has_value();
    }
    std::uint64_t read() override { return 0; }
    void write(std::uint64_t token) override {
      kernel_turns::lock l = p_.turns_.take();
      if (p_.offered_) p_.turns_.wait(l, [this] { return !p_.offered_; });
      p_.offered_ = static_cast<std::uint32_t>(token);
    }
    // Until the port has taken all.
    void drain() {
      kernel_turns::lock l = p_.turns_.take();
      if (p_.offered_) p_.turns_.wait(l, [this] { return !p_.offered_; });
    }

   private:
    kernel_port& p_;
  } push;

 private:
  void next_edge(kernel_turns::lock& l) {
    turns_.wait(l, [this, now = edges_] { return edges_ != now; });
  }

  kernel_turns& turns_;  // whose lock is held for all below
  std::uint64_t edges_ = 0;
  bool reading_ = false;                  // a kernel waits for a token
  bool offers_ = false;                   // the port, a token
  std::optional<std::uint32_t> taken_;    // for who waits
  std::optional<std::uint32_t> offered_;  // to the port
  bool ready_ = false, valid_ = false;    // on the pins
};

}  // namespace exalloc::sim
