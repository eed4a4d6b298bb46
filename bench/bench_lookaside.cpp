// The lookaside engine: pushes and pops offered in every cycle.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <random>
#include <stdexcept>

#include "bench_parts.hpp"
#include "rtl_lookaside.hpp"

namespace exalloc::bench {
namespace {

using regs::lookaside_op;
using regs::status;
using sim::lookaside_request;
using sim::lookaside_response;
using sim::rtl_lookaside;

constexpr unsigned operations = 100'000;
constexpr unsigned latency_operations = 2'000;

// Pushes and pops on so many lists, every answer checked against a stack in the host.
class client {
 public:
  client(rtl_lookaside& engine, unsigned lists) : engine_(engine), stacks_(lists) {
    for (unsigned list = 0; list < lists; ++list) {
      std::uint64_t depths = regs::command_depth::depth.set(0, rtl_lookaside::depth);
      depths = regs::command_depth::maximum.set(depths, rtl_lookaside::depth);
      run(1, false, [&] { return lookaside_request{lookaside_op::open, list, 0, depths}; });
    }
  }
  ~client() {
    for (unsigned list = 0; list < stacks_.size(); ++list)
      run(1, false, [&] { return lookaside_request{lookaside_op::close, list, 0, 0}; });
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  lookaside_request random_operation() {
    const auto list = static_cast<unsigned>(random_() % stacks_.size());
    auto& stack = stacks_[list];
    const bool push = stack.empty() || (stack.size() < rtl_lookaside::depth && random_() % 2 == 0);
    if (push) {
      stack.push_back(random_());
      return {lookaside_op::push, list, 0, stack.back()};
    }
    const lookaside_request r{lookaside_op::pop, list, 0, stack.back()};
    stack.pop_back();
    return r;
  }

  struct figures {
    std::uint64_t cycles = 0;
    std::vector<unsigned> latencies;
  };
  template <class Next>
  figures run(unsigned n, bool one_at_a_time, Next&& next) {
    struct flight {
      lookaside_request request;
      std::uint64_t since;
    };
    std::deque<flight> flights;
    figures out;
    const std::uint64_t start = engine_.cycles();
    lookaside_request offered;
    bool has_offer = false;
    unsigned made = 0, answered = 0;
    std::uint64_t progress_at = start;
    while (answered < n) {
      if (!has_offer && made < n && !(one_at_a_time && !flights.empty())) {
        offered = next();
        has_offer = true;
        ++made;
      }
      if (has_offer) engine_.offer(offered);
      engine_.clock();
      if (has_offer && engine_.accepted()) {
        flights.push_back({offered, engine_.cycles() - 1});
        has_offer = false;
      }
      if (const auto answer = engine_.response()) {
        check(flights.front().request, *answer);
        out.latencies.push_back(static_cast<unsigned>(engine_.cycles() - flights.front().since));
        flights.pop_front();
        ++answered;
        progress_at = engine_.cycles();
      }
      if (engine_.cycles() - progress_at > 10'000)
        throw std::runtime_error("bench rtl: the lookaside engine has not answered for long");
    }
    out.cycles = engine_.cycles() - start;
    return out;
  }

 private:
  static void check(const lookaside_request& q, const lookaside_response& a) {
    if (a.status != status::ok)
      throw std::runtime_error(
          fmt::format("bench rtl: the lookaside engine refused a right operation: {}",
                      regs::to_string(a.status)));
    if (q.op == lookaside_op::pop && a.data != q.data)
      throw std::runtime_error("bench rtl: the lookaside engine popped a wrong entry");
  }

  rtl_lookaside& engine_;
  std::vector<std::vector<std::uint64_t>> stacks_;
  std::mt19937_64 random_{1};
};

}  // namespace

std::vector<rtl_case> measure_lookaside(const progress& tell) {
  rtl_lookaside engine;
  std::vector<rtl_case> out;
  for (const unsigned lists : {1u, rtl_lookaside::lists}) {
    const char* const name = lists == 1 ? "push_pop" : "push_pop_lists";
    tell(fmt::format("lookaside {}", name));
    client c(engine, lists);
    const auto next = [&] { return c.random_operation(); };
    client::figures alone = c.run(latency_operations, true, next);
    const client::figures rate = c.run(operations, false, next);
    std::sort(alone.latencies.begin(), alone.latencies.end());
    const double per_cycle = static_cast<double>(operations) / static_cast<double>(rate.cycles);
    out.push_back({"lookaside", name, 0, per_cycle, per_cycle,
                   latency{alone.latencies.front(), alone.latencies[alone.latencies.size() / 2],
                           alone.latencies.back()}});
  }
  return out;
}

}  // namespace exalloc::bench
