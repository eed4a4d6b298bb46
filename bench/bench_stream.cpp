// Stream ports of the whole card: a kernel that is ready in every cycle.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "bench_parts.hpp"
#include "exalloc/regs.hpp"
#include "rtl_card.hpp"

namespace exalloc::bench {
namespace {

namespace off = regs::offset;
using sim::rtl_card;

constexpr unsigned pop_port = 0, push_port = 1;
constexpr unsigned slabs = 4000;
constexpr unsigned tokens_measured = 40'000;
constexpr unsigned cold_starts = 50;
constexpr std::uint64_t patience = 100'000;  // cycles

// A card with one list of `slabs` slabs in front of both ports.
class bench_card {
 public:
  bench_card() {
    while (!regs::card_status::ready.get(read(off::card_status))) {
    }
    write(off::command_list, 0);
    command(regs::command::open);
    write(off::command_slab, 1);
    write(off::command_count, slabs);
    write(off::command_limit, 63);
    command(regs::command::link);
  }

  void configure(unsigned port, bool pop, bool push) {
    std::uint64_t word = regs::stream_config::pop.set(0, pop);
    word = regs::stream_config::push.set(word, push);
    write(window(port) + off::stream_config, static_cast<std::uint32_t>(word));
  }
  void wait_quiet(unsigned port) {
    while (regs::stream_status::busy.get(read(window(port) + off::stream_status))) {
    }
  }
  // Takes so many tokens as fast as they come; appends them.
  std::uint64_t pop(unsigned count, std::vector<std::uint32_t>& into) {
    const std::uint64_t start = card_.cycles();
    std::uint64_t last = start;
    stream_pins& pins = card_.stream(pop_port);
    for (unsigned n = 0; n < count;) {
      pins.pop_ready = true;
      card_.clock();
      if (pins.popped()) {
        into.push_back(pins.pop_token);
        last = card_.cycles();
        ++n;
      } else if (card_.cycles() - last > patience) {
        throw std::runtime_error("bench rtl: the stream port hands out nothing");
      }
    }
    pins.pop_ready = false;
    return card_.cycles() - start;
  }
  // Pushes all of them as fast as they are taken.
  std::uint64_t push(const std::vector<std::uint32_t>& tokens) {
    const std::uint64_t start = card_.cycles();
    std::uint64_t last = start;
    stream_pins& pins = card_.stream(push_port);
    for (std::size_t n = 0; n < tokens.size();) {
      pins.push_valid = true;
      pins.push_token = tokens[n];
      card_.clock();
      if (pins.pushed()) {
        last = card_.cycles();
        ++n;
      } else if (card_.cycles() - last > patience) {
        throw std::runtime_error("bench rtl: the stream port takes nothing");
      }
    }
    pins.push_valid = false;
    return card_.cycles() - start;
  }
  // Cycles until a port that has just been opened offers its first token.
  unsigned cold_start() {
    const std::uint64_t start = card_.cycles();
    while (!card_.stream(pop_port).pop_valid) {
      card_.clock();
      if (card_.cycles() - start > patience)
        throw std::runtime_error("bench rtl: the stream port hands out nothing");
    }
    return static_cast<unsigned>(card_.cycles() - start);
  }
  void check_no_refusal() {
    if (read(window(push_port) + off::stream_refused) != 0)
      throw std::runtime_error("bench rtl: the stream port refused a right token");
  }

 private:
  static std::uint32_t window(unsigned port) {
    return off::streams_base + port * off::streams_stride;
  }
  void command(regs::command what) {
    write(off::command, static_cast<std::uint32_t>(what));
    while (regs::card_status::command_busy.get(read(off::card_status))) {
    }
  }
  std::uint32_t answer() {
    for (;;) {
      card_.clock();
      if (const auto a = card_.take_register_answer()) return a->value;
    }
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    card_.start_register_write(offset, value);
    answer();
  }
  std::uint32_t read(std::uint32_t offset) {
    card_.start_register_read(offset);
    return answer();
  }

  rtl_card card_;
};

rtl_case result(const char* name, std::size_t tokens, std::uint64_t cycles) {
  const double rate = static_cast<double>(tokens) / static_cast<double>(cycles);
  return {"stream", name, 4, rate, rate, std::nullopt};
}

}  // namespace

std::vector<rtl_case> measure_stream(const progress& tell) {
  std::vector<rtl_case> out;
  bench_card card;
  std::vector<std::uint32_t> held;

  tell("stream pop");
  std::vector<unsigned> starts;
  for (unsigned i = 0; i < cold_starts; ++i) {
    card.configure(pop_port, true, false);
    starts.push_back(card.cold_start());
    card.configure(pop_port, false, false);
    card.pop(1, held);  // the token that was offered
    card.wait_quiet(pop_port);
  }
  std::sort(starts.begin(), starts.end());
  card.configure(pop_port, true, false);
  card.configure(push_port, false, true);
  card.pop(1000, held);
  rtl_case pop = result("pop", tokens_measured, card.pop(tokens_measured, held));
  pop.cycles = latency{starts.front(), starts[starts.size() / 2], starts.back()};
  out.push_back(pop);

  tell("stream push");
  out.push_back(result("push", held.size(), card.push(held)));

  tell("stream push_random");
  held.clear();
  card.pop(slabs * 64 - 400, held);
  std::mt19937_64 random(1);
  std::shuffle(held.begin(), held.end(), random);
  std::vector<std::uint32_t> back(held.end() - tokens_measured, held.end());
  held.resize(held.size() - tokens_measured);
  out.push_back(result("push_random", back.size(), card.push(back)));

  // Every slab has one free block or two, in random order.
  tell("stream pop_fragmented");
  card.configure(pop_port, false, false);
  card.wait_quiet(pop_port);
  card.configure(pop_port, true, false);
  card.pop(tokens_measured - 100, held);
  std::vector<unsigned> given(slabs + 1);
  std::shuffle(held.begin(), held.end(), random);
  std::vector<std::uint32_t> sparse;
  for (const std::uint32_t t : held) {
    unsigned& n = given[regs::token::slab.get(t)];
    if (n < 1 + t % 2) {
      ++n;
      sparse.push_back(t);
    }
  }
  card.push(sparse);
  card.pop(500, held);
  const auto measured = static_cast<unsigned>(sparse.size()) - 600;
  out.push_back(result("pop_fragmented", measured, card.pop(measured, held)));
  card.check_no_refusal();
  return out;
}

}  // namespace exalloc::bench
