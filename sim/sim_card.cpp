#include "sim_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "from_environment.hpp"

namespace exalloc::sim {
namespace {

constexpr picoseconds never = std::numeric_limits<picoseconds>::max() / 2;
constexpr picoseconds poll = 20 * ps_per_ns;  // time a poll takes while the card is silent
// The same after a fault that may keep an answer from coming, and after how long it will not come.
constexpr picoseconds poll_in_doubt = 1'000 * ps_per_ns;
constexpr picoseconds longest_silence = 1'000'000 * ps_per_ns;
// The same of the link alone, when the card may be busy for ever: a stream port asks for blocks
// again and again. No command takes longer.
constexpr picoseconds longest_link_silence = 300'000 * ps_per_ns;
constexpr picoseconds longest_relax = 2'000 * ps_per_ns;
constexpr unsigned staging_bytes = 65'536, staged_at = 4'096, most_staged = 32'768;
constexpr unsigned line_bytes = 64;
constexpr std::chrono::microseconds patience(5000);  // of a waiter, before it drives the platform

}  // namespace

link_settings asked_link() {
  link_settings out = link_preset(text_from_environment("EXALLOC_LINK", "gen3x16"));
  out.seed = number_from_environment("EXALLOC_LINK_SEED", 0, UINT64_MAX).value_or(out.seed);
  return out;
}

const card_memory_settings& asked_card_memory() {
  return card_memory_preset(text_from_environment("EXALLOC_CARD_MEMORY", "hbm2"));
}

namespace {

// "card.fst" has its transactions in "card.transactions.fst".
std::string transactions_beside(const std::string& file) {
  constexpr std::string_view end = ".fst";
  const bool has_end = file.size() > end.size() && file.ends_with(end);
  return file.substr(0, file.size() - (has_end ? end.size() : 0)) + ".transactions.fst";
}

fault_plan asked_faults() {
  return parse_faults(std::string(text_from_environment("EXALLOC_FAULT")));
}

}  // namespace

sim_card::sim_card(const link_settings& link, fault_plan faults,
                   const card_memory_settings& on_card)
    : sim_card(link, own_memory_, std::move(faults), on_card) {}

sim_card::sim_card(const link_settings& link, process_memory& memory, fault_plan faults,
                   const card_memory_settings& on_card)
    : link_name_(link.name),
      memory_(memory),
      platform_(link, memory_, std::move(faults), on_card),
      space_(on_card) {
  platform_.on_line([this](std::uint64_t address) {
    lines_.fetch_add(1, std::memory_order_relaxed);
    const bool copied = staging_ != nullptr && address == staging_->device_address();
    if (copied || pause_at_line_ || (told_ != nullptr && (*told_)(address))) platform_.pause();
  });
  platform_.on_interrupt([this] {
    const std::lock_guard lock(interrupt_mutex_);
    ++interrupts_;
    interrupted_.notify_all();
  });
}
sim_card::~sim_card() = default;

std::uint32_t sim_card::read(std::uint32_t offset) {
  return queue_.run([&] {
    std::optional<register_answer> answer;
    platform_.read(offset, [&](const register_answer& a) {
      answer = a;
      platform_.pause();
    });
    // The link answers every read, if only with the completion timeout.
    while (!answer) platform_.run_what_is_under_way(never);
    if (!answer->ok) {
      const char* const why =
          answer->error != nullptr ? answer->error : "the bus answered with an error";
      throw std::runtime_error(fmt::format("sim card: read of register {:#06x}: {}{}", offset, why,
                                           because_of_faults()));
    }
    return answer->value;
  });
}

std::string sim_card::because_of_faults() const {
  return platform_.harm().empty() ? std::string() : fmt::format(", after {}", platform_.harm());
}

void sim_card::write(std::uint32_t offset, std::uint32_t value) {
  queue_.run([&] {
    platform_.write(offset, value);
    silent_ = 0;
  });
}

// A line that came while this waited in the queue may be the one.
void sim_card::relax() {
  const std::uint64_t seen = lines_.load(std::memory_order_relaxed);
  queue_.run([&] {
    if (lines_.load(std::memory_order_relaxed) == seen) run_a_while();
  });
}

// Until a line has been written, at most longest_relax.
void sim_card::run_a_while() {
  const std::uint64_t seen = lines_.load(std::memory_order_relaxed);
  const auto on_the_link = [&] {
    const platform::traffic t = platform_.counted();
    return t.down_bytes + t.up_bytes;
  };
  const std::uint64_t sent = on_the_link();
  const picoseconds start = platform_.now();
  pause_at_line_ = true;
  platform_.run_what_is_under_way(start + longest_relax);
  pause_at_line_ = false;
  const bool quiet = platform_.quiet();
  if (lines_.load(std::memory_order_relaxed) != seen || on_the_link() != sent) {
    silent_ = 0;
  } else if (platform_.harm().empty()) {
    if (quiet) platform_.run(platform_.now() + poll);
  } else {
    if (quiet) platform_.run(platform_.now() + poll_in_doubt);
    silent_ += platform_.now() - start;
    if (silent_ >= (quiet ? longest_silence : longest_link_silence + platform_.longest_delay()))
      throw std::runtime_error(fmt::format(
          "sim card: nothing is under way any more, and no answer comes{}", because_of_faults()));
  }
}

bool sim_card::wait_interrupt(std::uint64_t timeout_ns) {
  using clock = std::chrono::steady_clock;
  constexpr std::uint64_t longest = std::uint64_t{1} << 60;  // a clock can still add it
  const auto end = clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, longest));
  const auto interrupts = [this] {
    const std::lock_guard lock(interrupt_mutex_);
    return interrupts_;
  };
  for (auto pause = patience;;) {
    const std::uint64_t before = interrupts();
    picoseconds seen = 0;
    const bool up = queue_.run([&] {
      seen = platform_.now();
      return platform_.interrupt();
    });
    if (up) return true;
    const auto now = clock::now();
    if (now >= end) return false;
    {
      std::unique_lock lock(interrupt_mutex_);
      interrupted_.wait_until(lock, std::min<clock::time_point>(end, now + pause),
                              [&] { return interrupts_ != before; });
    }
    const bool drives = queue_.run([&] {
      const bool nothing_to_do = platform_.quiet(), somebody_drives = platform_.now() != seen;
      if (nothing_to_do || somebody_drives) return false;
      run_a_while();
      return true;
    });
    pause = drives ? std::chrono::microseconds(50) : patience;
  }
}

