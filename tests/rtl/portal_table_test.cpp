// portal_table under a host that rings, enables and disables while the card's parts are at work on
// all portals: registers, doorbells, lives and pointers against a model of each portal.
#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "Vportal_table.h"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace exalloc::test {
namespace {

namespace cfg = regs::portal_config;

constexpr unsigned kPortals = 64, kBuffer = 16;

struct Portal {
  std::array<std::uint32_t, 4> base{};
  unsigned shown_ring = 0, shown_domain = 0;  // what the host wrote last
  unsigned ring = 0, domain = 0;              // what the portal works with
  bool enable = false, live = false, start = false, failed = false, dead = false;
  std::uint16_t tail = 0, completion_head = 0;
  std::uint16_t ptr = 0, arrived = 0, taken = 0, head = 0, completion_tail = 0;
  std::uint16_t count = 0;
  unsigned bank = 0;
  bool line = false;                          // in a worker's hands
  bool fetch_look = false, run_look = false;  // somebody has read its state and will act on it
  std::uint64_t drained_since = 0;

  [[nodiscard]] bool reads() const { return ptr != arrived; }
  [[nodiscard]] bool writes() const { return completion_tail != count; }
  [[nodiscard]] bool up() const { return enable && !start; }
  [[nodiscard]] bool drained() const {
    return !reads() && !writes() && !line && !fetch_look && !run_look;
  }
};

class PortalTable : public ports::ModuleTest<Vportal_table> {
 protected:
  struct Access {
    std::uint64_t at;
    bool write;
    unsigned portal, address;
    std::uint32_t data;
    bool take = false, ring = false;  // a doorbell: good; of a portal that listens
    std::uint32_t expected = 0;
  };
  struct Look {
    std::uint64_t end;
    unsigned portal;
    bool live;  // when it was read
  };

  std::uint8_t Who() { return static_cast<std::uint8_t>((first_ + Random(range_)) % kPortals); }

  // ---- The host ----

  void Write(unsigned portal, unsigned address, std::uint32_t data) {
    dut_.host_we_i = 1;
    Begin({now_, true, portal, address, data});
  }
  void Read(unsigned portal, unsigned address) {
    dut_.host_re_i = 1;
    Begin({now_, false, portal, address, 0});
  }
  void Begin(const Access& access) {
    dut_.host_index_i = static_cast<std::uint8_t>(access.portal);
    dut_.host_addr_i = static_cast<std::uint8_t>(access.address);
    dut_.host_wdata_i = access.data;
    accesses_.push_back(access);
    last_access_ = now_;
  }
  void Enable(unsigned portal) {
    std::uint64_t config = cfg::enable.set(0, 1);
    config = cfg::ring_log2.set(config, Chance(85) ? 4 + Random(7) : Random(16));
    Write(portal, regs::offset::portal_config,
          static_cast<std::uint32_t>(cfg::domain.set(config, Random(64))));
  }
  void RandomAccess() {
    const unsigned portal = Who();
    const Portal& p = portals_[portal];
    const unsigned dice = Random(100);
    if (dice < 20) return Read(portal, 4 * Random(7));
    if (dice < 30) return Write(portal, 4 * Random(4), static_cast<std::uint32_t>(rng_()));
    if (dice < 30 + config_percent_) {
      if (Chance(60)) return Enable(portal);
      return Write(portal, regs::offset::portal_config, static_cast<std::uint32_t>(rng_()) & ~1u);
    }
    // A doorbell that is right, or wrong in one of its halves.
    const auto ahead = static_cast<std::uint16_t>(p.tail - p.head);
    const unsigned room = (1u << p.shown_ring) - std::min<unsigned>(ahead, 1u << p.shown_ring);
    const auto unread = static_cast<std::uint16_t>(p.completion_tail - p.completion_head);
    unsigned tail = p.tail + Random(std::min(room, 40u) + 1);
    const bool lazy = Chance(lazy_percent_);
    unsigned head = p.completion_head + (lazy ? 0 : Random(unread + 1u));
    if (Chance(10)) tail = p.tail + room + Random(3);
    if (Chance(5)) tail = p.tail - Random(3);
    if (!lazy && Chance(5)) head = p.completion_tail + Random(3);
    if (!lazy && Chance(5)) head = p.completion_head - Random(3);
    if (Chance(3)) tail = Random(0x10000);
    Write(portal, regs::offset::doorbell, (tail & 0xffff) | head << 16);
  }

