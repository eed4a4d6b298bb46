#include "bench_card.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"
#include "from_environment.hpp"
#include "portal.hpp"

namespace exalloc::bench {
namespace {

namespace off = regs::offset;
using std::chrono::steady_clock;

constexpr unsigned list = 0, most_granted = regs::max_grant, most_unexecuted = 32,
                   held_before_free = 64;
constexpr unsigned pairs_a_look = 14;
constexpr std::uint32_t slabs = 8192, blocks_a_slab = 64;

std::uint64_t ns_since(steady_clock::time_point began) {
  return static_cast<std::uint64_t>((steady_clock::now() - began) / std::chrono::nanoseconds(1));
}

// After so many milliseconds without an answer the card counts as lost, as in the library.
std::uint64_t longest_wait_ms(const card& device) {
  static const auto asked = number_from_environment("EXALLOC_TIMEOUT_MS", 1, UINT32_MAX);
  return asked.value_or(device.patience_ms());
}

// Somebody waits for the card, and not for ever.
class patience {
 public:
  explicit patience(card& device) : device_(device) {}
  void wait() {
    device_.relax();
    if (++looks_ % 4096 != 0) return;
    if (began_ == steady_clock::time_point{}) began_ = steady_clock::now();
    const std::uint64_t most = longest_wait_ms(device_);
    if (steady_clock::now() - began_ > std::chrono::milliseconds(most))
      throw std::runtime_error(
          fmt::format("exalloc: bench card: no answer of the card for {} ms", most));
  }
  void begin_anew() {
    looks_ = 0;
    began_ = {};
  }

 private:
  card& device_;
  unsigned looks_ = 0;
  steady_clock::time_point began_{};
};

void prepare(card& device) {
  const auto until = [&](auto&& done) {
    for (patience p(device); !done();) p.wait();
  };
  device.write(off::control, static_cast<std::uint32_t>(regs::control::reset.set(0, 1)));
  until([&] { return regs::card_status::ready.get(device.read(off::card_status)) != 0; });
  const auto command = [&](regs::command what) {
    device.write(off::command, static_cast<std::uint32_t>(what));
    until([&] { return regs::card_status::command_busy.get(device.read(off::card_status)) == 0; });
    if (regs::command_result::status.get(device.read(off::command_result)) !=
        static_cast<std::uint64_t>(regs::status::ok))
      throw std::runtime_error("exalloc: bench card: a command was refused");
  };
  device.write(off::command_list, list);
  command(regs::command::open);
  device.write(off::command_slab, 1);
  device.write(off::command_count, slabs);
  device.write(off::command_limit, blocks_a_slab - 1);
  command(regs::command::link);
}

// Which tokens are somebody's.
class owners {
 public:
  owners() : taken_((slabs + 1) * std::size_t{blocks_a_slab}) {}
  void take(std::uint32_t token) {
    if (token >= taken_.size() || taken_[token].exchange(true, std::memory_order_relaxed))
      throw std::runtime_error(
          fmt::format("exalloc: bench card: token {:#x} was handed out wrongly", token));
  }
  void give(std::uint32_t token) { taken_[token].store(false, std::memory_order_relaxed); }

 private:
  std::vector<std::atomic<bool>> taken_;
};

// A thread's portal and what it has.
class user {
 public:
  user(card& device, owners& all, unsigned number, unsigned stock)
      : device_(device), all_(all), portal_(device, number), stock_(stock) {
    portal_.enable();
  }

  std::vector<std::uint64_t> sync_ns, miss_ns, read_ns;
  std::uint64_t pairs = 0;