class sim_card::buffer_on_card final : public card_memory {
 public:
  buffer_on_card(sim_card& on, std::size_t bytes, std::uint64_t address)
      : card_memory(bytes, address), on_(on) {}
  ~buffer_on_card() override { on_.space_.give_back(device_address()); }

  void write(std::size_t offset, const std::byte* from, std::size_t bytes) override {
    on_.copy(true, device_address() + offset, const_cast<std::byte*>(from), bytes);
  }
  void read(std::size_t offset, std::byte* to, std::size_t bytes) override {
    on_.copy(false, device_address() + offset, to, bytes);
  }

 private:
  sim_card& on_;
};

std::unique_ptr<card_memory> sim_card::allocate_on_card(const std::string& bank,
                                                        std::size_t bytes) {
  return std::make_unique<buffer_on_card>(*this, bytes, space_.take(bank, bytes));
}

std::byte* sim_card::memory_at(std::uint64_t device_address, std::size_t bytes) {
  if (device_address < card_memory_base) return reinterpret_cast<std::byte*>(device_address);
  std::byte* const there = platform_.on_card(device_address, bytes);
  if (there == nullptr)
    throw std::runtime_error(fmt::format("sim card: {} bytes at {:#x} are not in the card's memory",
                                         bytes, device_address));
  return there;
}

void sim_card::copy(bool to_card, std::uint64_t address, std::byte* here, std::size_t bytes) {
  while (bytes != 0) {
    const auto now = static_cast<unsigned>(std::min<std::size_t>(bytes, most_staged));
    queue_.run([&] { copy_staged(to_card, address, here, now); });
    address += now;
    here += now;
    bytes -= now;
  }
}