  // What the table reads in the cycle after an access.
  void Judge(Access& a) {
    const Portal& p = portals_[a.portal];
    const std::uint16_t head = p.up() ? p.head : 0;
    if (a.address == regs::offset::doorbell) {
      const auto tail = static_cast<std::uint16_t>(a.data);
      const auto consumed = static_cast<std::uint16_t>((a.data >> 16) - p.completion_head);
      const auto written = p.up() ? p.completion_tail : std::uint16_t{0};
      const auto ahead = static_cast<std::uint16_t>(tail - head);
      a.ring = a.write && p.enable && !p.failed;
      a.take = a.ring && ahead <= 1u << p.shown_ring &&
               ahead >= static_cast<std::uint16_t>(p.tail - head) &&
               consumed <= static_cast<std::uint16_t>(written - p.completion_head);
    }
    const std::uint64_t bit = std::uint64_t{1} << a.portal;
    if (a.address < 16) a.expected = p.base[a.address / 4];
    if (a.address == regs::offset::portal_config) {
      a.expected = p.enable | p.shown_ring << 8 | p.shown_domain << 16;
    }
    if (a.address == regs::offset::portal_status) {
      const bool busy = p.reads() || p.writes() || (dut_.in_hand_i & bit) || p.start ||
                        (p.live && ((dut_.waiting_i | dut_.fetching_i) & bit));
      namespace st = regs::portal_status;
      std::uint64_t status = st::head.set(0, head);
      status = st::enabled.set(status, p.enable && !p.failed);
      status = st::busy.set(status, busy);
      status = st::stalled.set(status, p.live && (dut_.stalled_i & bit));
      a.expected = static_cast<std::uint32_t>(st::failed.set(status, p.failed));
    }
  }
  void Act(const Access& a) {
    Portal& p = portals_[a.portal];
    if (!a.write) return;
    if (a.address < 16) p.base[a.address / 4] = a.data;
    if (a.take) {
      p.tail = static_cast<std::uint16_t>(a.data);
      p.completion_head = static_cast<std::uint16_t>(a.data >> 16);
    }
    if (a.address == regs::offset::portal_config) {
      last_config_ = now_;
      p.shown_ring = static_cast<unsigned>(cfg::ring_log2.get(a.data));
      p.shown_domain = static_cast<unsigned>(cfg::domain.get(a.data));
      p.enable = (a.data & 1) != 0 && p.shown_ring >= 4 && p.shown_ring <= 10;
      p.live = p.failed = false;
      p.start = p.enable;
      if (p.enable) {
        p.ring = p.shown_ring;
        p.domain = p.shown_domain;
        p.tail = p.completion_head = 0;
        p.dead = true;
      }
    }
  }

  // ---- The card's other parts: each works on one portal a cycle ----

  // Looks that began when the portal was live may still act when it is not.
  template <typename Act>
  void EndLook(std::deque<Look>& looks, bool Portal::*mark, Act act) {
    if (looks.empty() || looks.front().end > now_) return;
    const Look look = looks.front();
    looks.pop_front();
    ended_.push_back({look.portal, mark});
    if (look.live) act(look.portal);
  }
  void BeginLook(std::deque<Look>& looks, bool Portal::*mark) {
    const unsigned i = Who();
    Portal& p = portals_[i];
    if (p.*mark || p.line || !(p.live || Chance(10))) return;
    p.*mark = true;
    looks.push_back(
        {std::max(now_ + 3 + Random(3), looks.empty() ? 0 : looks.back().end + 1), i, p.live});
  }

