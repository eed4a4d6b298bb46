#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <random>
#include <stdexcept>

#include "bench_parts.hpp"
#include "rtl_engine.hpp"

namespace exalloc::bench {
namespace {

using regs::bank_op;
using regs::status;
using sim::bank_request;
using sim::bank_response;
using sim::rtl_engine;

constexpr std::uint32_t all_slabs = rtl_engine::slabs_per_bank - 1;  // slab 0 of bank 0 is no slab
constexpr unsigned operations = 40'000;                              // measured, per bank
constexpr unsigned latency_operations = 2'000;

struct block {
  std::uint32_t slab;
  unsigned bit;
};

// What one bank's client holds, so that it only gives back what it was given; every answer is
// checked.
class client {
 public:
  explicit client(unsigned seed) : random_(seed) {}

  // Operations made in this run, counted by the driver.
  std::uint64_t turn() const { return turn_; }
  void set_turn(std::uint64_t turn) { turn_ = turn; }

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::vector<block>& held(unsigned list) { return held_[list]; }

  bank_request grant(unsigned list) const { return {.op = bank_op::grant, .list = list}; }
  // Gives back a random held block, or asks for one when none is held.
  bank_request release_any(unsigned list) {
    auto& blocks = held_[list];
    if (blocks.empty()) return grant(list);
    const std::size_t i = random_() % blocks.size();
    const block b = blocks[i];
    blocks[i] = blocks.back();
    blocks.pop_back();
    return {
        .op = bank_op::release, .list = list, .slab = b.slab, .mask = std::uint64_t{1} << b.bit};
  }

  void answered(const bank_request& q, const bank_response& a) {
    const bool may_be_empty = q.op == bank_op::grant;
    if (a.status != status::ok && !(may_be_empty && a.status == status::empty)) {
      throw std::runtime_error(fmt::format("bench rtl: the engine refused a right operation: {}",
                                           regs::to_string(a.status)));
    }
    if (q.op != bank_op::grant) return;
    for (std::uint64_t m = a.mask; m != 0; m &= m - 1) {
      held_[q.list].push_back({a.slab, static_cast<unsigned>(std::countr_zero(m))});
    }
  }

 private:
  std::mt19937_64 random_;
  std::uint64_t turn_ = 0;
  std::vector<block> held_[16];
};

using source = std::function<bank_request(client&)>;

struct figures {
  std::uint64_t operations = 0, cycles = 0, blocks = 0;
  std::vector<unsigned> latencies;
};

// Drives the first `banks` banks, each with its own client.
class driver {
 public:
  driver(rtl_engine& engine, unsigned banks) : engine_(engine) {
    for (unsigned b = 0; b < banks; ++b) clients_.emplace_back(b + 1);
  }

  // n operations a bank as fast as they are taken, or one after the other.
  figures run(unsigned n, const source& next, bool one_at_a_time = false) {
    struct flight {
      bank_request request;
      std::uint64_t since;
    };
    struct lane {
      std::deque<flight> flights;
      bank_request offered;
      bool has_offer = false;
      unsigned made = 0;
    };
    std::vector<lane> lanes(clients_.size());
    figures out;
    const std::uint64_t start = engine_.cycles();
    const std::uint64_t wanted = std::uint64_t{n} * clients_.size();
    std::uint64_t progress_at = start;
    while (out.operations < wanted) {
      for (unsigned b = 0; b < lanes.size(); ++b) {
        lane& l = lanes[b];
        if (!l.has_offer && l.made < n && !(one_at_a_time && !l.flights.empty())) {
          clients_[b].set_turn(l.made++);
          l.offered = next(clients_[b]);
          l.has_offer = true;
        }
        if (l.has_offer) engine_.offer(b, l.offered);
      }
      engine_.clock();
      for (unsigned b = 0; b < lanes.size(); ++b) {
        lane& l = lanes[b];
        if (l.has_offer && engine_.accepted(b)) {
          l.flights.push_back({l.offered, engine_.cycles() - 1});
          l.has_offer = false;
        }
        if (const auto answer = engine_.response(b)) {
          const flight f = l.flights.front();
          l.flights.pop_front();
          clients_[b].answered(f.request, *answer);
          // The answer stands on the port now and can be used in the coming cycle.
          out.latencies.push_back(static_cast<unsigned>(engine_.cycles() - f.since));
          if (answer->status == status::ok) {
            out.blocks +=
                std::popcount(f.request.op == bank_op::grant ? answer->mask : f.request.mask);
          }
          ++out.operations;
          progress_at = engine_.cycles();
        }
      }
      if (engine_.cycles() - progress_at > 10'000) {
        throw std::runtime_error("bench rtl: the engine has not answered for 10,000 cycles");
      }
    }
    out.cycles = engine_.cycles() - start;
    return out;
  }