void sim_card::copy_staged(bool to_card, std::uint64_t address, std::byte* here, unsigned bytes) {
  if (staging_ == nullptr) staging_ = memory_.allocate(staging_bytes);
  const std::uint64_t at = staged_at + address % line_bytes, number = ++copies_;
  if (to_card) std::memcpy(staging_->data() + at, here, bytes);
  const std::atomic_ref status(*reinterpret_cast<std::uint64_t*>(staging_->data()));
  platform_.copy({to_card, address, staging_->device_address() + at, bytes,
                  staging_->device_address(), number});
  silent_ = 0;
  const picoseconds end = platform_.now() + longest_silence;
  const auto over = [&] {
    const std::uint64_t s = status.load(std::memory_order_acquire);
    return s == number || s == ~number;
  };
  while (!over()) {
    if (platform_.quiet() || (!platform_.harm().empty() && platform_.now() >= end))
      throw std::runtime_error(fmt::format("sim card: a copy {} the card's memory does not end{}",
                                           to_card ? "to" : "from", because_of_faults()));
    platform_.run_what_is_under_way(platform_.harm().empty() ? never : end);
  }
  if (status.load(std::memory_order_relaxed) != number)
    throw std::runtime_error(fmt::format("sim card: a copy {} the card's memory has failed{}",
                                         to_card ? "to" : "from", because_of_faults()));
  if (!to_card) std::memcpy(here, staging_->data() + at, bytes);
}

void sim_card::attach(unsigned stream_port, std::shared_ptr<stream_kernel> kernel) {
  queue_.run([&] { platform_.attach(stream_port, kernel); });
}  // the kernel there was ends outside the queue: the parameter lives longer

std::uint64_t sim_card::now_ns() {
  return queue_.run([&] { return platform_.now() / ps_per_ns; });
}

void sim_card::advance_to(std::uint64_t ns) {
  queue_.run([&] { platform_.run(ns * ps_per_ns); });
}

bool sim_card::quiet() {
  return queue_.run([&] { return platform_.quiet(); });
}

void sim_card::run(picoseconds until, const std::function<bool(std::uint64_t)>& line) {
  queue_.run([&] {
    told_ = &line;
    try {
      platform_.run(until);
    } catch (...) {
      told_ = nullptr;
      throw;
    }
    told_ = nullptr;
  });
}

picoseconds sim_card::now() {
  return queue_.run([&] { return platform_.now(); });
}

platform::traffic sim_card::counted() {
  return queue_.run([&] { return platform_.counted(); });
}

void sim_card::trace(const std::string& file) {
  queue_.run([&] {
    // The transactions first: nothing has to be undone when their file cannot be written.
    std::shared_ptr<transaction_watcher> transactions;
    if (!file.empty()) transactions = record_transactions(transactions_beside(file));
    platform_.trace(file);
    platform_.watch(std::move(transactions));
  });
}

std::vector<card::injected> sim_card::injected_faults() {
  if (!platform_.has_faults()) return {};
  return queue_.run([&] {
    std::vector<injected> out;
    for (auto& [text, done] : platform_.injected_by_rule()) out.push_back({std::move(text), done});
    const fault_source::counts& n = platform_.injected();
    out.insert(out.end(), {{"late TLPs", n.late},
                           {"lost TLPs", n.lost},
                           {"doubled TLPs", n.duplicated},
                           {"poisoned TLPs", n.poisoned},
                           {"bus errors", n.bus_errors},
                           {"completion timeouts", n.timeouts},
                           {"link downs", n.link_downs},
                           {"retrains", n.retrains},
                           {"card resets", n.resets}});
    return out;
  });
}

std::uint64_t sim_card::clocked_cycles() {
  return queue_.run([&] { return platform_.counted().cycles; });
}

}  // namespace exalloc::sim

extern "C" EXALLOC_API exalloc::card* exalloc_sim_open_card() {
  return std::make_unique<exalloc::sim::sim_card>(exalloc::sim::asked_link(),
                                                  exalloc::sim::asked_faults(),
                                                  exalloc::sim::asked_card_memory())
      .release();
}