  void Work() {
    dut_.f_we_i = dut_.r_we_i = dut_.s_we_i = dut_.w_we_i = dut_.b_we_i = 0;
    dut_.read_fail_i = 0;
    dut_.write_fail_i = write_fail_next_;
    dut_.write_fail_idx_i = dut_.b_idx_i;
    write_fail_next_ = false;
    EndLook(fetch_looks_, &Portal::fetch_look, [this](unsigned i) {
      Portal& p = portals_[i];
      const unsigned left = static_cast<std::uint16_t>(p.tail - p.ptr);
      const unsigned room = kBuffer - static_cast<std::uint16_t>(p.ptr - p.taken);
      // A portal that is being replaced may have another tail already.
      const unsigned lines = std::min({left, room, 1 + Random(4)});
      if (lines == 0 || left > 1u << p.ring) return;
      dut_.f_we_i = 1;
      dut_.f_widx_i = static_cast<std::uint8_t>(i);
      dut_.f_ptr_i = static_cast<std::uint16_t>(p.ptr + lines);
    });
    EndLook(run_looks_, &Portal::run_look, [this](unsigned i) {
      Portal& p = portals_[i];
      if (p.arrived == p.taken) return;
      p.line = true;
      dut_.s_we_i = 1;
      dut_.s_widx_i = static_cast<std::uint8_t>(i);
      dut_.s_taken_i = (p.taken + 1) % (2 * kBuffer);
    });
    BeginLook(fetch_looks_, &Portal::fetch_look);
    BeginLook(run_looks_, &Portal::run_look);

    dut_.r_widx_i = Who();
    if (const Portal& p = portals_[dut_.r_widx_i]; p.reads() && Chance(60)) {
      dut_.r_we_i = 1;
      dut_.r_arrived_i = (p.arrived + 1) % (2 * kBuffer);
      dut_.read_fail_i = Chance(fail_percent_);
      dut_.read_fail_idx_i = dut_.r_widx_i;
    }
    dut_.w_widx_i = Who();
    const Portal& w = portals_[dut_.w_widx_i];
    if (w.line && static_cast<std::uint16_t>(w.completion_tail - w.count) < 100 && Chance(60)) {
      dut_.w_we_i = 1;
      dut_.w_last_i = Chance(70);
      dut_.w_tail_i = static_cast<std::uint16_t>(w.completion_tail + (!w.dead && Chance(80)));
      dut_.w_head_i = static_cast<std::uint16_t>(w.head + dut_.w_last_i);
      dut_.w_bank_i = static_cast<std::uint8_t>(Random(4));
    }
    dut_.b_idx_i = Who();
    if (const Portal& b = portals_[dut_.b_idx_i]; b.writes() && Chance(60)) {
      dut_.b_we_i = 1;
      dut_.b_count_i = static_cast<std::uint8_t>(b.count + 1);
      write_fail_next_ = Chance(fail_percent_);
    }
    dut_.in_hand_i = dut_.fetching_i = 0;
    for (unsigned i = 0; i < kPortals; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if (portals_[i].line || portals_[i].run_look) dut_.in_hand_i |= bit;
      if (portals_[i].fetch_look) dut_.fetching_i |= bit;
    }
    if (hold_) dut_.in_hand_i = ~std::uint64_t{0};
    if (fail_ && fail_->write) {
      dut_.write_fail_i = 1;
      dut_.write_fail_idx_i = static_cast<std::uint8_t>(fail_->portal);
    } else if (fail_) {
      dut_.read_fail_i = 1;
      dut_.read_fail_idx_i = static_cast<std::uint8_t>(fail_->portal);
    }
    fail_.reset();
    dut_.waiting_i = rng_() & rng_();
    dut_.stalled_i = rng_();
  }
  void Done() {
    if (dut_.f_we_i) portals_[dut_.f_widx_i].ptr = dut_.f_ptr_i;
    if (dut_.r_we_i) ++portals_[dut_.r_widx_i].arrived;
    if (dut_.s_we_i) ++portals_[dut_.s_widx_i].taken;
    if (dut_.w_we_i) {
      Portal& p = portals_[dut_.w_widx_i];
      p.completion_tail = dut_.w_tail_i;
      p.head = dut_.w_head_i;
      if (dut_.w_last_i) {
        p.bank = dut_.w_bank_i;
        p.line = false;
      }
    }
    if (dut_.b_we_i) ++portals_[dut_.b_idx_i].count;
    for (const auto& [portal, mark] : ended_) portals_[portal].*mark = false;
    ended_.clear();
    if (dut_.read_fail_i) Fail(dut_.read_fail_idx_i);
    if (dut_.write_fail_i) Fail(dut_.write_fail_idx_i);
  }
  void Fail(unsigned i) {
    Portal& p = portals_[i];
    if (p.start) return;
    ++failures_;
    p.failed = p.dead = true;
    p.live = false;
  }

