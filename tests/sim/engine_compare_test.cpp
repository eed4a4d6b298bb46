// The Verilated slab engine against the soft card's banks, operation by operation, all banks at
// once.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

#include "card/soft_bank.hpp"
#include "rtl_engine.hpp"

namespace exalloc {
namespace {

using regs::bank_op;
using regs::status;
using sim::bank_request;
using sim::bank_response;
using sim::rtl_engine;

constexpr unsigned lists = 5;
constexpr unsigned slabs_in_use = 24;  // few, so that operations meet

soft::bank_result specified(soft::bank& b, const bank_request& r) {
  switch (r.op) {
    case bank_op::grant:
      return b.grant(r.list, r.domain);
    case bank_op::release:
      return b.release(r.list, r.domain, r.slab, r.mask);
    case bank_op::link:
      return b.link(r.list, r.slab, r.limit);
    case bank_op::trim:
      return b.trim(r.list);
    case bank_op::open:
      return b.open(r.list, r.domain);
    case bank_op::close:
      return b.close(r.list);
    case bank_op::unlink:
      return b.unlink(r.list, r.slab);
  }
  return {status::bad_command};
}

// A source of operations that knows what was granted, so that most releases are right and some are
// not.
class client {
 public:
  explicit client(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  bank_request next() {
    bank_request r{.list = below(lists), .domain = below(12) == 0 ? below(4) : 0};
    const unsigned what = below(100);
    if (what < 40) {
      r.op = bank_op::grant;
    } else if (what < 85) {
      r.op = bank_op::release;
      r.slab = below(slabs_in_use);
      r.mask = below(3) == 0 ? random_() & random_() & random_() : std::uint64_t{1} << below(64);
      if (!granted_.empty() && below(8) != 0) {
        const std::size_t i = random_() % granted_.size();
        r.list = granted_[i].list;
        r.slab = granted_[i].slab;
        r.mask = below(2) ? granted_[i].mask : granted_[i].mask & -granted_[i].mask;
        granted_[i] = granted_.back();
        granted_.pop_back();
      }
    } else if (what < 96) {
      r.op = bank_op::link;
      r.slab = below(slabs_in_use);
      r.limit = below(2) ? 63 : below(64);
    } else {
      constexpr bank_op rare[] = {bank_op::trim, bank_op::open, bank_op::close, bank_op::unlink};
      r.op = rare[below(4)];
      // Closing is kept rare, or nothing would ever be open.
      if (r.op == bank_op::close && below(6) != 0) r.op = bank_op::open;
      r.domain = 0;
      r.slab = below(slabs_in_use);
    }
    return r;
  }
  void granted(unsigned list, const soft::bank_result& r) {
    if (granted_.size() < 200) granted_.push_back({list, r.slab, r.mask});
  }

 private:
  struct piece {
    unsigned list;
    std::uint32_t slab;
    std::uint64_t mask;
  };
  std::mt19937_64 random_;
  std::vector<piece> granted_;
};

TEST(EngineCompare, RandomOperationsOnAllBanks) {
  const unsigned seed = 20261123;
  RecordProperty("seed", static_cast<int>(seed));
  struct lane {
    explicit lane(unsigned lane_seed) : source(lane_seed) {}
    client source;
    soft::bank specification{rtl_engine::slabs_per_bank};
    bank_request offered;
    bool has_offer = false;
    std::deque<std::pair<bank_request, soft::bank_result>> expected;
  };
  std::vector<lane> lanes;
  for (unsigned b = 0; b < rtl_engine::banks; ++b) lanes.emplace_back(seed + b);

  rtl_engine engine;
  std::array<std::uint64_t, 16> seen{};  // answers by status
  constexpr unsigned cycles = 400'000;
  for (unsigned cycle = 0; cycle < cycles && !testing::Test::HasFailure(); ++cycle) {
    const bool settle = cycle + 100 > cycles;
    for (unsigned b = 0; b < lanes.size(); ++b) {
      lane& l = lanes[b];
      // Gaps of random length: each bank alternates between bursts and lulls.
      if (!l.has_offer && !settle && l.source.below(cycle >> 12 & 1 ? 3 : 16) != 0) {
        l.offered = l.source.next();
        l.has_offer = true;
      }
      if (l.has_offer) engine.offer(b, l.offered);
    }
    engine.clock();
    for (unsigned b = 0; b < lanes.size(); ++b) {
      lane& l = lanes[b];
      if (l.has_offer && engine.accepted(b)) {
        l.expected.emplace_back(l.offered, specified(l.specification, l.offered));
        l.has_offer = false;
      }
      const auto answer = engine.response(b);
      if (!answer) continue;
      ASSERT_FALSE(l.expected.empty()) << "bank " << b << " answered without being asked";
      const auto [request, right] = l.expected.front();
      l.expected.pop_front();
      ++seen[static_cast<unsigned>(right.status)];
      ASSERT_EQ(regs::to_string(right.status), std::string(regs::to_string(answer->status)))
          << "bank " << b << " cycle " << cycle << " operation " << regs::to_string(request.op)
          << " list " << request.list << " slab " << request.slab << std::hex << " mask "
          << request.mask;
      if (right.status != status::ok) continue;
      if (request.op == bank_op::grant || request.op == bank_op::trim) {
        ASSERT_EQ(right.slab, answer->slab) << "bank " << b << " cycle " << cycle;
      }
      if (request.op == bank_op::grant) {
        ASSERT_EQ(right.mask, answer->mask) << "bank " << b << " cycle " << cycle;
        l.source.granted(request.list, right);
      }
    }
  }
  for (const lane& l : lanes) EXPECT_TRUE(l.expected.empty()) << "operations were not answered";
  for (status s : {status::ok, status::empty, status::double_free, status::foreign, status::range,
                   status::domain, status::bad_list, status::slab_in_use}) {
    EXPECT_GT(seen[static_cast<unsigned>(s)], 100u) << "too few answers " << regs::to_string(s);
  }
}

}  // namespace
}  // namespace exalloc
