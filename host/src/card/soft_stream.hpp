// A stream port: tokens of one list to and from a kernel on the card (docs/protocol.md, "Stream
// ports").
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "card/soft_counters.hpp"
#include "card/soft_line.hpp"
#include "card/soft_slabs.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

// The specification fixes which tokens a port may hand out and what becomes of those pushed, not
// the cycle in which it does so. This one asks for a bank's blocks whenever it holds fewer than a
// grant can bring, and is always ready to take a token.
class stream_port {
 public:
  stream_port(unsigned number, slab_engine& slabs, event_counters& counters)
      : number_(number), slabs_(&slabs), counters_(&counters) {}

  // Registers of the port's window.
  // With pop cleared, or for another list or domain, the token that is offered goes back too.
  void configure(std::uint32_t config, stream_pins& pins);
  std::uint32_t config() const { return config_; }
  std::uint32_t status_word() const;
  std::uint32_t popped() const { return popped_; }
  std::uint32_t pushed() const { return pushed_; }
  std::uint32_t refused() const { return refused_; }

  // One cycle: completes the handshakes that stand on the pins, then drives the port's side.
  void clock(stream_pins& pins);
  // Nothing will happen before somebody acts on the pins, the registers or the list.
  bool quiet() const;

  // RECALL of a list. If it is the port's: gives back what is held, executes what is gathered, and
  // asks for nothing for a while.
  void recall(unsigned list);

  // Errors since the last call; their portal is the number of the port.
  bool has_errors() const { return !errors_.empty(); }
  std::vector<error_record> take_errors() { return std::exchange(errors_, {}); }

 private:
  struct piece {  // blocks of a slab that are held
    std::uint32_t slab;
    std::uint64_t mask;
  };
  bool popping() const { return regs::stream_config::pop.get(config_) != 0; }
  bool pushing() const { return regs::stream_config::push.get(config_) != 0; }
  unsigned list() const { return static_cast<unsigned>(regs::stream_config::list.get(config_)); }
  unsigned domain() const {
    return static_cast<unsigned>(regs::stream_config::domain.get(config_));
  }
  unsigned held() const;
  bool dry() const { return dry_ >= slabs_->banks(); }

  void ask();
  void give_back();
  void take(std::uint32_t token);
  void flush();
  // Gives back blocks of one slab; returns how many were accepted. Refused ones are recorded.
  unsigned release(std::uint32_t slab, const std::vector<std::uint32_t>& tokens);
  void record(regs::status s, std::uint32_t token);

  unsigned number_;
  slab_engine* slabs_;
  event_counters* counters_;
  std::uint32_t config_ = 0;
  std::uint32_t popped_ = 0, pushed_ = 0, refused_ = 0;

  std::deque<piece> held_;
  unsigned bank_ = 0;                       // to be asked next
  unsigned dry_ = 0;                        // banks asked in a row without a block
  unsigned wait_ = 0;                       // cycles until the next bank is asked
  regs::status answer_ = regs::status::ok;  // of the bank asked last

  std::vector<std::uint32_t> gathered_;  // pushed tokens of one slab, each once
  unsigned silence_ = 0;                 // cycles without a token since
  std::vector<error_record> errors_;
};

}  // namespace exalloc::soft