  // ---- What everybody sees ----

  void CheckReads() {
    dut_.f_idx_i = Who();
    dut_.s_idx_i = Who();
    dut_.w_idx_i = Who();
    dut_.q_idx_i = Who();
    Settle();
    const Portal &f = portals_[dut_.f_idx_i], &s = portals_[dut_.s_idx_i];
    const Portal &w = portals_[dut_.w_idx_i], &q = portals_[dut_.q_idx_i];
    ASSERT_EQ(dut_.f_live_o, f.live);
    ASSERT_EQ(dut_.f_ptr_o, f.ptr);
    ASSERT_EQ(dut_.f_tail_o, f.tail);
    ASSERT_EQ(dut_.f_taken_o, f.taken % (2 * kBuffer));
    ASSERT_EQ(dut_.f_base_o, f.base[0] | std::uint64_t{f.base[1]} << 32);
    ASSERT_EQ(dut_.f_ring_log2_o, f.ring);
    ASSERT_EQ(dut_.s_live_o, s.live);
    ASSERT_EQ(dut_.s_arrived_o, s.arrived % (2 * kBuffer));
    ASSERT_EQ(dut_.s_taken_o, s.taken % (2 * kBuffer));
    ASSERT_EQ(dut_.s_completion_head_o, s.completion_head);
    ASSERT_EQ(dut_.s_completion_tail_o, s.completion_tail);
    ASSERT_EQ(dut_.s_head_o, s.head);
    ASSERT_EQ(dut_.s_ring_log2_o, s.ring);
    ASSERT_EQ(dut_.s_domain_o, s.domain);
    ASSERT_EQ(dut_.s_bank_o, s.bank);
    ASSERT_EQ(dut_.w_dead_o, w.dead);
    ASSERT_EQ(dut_.w_tail_o, w.completion_tail);
    ASSERT_EQ(dut_.w_head_o, w.head);
    ASSERT_EQ(dut_.w_base_o, w.base[2] | std::uint64_t{w.base[3]} << 32);
    ASSERT_EQ(dut_.w_ring_log2_o, w.ring);
    ASSERT_EQ(dut_.b_count_o, portals_[dut_.b_idx_i].count % 256);
    ASSERT_EQ(dut_.q_tail_o, q.tail);
    ASSERT_EQ(dut_.q_head_o, q.head);
    const auto worth = [](const Portal& p) { return !p.failed && !p.start; };
    ASSERT_EQ(dut_.read_fail_new_o, dut_.read_fail_i && worth(portals_[dut_.read_fail_idx_i]));
    ASSERT_EQ(dut_.write_fail_new_o, dut_.write_fail_i && worth(portals_[dut_.write_fail_idx_i]));
  }

