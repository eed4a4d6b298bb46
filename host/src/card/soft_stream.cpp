#include "card/soft_stream.hpp"

#include <algorithm>
#include <bit>

namespace exalloc::soft {
namespace {

namespace cfg = regs::stream_config;
using regs::counter;
using regs::status;

constexpr unsigned ahead = quarter_width;  // blocks held before no more are asked for
constexpr unsigned retry_cycles = 64;      // between questions to a dry list
constexpr unsigned recall_cycles = 4096;   // without a question after a RECALL
constexpr unsigned gather_cycles = 15;     // without a token until what is gathered goes out

std::uint32_t slab_of(std::uint32_t token) {
  return static_cast<std::uint32_t>(regs::token::slab.get(token));
}
std::uint64_t bit_of(std::uint32_t token) {
  return std::uint64_t{1} << regs::token::block.get(token);
}
std::uint32_t token_of(std::uint32_t slab, std::uint64_t mask) {  // of the lowest block
  return static_cast<std::uint32_t>(
      regs::token::slab.set(static_cast<unsigned>(std::countr_zero(mask)), slab));
}

}  // namespace

unsigned stream_port::held() const {
  unsigned n = 0;
  for (const piece& p : held_) n += static_cast<unsigned>(std::popcount(p.mask));
  return n;
}

std::uint32_t stream_port::status_word() const {
  namespace s = regs::stream_status;
  std::uint64_t w = s::busy.set(0, !held_.empty() || !gathered_.empty());
  w = s::empty.set(w, dry() && answer_ == status::empty);
  if (dry() && answer_ != status::empty) w = s::refused.set(w, static_cast<unsigned>(answer_));
  return static_cast<std::uint32_t>(s::held.set(w, held()));
}

void stream_port::configure(std::uint32_t config, stream_pins& pins) {
  constexpr std::uint64_t list_bits = cfg::list.mask() | cfg::domain.mask();
  config &= static_cast<std::uint32_t>(cfg::pop.mask() | cfg::push.mask() | list_bits);
  const bool moves = ((config ^ config_) & list_bits) != 0;
  // What is under way belongs to the list and domain it was begun for.
  if (moves || cfg::pop.get(config) == 0) {
    give_back();
    if (std::exchange(pins.pop_valid, false)) release(slab_of(pins.pop_token), {pins.pop_token});
  }
  if (moves || cfg::push.get(config) == 0) flush();
  if (moves || !popping()) {
    dry_ = 0;
    answer_ = status::ok;
  }
  config_ = config;
}

void stream_port::clock(stream_pins& pins) {
  if (pins.popped()) {
    pins.pop_valid = false;
    ++popped_;
    counters_->count(counter::stream_popped);
  }
  if (pins.pushed()) {
    take(pins.push_token);
    silence_ = 0;
  } else if (!gathered_.empty() && ++silence_ >= gather_cycles) {
    flush();
  }
  if (wait_ != 0) {
    --wait_;
  } else if (popping() && held() < ahead) {
    ask();
  }
  if (!pins.pop_valid && !held_.empty()) {
    piece& p = held_.front();
    pins.pop_valid = true;
    pins.pop_token = token_of(p.slab, p.mask);
    p.mask &= p.mask - 1;
    if (p.mask == 0) held_.pop_front();
  }
  pins.push_ready = pushing();
}

bool stream_port::quiet() const {
  return gathered_.empty() && (!popping() || (wait_ == 0 && held() >= ahead));
}

void stream_port::ask() {
  const bank_result r = slabs_->grant(bank_, list(), domain());
  bank_ = (bank_ + 1) % slabs_->banks();
  answer_ = r.status;
  if (r.status == status::ok) {
    dry_ = 0;
    held_.push_back({r.slab, r.mask});
    slabs_->accounts().handed_out(list(), static_cast<std::uint32_t>(std::popcount(r.mask)));
  } else if (dry() || ++dry_ == slabs_->banks()) {
    wait_ = retry_cycles - 1;
  }
}

void stream_port::recall(unsigned list) {
  if (list != this->list()) return;
  give_back();
  flush();
  wait_ = recall_cycles;
}

void stream_port::give_back() {
  for (const piece& p : held_) {
    std::vector<std::uint32_t> tokens;
    for (std::uint64_t m = p.mask; m != 0; m &= m - 1) tokens.push_back(token_of(p.slab, m));
    release(p.slab, tokens);
  }
  held_.clear();
}

void stream_port::take(std::uint32_t token) {
  ++pushed_;
  const auto again = std::find(gathered_.begin(), gathered_.end(), token);
  const bool other = !gathered_.empty() && slab_of(gathered_.front()) != slab_of(token);
  if (other || again != gathered_.end()) flush();
  if (slabs_->exists(slab_of(token))) {
    gathered_.push_back(token);
  } else {
    ++refused_;
    record(status::range, token);
  }
}

void stream_port::flush() {
  if (gathered_.empty()) return;
  const auto tokens = std::exchange(gathered_, {});
  const unsigned accepted = release(slab_of(tokens.front()), tokens);
  counters_->count(counter::stream_pushed, accepted);
  refused_ += static_cast<std::uint32_t>(tokens.size()) - accepted;
}

unsigned stream_port::release(std::uint32_t slab, const std::vector<std::uint32_t>& tokens) {
  std::uint64_t mask = 0;
  for (const std::uint32_t t : tokens) mask |= bit_of(t);
  unsigned accepted = 0;
  const status all = slabs_->release(list(), domain(), slab, mask);
  if (all == status::ok) {
    accepted = static_cast<unsigned>(tokens.size());
  } else if (tokens.size() == 1) {
    record(all, tokens.front());
  } else {
    for (const std::uint32_t t : tokens) {
      const status s = slabs_->release(list(), domain(), slab, bit_of(t));
      if (s == status::ok) {
        ++accepted;
      } else {
        record(s, t);
      }
    }
  }
  if (accepted != 0) slabs_->accounts().came_back(list(), accepted);
  return accepted;
}

void stream_port::record(regs::status s, std::uint32_t token) {
  errors_.push_back({regs::opcode::stream, s, list(), number_, token});
}

}  // namespace exalloc::soft