  // Allocates and frees as fast as it can, each block some allocations later.
  void work(const std::atomic<bool>& stop) {
    patience waits(device_);
    while (!stop.load(std::memory_order_relaxed)) {
      if (receive()) waits.begin_anew();
      for (unsigned i = 0; i < pairs_a_look && !must_wait(); ++i) {
        held_.push_back(ready_.front());
        ready_.pop_front();
        ++pairs;
        if (held_.size() <= held_before_free) continue;
        freed_.push_back(held_.front());
        held_.pop_front();
        if (freed_.size() == regs::tokens_per_line) release();
      }
      refill();
      if (must_wait()) {
        portal_.ring();
        waits.wait();
      }
    }
  }
  // With nothing ready: one block, or a stock of which the first is needed.
  void probe(unsigned count) {
    for (unsigned i = 0; i < 2 * count; ++i) {
      const bool sync = i % 2 == 0;
      const auto began = steady_clock::now();
      ask(sync ? 1 : std::min(stock_, most_granted));
      portal_.ring();
      for (patience p(device_); ready_.empty();) {
        if (!receive()) p.wait();
      }
      (sync ? sync_ns : miss_ns).push_back(ns_since(began));
      give_all_back();
      const auto reads = steady_clock::now();
      device_.read(off::id);
      read_ns.push_back(ns_since(reads));
    }
  }
  std::uint64_t naive(const std::atomic<bool>& stop) {
    std::uint64_t done = 0;
    for (; !stop.load(std::memory_order_relaxed); ++done) {
      device_.read(off::id);
      device_.write(off::governor_period, 0);
    }
    return done;
  }
  // Until the card has all of it.
  void give_all_back() {
    for (patience p(device_); asked_ != 0;) {
      if (!receive()) p.wait();
    }
    for (const auto* from : {&held_, &ready_}) {
      for (const std::uint32_t token : *from) {
        freed_.push_back(token);
        if (freed_.size() == regs::tokens_per_line) release();
      }
    }
    held_.clear();
    ready_.clear();
    if (!freed_.empty()) release();
    // One more answer, behind all else.
    if (portal_.idle()) return;
    portal_.submit(regs::opcode::sync, 0, 0, 0, {});
    portal_.ring();
    for (patience p(device_); !portal_.idle();) {
      if (!receive()) p.wait();
    }
  }

 private:
  bool must_wait() const { return ready_.empty() || portal_.unexecuted() >= most_unexecuted; }
  void ask(unsigned count) {
    portal_.submit(regs::opcode::grant, list, 0, count, {});
    asked_ += count;
  }
  void refill() {
    const unsigned worth_it = std::min(most_granted, std::max(stock_ / 2, 1U));
    bool any = false;
    for (;;) {
      const unsigned has = static_cast<unsigned>(ready_.size()) + asked_;
      if (has + worth_it > stock_ || portal_.full()) break;
      ask(std::min(stock_ - has, most_granted));
      any = true;
    }
    if (any) portal_.ring();
  }
  void release() {
    for (patience p(device_); portal_.full();) {
      portal_.ring();
      if (!receive()) p.wait();
    }
    constexpr unsigned lines_a_report = 8;
    for (const std::uint32_t token : freed_) all_.give(token);
    portal_.submit(regs::opcode::release, list, 0, static_cast<std::uint32_t>(freed_.size()),
                   freed_, ++released_ % lines_a_report == 0);
    freed_.clear();
  }
  bool receive() {
    completion c;
    bool any = false;
    while (portal_.receive(c)) {
      any = true;
      if (c.status != regs::status::ok)
        throw std::runtime_error(fmt::format("exalloc: bench card: {} answered with {}",
                                             regs::to_string(c.opcode), regs::to_string(c.status)));
      if (c.opcode != regs::opcode::grant) continue;
      for (std::uint32_t i = 0; i < c.count; ++i) {
        all_.take(c.tokens[i]);
        ready_.push_back(c.tokens[i]);
      }
      asked_ -= c.count;
    }
    constexpr unsigned unreported = 128;
    if (portal_.unreported() >= unreported) portal_.ring();
    return any;
  }