  void Step() {
    Work();
    CheckReads();
    if (HasFailure()) return;
    bool starting = false;
    for (const Portal& p : portals_) starting = starting || p.start;
    for (Access& a : accesses_) {
      if (a.at + 1 == now_) Judge(a);
    }
    Cycle();
    dut_.host_we_i = dut_.host_re_i = 0;
    Settle();
    Done();
    ASSERT_EQ(dut_.starting_o, starting);
    if (dut_.start_o) Started(dut_.event_idx_o);
    bool took = false, bad = false;
    for (const Access& a : accesses_) {
      if (!a.write && a.at + 3 == now_) {
        ASSERT_EQ(dut_.host_rdata_o, a.expected)
            << "portal " << a.portal << " address " << a.address;
        ++reads_;
      }
      if (a.at + 4 != now_) continue;
      Act(a);
      took = a.take;
      bad = a.ring && !a.take;
      if (took) {
        ASSERT_EQ(dut_.event_idx_o, a.portal);
      }
      if (bad) {
        ASSERT_EQ(dut_.bad_doorbell_idx_o, a.portal);
      }
    }
    std::erase_if(accesses_, [this](const Access& a) { return a.at + 4 <= now_; });
    ASSERT_EQ(dut_.doorbell_o, took);
    ASSERT_EQ(dut_.bad_doorbell_o, bad);
    ASSERT_EQ(dut_.event_o, took || dut_.start_o);
    good_bells_ += took;
    bad_bells_ += bad;
    std::uint64_t live = 0;
    for (unsigned i = 0; i < kPortals; ++i) {
      Portal& p = portals_[i];
      live |= std::uint64_t{p.live} << i;
      // Every portal is looked at in turn, but for the cycles of the host's accesses; the portal
      // that was configured last is where the turn goes on.
      if (!p.start || !p.drained() || hold_) p.drained_since = now_;
      p.drained_since = std::max(p.drained_since, last_config_);
      ASSERT_LT(now_ - p.drained_since, 2 * kPortals + 10) << "portal " << i << " never starts";
    }
    ASSERT_EQ(dut_.live_o, live);
  }
  void Started(unsigned i) {
    Portal& p = portals_[i];
    ASSERT_TRUE(p.start) << "portal " << i;
    ASSERT_FALSE(p.reads() || p.writes() || p.line) << "portal " << i << " starts too early";
    p.live = true;
    p.start = p.dead = false;
    p.ptr = p.arrived = p.taken = p.head = p.completion_tail = p.count = 0;
    p.bank = 0;
    ++starts_;
  }

  // A reset of one cycle, whatever is on its way: nothing is left of it.
  void Restart() {
    dut_.rst_i = 1;
    dut_.host_we_i = dut_.host_re_i = 0;
    dut_.f_we_i = dut_.r_we_i = dut_.s_we_i = dut_.w_we_i = dut_.b_we_i = 0;
    dut_.read_fail_i = dut_.write_fail_i = 0;
    Cycle();
    dut_.rst_i = 0;
    portals_.fill({});
    accesses_.clear();
    fetch_looks_.clear();
    run_looks_.clear();
    ended_.clear();
    write_fail_next_ = false;
    for (Portal& p : portals_) p.drained_since = now_;
    last_config_ = now_;
    last_access_ = now_;
    ASSERT_EQ(dut_.live_o, 0u);
    ASSERT_FALSE(dut_.starting_o || dut_.event_o || dut_.start_o || dut_.doorbell_o ||
                 dut_.bad_doorbell_o);
  }

  void ReadAll() {
    for (unsigned i = 0; i < kPortals; ++i) {
      for (unsigned address = 0; address <= regs::offset::portal_status; address += 4) {
        Read(i, address);
        for (int step = 0; step < 4; ++step) {
          Step();
          if (HasFailure()) return;
        }
      }
    }
  }