  void open(unsigned lists) {
    for (unsigned list = 0; list < lists; ++list) {
      run(1, [&](client&) { return bank_request{.op = bank_op::open, .list = list}; });
    }
  }
  void link(unsigned list, std::uint32_t first, std::uint32_t count) {
    std::vector<std::uint32_t> next(clients_.size(), first);
    run(count, [&](client& c) {
      return bank_request{.op = bank_op::link, .list = list, .slab = next[index(c)]++};
    });
  }
  // Takes everything, then gives back a block of every slab, with bits = 2 another one of every
  // other slab, in random order.
  void fragment(unsigned list, std::uint32_t first, std::uint32_t count, unsigned bits) {
    run(count * 4, [&](client& c) { return c.grant(list); });
    for (unsigned pass = 0; pass < bits; ++pass) {
      std::vector<std::vector<bank_request>> order(clients_.size());
      for (unsigned b = 0; b < clients_.size(); ++b) {
        auto& held = clients_[b].held(list);
        std::vector<block> mine(count, block{0, 64});
        std::shuffle(held.begin(), held.end(), std::mt19937_64(b + pass));
        std::erase_if(held, [&](const block& x) {
          block& m = mine[x.slab - first];
          if (m.bit != 64) return false;
          m = x;
          return true;
        });
        std::shuffle(mine.begin(), mine.end(), std::mt19937_64(b + 7 * pass));
        if (pass == 1) mine.resize(count / 2);
        for (const block& m : mine) {
          order[b].push_back({.op = bank_op::release,
                              .list = list,
                              .slab = m.slab,
                              .mask = std::uint64_t{1} << m.bit});
        }
      }
      run(pass == 0 ? count : count / 2, [&](client& c) {
        auto& o = order[index(c)];
        const bank_request r = o.back();
        o.pop_back();
        return r;
      });
    }
  }
  // The clients keep what they hold and give none of it back.
  void forget(unsigned list) {
    for (client& c : clients_) c.held(list).clear();
  }
  unsigned index(const client& c) const { return static_cast<unsigned>(&c - clients_.data()); }

 private:
  rtl_engine& engine_;
  std::vector<client> clients_;
};

struct plan {
  const char* name;
  std::function<void(driver&)> prepare;
  source next;  // the operations that are measured
};

const std::vector<plan>& plans() {
  constexpr std::uint32_t per_list = 1000;  // slabs of each of 16 lists
  static const auto dense16 = [](driver& d) {
    d.open(16);
    for (unsigned list = 0; list < 16; ++list) d.link(list, 1 + list * per_list, per_list);
  };
  static const auto one_list = [](driver& d) {
    d.open(1);
    d.link(0, 1, all_slabs);
  };
  // Slabs with one or two free blocks.
  static const auto scattered = [](driver& d) {
    d.open(1);
    d.link(0, 1, 8000);
    d.fragment(0, 1, 8000, 2);
  };
  // The same, but the client gives back only what it was granted from those.
  static const auto fragmented = [](driver& d) {
    scattered(d);
    d.forget(0);
    d.run(400, [](client& c) { return c.grant(0); });
  };
  static const auto random_half = [](client& c) {
    return c.below(2) ? c.grant(0) : c.release_any(0);
  };
  static const std::vector<plan> all = {
      {"grant", one_list, [](client& c) { return c.grant(0); }},
      {"release",
       [](driver& d) {
         one_list(d);
         d.run(all_slabs * 4, [](client& c) { return c.grant(0); });
       },
       [](client& c) { return c.release_any(0); }},
      {"mixed",
       [](driver& d) {
         dense16(d);
         for (unsigned list = 0; list < 16; ++list) {
           d.run(per_list, [&](client& c) { return c.grant(list); });
         }
       },
       [](client& c) {
         const unsigned list = c.below(16);
         return c.below(2) ? c.grant(list) : c.release_any(list);
       }},
      {"same_slab",
       [](driver& d) {
         d.open(1);
         d.link(0, 1, 1);
       },
       [](client& c) {
         if (c.turn() % 68 < 4) return c.grant(0);
         return bank_request{
             .op = bank_op::release, .slab = 1, .mask = std::uint64_t{1} << (c.turn() % 68 - 4)};
       }},
      {"same_list",
       [](driver& d) {
         one_list(d);
         d.run(all_slabs * 2, [](client& c) { return c.grant(0); });
       },
       [](client& c) { return c.below(17) == 0 ? c.grant(0) : c.release_any(0); }},
      {"fragmented", fragmented, random_half},
      {"fragmented_burst", fragmented,
       [](client& c) { return c.turn() / 16 % 2 ? c.grant(0) : c.release_any(0); }},
      // The hard one: what is given back lies in any slab, most of them deep in the order.
      {"scattered", scattered, random_half},
      {"drain",
       [](driver& d) {
         d.open(1);
         d.link(0, 1, all_slabs);
         d.fragment(0, 1, all_slabs, 1);
       },
       [](client& c) { return c.grant(0); }},
  };
  return all;
}

rtl_case measure(rtl_engine& engine, const plan& p, unsigned banks) {
  engine.reset();
  driver d(engine, banks);
  p.prepare(d);
  const bool drain = std::string_view(p.name) == "drain";
  const unsigned alone = latency_operations;
  const unsigned fast = drain ? all_slabs - alone : operations;
  figures slow = d.run(alone, p.next, true);
  const figures rate = d.run(fast, p.next);
  std::sort(slow.latencies.begin(), slow.latencies.end());
  return {"slab",
          p.name,
          banks,
          static_cast<double>(rate.operations) / static_cast<double>(rate.cycles),
          static_cast<double>(rate.blocks) / static_cast<double>(rate.cycles),
          latency{slow.latencies.front(), slow.latencies[slow.latencies.size() / 2],
                  slow.latencies.back()}};
}

}  // namespace

std::vector<rtl_case> measure_slab(const progress& tell) {
  rtl_engine engine;
  std::vector<rtl_case> out;
  for (const unsigned banks : {1u, rtl_engine::banks}) {
    for (const plan& p : plans()) {
      tell(fmt::format("slab {}, {} bank{}", p.name, banks, banks == 1 ? "" : "s"));
      out.push_back(measure(engine, p, banks));
    }
  }
  return out;
}

}  // namespace exalloc::bench