  card& device_;
  owners& all_;
  portal portal_;
  const unsigned stock_;
  std::deque<std::uint32_t> ready_, held_;
  std::vector<std::uint32_t> freed_;
  unsigned asked_ = 0, released_ = 0;
};

// Body, in a thread for each user; what one throws is thrown.
template <class Body>
void all_at_once(std::vector<std::unique_ptr<user>>& users, const Body& body) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (const auto& u : users) {
    threads.emplace_back([&, mine = u.get()] {
      try {
        body(*mine);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  if (failure) std::rethrow_exception(failure);
}

// The same for so long; seconds that it took.
template <class Body>
double for_a_while(std::vector<std::unique_ptr<user>>& users, unsigned ms, const Body& body) {
  std::atomic<bool> stop{false};
  const auto began = steady_clock::now();
  std::thread watch([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    stop = true;
  });
  try {
    all_at_once(users, [&](user& u) { body(u, stop); });
  } catch (...) {
    watch.join();
    throw;
  }
  watch.join();
  return std::chrono::duration<double>(steady_clock::now() - began).count();
}

wall_spread spread_of(const std::vector<std::unique_ptr<user>>& users,
                      std::vector<std::uint64_t> user::*what) {
  std::vector<std::uint64_t> all;
  for (const auto& u : users) all.insert(all.end(), ((*u).*what).begin(), ((*u).*what).end());
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    const auto n = static_cast<double>(all.size());
    return all[static_cast<std::size_t>(std::max(std::ceil(share * n), 1.0)) - 1];
  };
  return {at(0.5), at(0.99), at(0.999), all.back()};
}

card_case measure(card& device, const std::string& link, const card_options& options,
                  unsigned threads, unsigned stock) {
  card_case out;
  out.threads = threads;
  out.stock = stock;
  const std::uint32_t mhz =
      static_cast<std::uint32_t>(regs::clock::khz.get(device.read(off::clock)) / 1000);
  const auto banks = static_cast<double>(regs::geometry::banks.get(device.read(off::geometry)));
  out.bound_blocks_per_s = banks * 1e6 * mhz / (1.0 / 16 + 1.0 / regs::tokens_per_line);
  out.bound_by = "engine";
  if (const auto most = link_bound(link, std::min(stock, most_granted));
      most && *most < out.bound_blocks_per_s) {
    out.bound_blocks_per_s = *most;
    out.bound_by = "link";
  }
  prepare(device);
  owners all;
  std::vector<std::unique_ptr<user>> users;
  for (unsigned n = 0; n < threads; ++n)
    users.push_back(std::make_unique<user>(device, all, n, stock));

  std::atomic<std::uint64_t> naive{0};
  const double naive_took =
      for_a_while(users, options.measured_ms / 4 + 1,
                  [&](user& u, const std::atomic<bool>& stop) { naive += u.naive(stop); });
  out.naive_blocks_per_s = static_cast<double>(naive) / naive_took;

  const unsigned each = std::max(options.probes / threads, 1U);
  all_at_once(users, [&](user& u) { u.probe(each); });
  out.sync_ns = spread_of(users, &user::sync_ns);
  out.miss_ns = spread_of(users, &user::miss_ns);
  out.register_read_ns = spread_of(users, &user::read_ns);

  for (const unsigned ms :
       {options.measured_ms / 4 + 1, options.measured_ms}) {  // the first warms up
    for (const auto& u : users) u->pairs = 0;
    const double took =
        for_a_while(users, ms, [](user& u, const std::atomic<bool>& stop) { u.work(stop); });
    std::uint64_t pairs = 0;
    for (const auto& u : users) pairs += u->pairs;
    out.blocks_per_s = static_cast<double>(pairs) / took;
  }
  all_at_once(users, [](user& u) { u.give_all_back(); });
  return out;
}

// What XRT says of the device in use.
void describe(card_result& r) {
  if (r.card != "xrt") {
    r.caution = fmt::format("\"{}\" is no real card: these are the times of this machine being one",
                            r.card);
    return;
  }
  const std::string asked(text_from_environment("EXALLOC_XRT_DEVICE", "0"));
  const auto told = nlohmann::json::parse(xrt_devices());
  if (!told.contains("devices")) return;
  for (const auto& d : told["devices"]) {
    if (asked != std::to_string(d.value("index", 0U)) && asked != d.value("pcie_address", ""))
      continue;
    r.link = d.value("link", "");
    if (d.value("shell", "").find("simulated") != std::string::npos)
      r.caution =
          "the card below XRT is simulated: these are the times of this machine simulating it; "
          "`exalloc bench platform --card xrt` has the simulated ones";
  }
}

}  // namespace

std::optional<double> link_bound(const std::string& link, unsigned granted) {
  // As docs/platform.md has it of the simulated link.
  constexpr double tokens = regs::tokens_per_line, line = regs::line_bytes, burst = 4;
  constexpr double lane_bytes_per_s = 984'615'384, left_for_tlps = 0.9193;
  constexpr double request = 24, answer = 20;  // bytes around a payload
  unsigned generation = 0, lanes = 0;
  if (std::sscanf(link.c_str(), "gen%ux%u", &generation, &lanes) != 2 || generation < 3 ||
      generation > 5)
    return std::nullopt;
  const double rate = lane_bytes_per_s * (1U << (generation - 3)) * lanes * left_for_tlps;
  const double lines_out = 1 / tokens + 1.0 / granted, lines_in = 1 / tokens;
  const double up = lines_in * (line + request) + lines_out * request / burst;
  const double down = lines_out * (line + answer / burst) + (4 + request) / granted;
  return rate / std::max(up, down);
}

card_result measure_card(const card_options& options, const card_progress& tell) {
  card_result out;
  out.card = options.card;
  describe(out);
  const std::unique_ptr<card> device = open_card(options.card);
  if (device->read(off::layout_hash) != regs::layout_hash)
    throw std::runtime_error(
        "exalloc: bench card: the card has another register layout than this program; they are of "
        "different releases");
  const std::size_t cases = options.threads.size() * options.stocks.size();
  for (const unsigned threads : options.threads) {
    for (const unsigned stock : options.stocks) {
      tell(fmt::format("{} of {}: {} threads, stock {}", out.cases.size() + 1, cases, threads,
                       stock));
      out.cases.push_back(measure(*device, out.link, options, threads, stock));
    }
  }
  return out;
}

}  // namespace exalloc::bench