  std::array<Portal, kPortals> portals_;
  std::vector<Access> accesses_;
  std::deque<Look> fetch_looks_, run_looks_;
  std::vector<std::pair<unsigned, bool Portal::*>> ended_;
  std::uint64_t last_access_ = 0, last_config_ = 0;
  bool write_fail_next_ = false;
  bool hold_ = false;  // something of every portal is in hand
  struct Failure {
    bool write;
    unsigned portal;
  };
  std::optional<Failure> fail_;  // one that is to come, without a cause
  unsigned first_ = 0, range_ = kPortals, config_percent_ = 5, fail_percent_ = 0;
  unsigned lazy_percent_ = 0;  // how often the host tells of lines without having read any
  unsigned reads_ = 0, good_bells_ = 0, bad_bells_ = 0, starts_ = 0, failures_ = 0;
};

TEST_F(PortalTable, KeepsEveryPortalsState) {
  for (unsigned phase = 0; phase < 96; ++phase) {
    // All portals, or a few of them, once without and once with errors of the bus.
    first_ = phase / 3 * 2;
    range_ = phase % 3 == 0 ? kPortals : 2 + Random(6);
    config_percent_ = phase % 4 == 3 ? 30 : 3;
    fail_percent_ = phase % 3 == 2 ? 5 : 0;
    const unsigned access = phase % 2 == 0 ? 100 : 20;
    for (int i = 0; i < 2000; ++i) {
      if (now_ - last_access_ >= 3 && Chance(access)) RandomAccess();
      Step();
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(reads_, 2000u);
  EXPECT_GT(good_bells_, 3000u);
  EXPECT_GT(bad_bells_, 500u);
  EXPECT_GT(starts_, 200u);
  EXPECT_GT(failures_, 50u);
}

// Each portal fails, alone, while all are live, and is told from the others; some start again.
TEST_F(PortalTable, EachPortalFailsForItself) {
  const auto quiet = [this](unsigned steps) {
    while (steps-- > 0 && !HasFailure()) Step();
  };
  for (const bool writes : {false, true}) {
    config_percent_ = 0;
    // All wait to start at once, and then each starts for itself.
    hold_ = true;
    for (unsigned i = 0; i < kPortals; ++i) {
      Write((i * 23 + 7) % kPortals, regs::offset::portal_config, 0x0401);
      quiet(4);
    }
    quiet(100);
    ASSERT_EQ(dut_.live_o, 0u);
    hold_ = false;
    quiet(300);
    ASSERT_EQ(dut_.live_o, ~std::uint64_t{0});
    for (unsigned n = 0; n < kPortals && !HasFailure(); ++n) {
      const unsigned i = (n * 37 + 5) % kPortals;
      fail_ = Failure{writes, i};
      Step();
      ASSERT_FALSE(portals_[i].live);
      Read(i, regs::offset::portal_status);
      quiet(4);
      Read((i + 1 + Random(kPortals - 1)) % kPortals, regs::offset::portal_status);
      quiet(4);
    }
    ASSERT_EQ(dut_.live_o, 0u);
    ReadAll();
    if (HasFailure()) return;
  }
}

TEST_F(PortalTable, ForgetsAllInAResetInMidWork) {
  config_percent_ = 30;
  fail_percent_ = 5;
  for (unsigned round = 0; round < 120 && !HasFailure(); ++round) {
    first_ = Random(kPortals);
    range_ = round % 3 == 0 ? kPortals : 3;
    for (unsigned i = 200 + Random(200); i > 0 && !HasFailure(); --i) {
      if (now_ - last_access_ >= 3) RandomAccess();
      Step();
    }
    // An access, or a portal that is about to start, is in any stage.
    if (now_ - last_access_ >= 3) RandomAccess();
    for (unsigned i = Random(5); i > 0 && !HasFailure(); --i) Step();
    if (HasFailure()) return;
    Restart();
    if (round % 20 == 0 && !HasFailure()) ReadAll();
  }
  EXPECT_GT(failures_, 50u);
}

TEST_F(PortalTable, CountsMoreUnreadLinesThanTheLargestRing) {
  first_ = Random(kPortals);
  range_ = 1;
  config_percent_ = 0;
  Enable(first_);
  unsigned most = 0;
  for (int i = 0; i < 40'000; ++i) {
    lazy_percent_ = i < 30'000 ? 100 : 95;
    if (now_ - last_access_ >= 3) RandomAccess();
    Step();
    if (HasFailure()) return;
    const Portal& p = portals_[first_];
    most =
        std::max<unsigned>(most, static_cast<std::uint16_t>(p.completion_tail - p.completion_head));
  }
  EXPECT_GT(most, 1024u);
}

}  // namespace
}  // namespace exalloc::test
