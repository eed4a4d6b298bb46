// Stream ports among banks, kernels and a list monitor: every block is in one
// place at any time. Works on stream_port as on stream_ports, whose port 0 it
// is then.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "exalloc/regs.hpp"
#include "module_test.hpp"
#include "stream_banks.hpp"

namespace stream_banks {

template <class Dut, unsigned kPorts>
class StreamHarness : public ports::ModuleTest<Dut> {
 protected:
  using Base = ports::ModuleTest<Dut>;
  using Base::Chance;
  using Base::Cycle;
  using Base::dut_;
  using Base::now_;
  using Base::Random;
  using Base::Settle;
  static constexpr bool kMany = requires(Dut dut) { dut.index_i; };
  static constexpr unsigned kPause = 4096;

  struct Port {
    // what the test wants
    unsigned take = 100, push = 100;  // percent
    std::deque<std::uint32_t> queue;  // to be pushed
    // what is known
    int list = 0, domain = 0;
    bool pop = false;
    std::optional<std::uint32_t> offered;
    std::uint64_t leaving_until = 0;  // the token offered may be taken back
    bool pushing = false;
    std::set<std::uint32_t> held;
    std::multiset<std::uint32_t> pushed;  // taken and not yet executed
    bool recalled = false;
    std::multiset<std::uint32_t> due;  // of these, before the RECALL under way
    std::optional<std::map<int, std::uint64_t>>
        released_by_it;  // `released` once none was due and nothing held
    std::map<int, std::uint64_t> given, released, told_given, told_released;  // of each list
    std::set<int> lists;  // named in operations and errors
    std::uint64_t popped = 0, pushes = 0, errors = 0, grants = 0, withdrawn = 0, silent_until = 0;
    std::map<std::tuple<int, std::uint32_t, unsigned>, unsigned> refused, expected;
  };

  StreamHarness() {
    dut_.recall_i = dut_.we_i = 0;
    if constexpr (kMany) dut_.re_i = 0;
  }

  // What a kernel may do with a token it took; the default keeps it.
  virtual void Popped(unsigned, std::uint32_t token) { pool_.push_back(token); }

  void Step() {
    namespace put = ports;
    dut_.m_axis_pop_tready_i = dut_.s_axis_push_tvalid_i = 0;
    for (unsigned p = 0; p < kPorts; ++p) {
      Port &port = ports_[p];
      put::Put(dut_.m_axis_pop_tready_i, p, 1, Chance(port.take));
      port.pushing = !port.queue.empty() && (port.pushing || Chance(port.push));
      put::Put(dut_.s_axis_push_tvalid_i, p, 1, port.pushing);
      if (port.pushing) put::Put(dut_.s_axis_push_tdata_i, p * 32, 32, port.queue.front());
      put::Put(dut_.req_ready_i, p, 1, Chance(ready_));
      put::Put(dut_.err_ready_i, p, 1, Chance(err_ready_));
      put::Put(dut_.tell_ready_i, p, 1, Chance(tell_ready_));
    }
    dut_.rsp_valid_i = 0;
    for (unsigned b = 0; b < kBanks; ++b) {
      const std::optional<Answer> answer = banks_.Next(b, now_);
      if (!answer) {
        // Nobody's answer may be garbage.
        put::Put(dut_.rsp_slot_i, b * 4, 4, Random(16));
        put::Put(dut_.rsp_status_i, b * 4, 4, Random(16));
        continue;
      }
      const Response &r = answer->response;
      const unsigned quarter =
          r.mask == 0 ? 0 : static_cast<unsigned>(std::countr_zero(r.mask)) / 16;
      put::Put(dut_.rsp_valid_i, answer->port * kBanks + b, 1, 1);
      put::Put(dut_.rsp_slot_i, b * 4, 4, answer->slot);
      put::Put(dut_.rsp_status_i, b * 4, 4, static_cast<unsigned>(r.status));
      put::Put(dut_.rsp_slab_i, b * 14, 14, static_cast<unsigned>(r.slab));
      put::Put(dut_.rsp_quarter_i, b * 2, 2, quarter);
      put::Put(dut_.rsp_bits_i, b * 16, 16, r.mask >> quarter * 16);
    }
    Settle();
    if (called_) {
      ASSERT_EQ(dut_.recall_busy_o, *called_);
      called_.reset();
    }
    for (unsigned p = 0; p < kPorts && !this->HasFatalFailure(); ++p) Watch(p);
    if (recalling_ && !dut_.recall_busy_o && !dut_.recall_i) {
      recalling_ = false;
      for (Port &port : ports_) EndRecall(port);
    }
    if (dut_.recall_i) {
      called_ = Concerned();
      recalling_ = true;
    }
    Cycle();
    dut_.recall_i = dut_.we_i = 0;
    if constexpr (kMany) dut_.re_i = 0;
  }
  void Steps(unsigned n) {
    while (n-- > 0 && !this->HasFatalFailure()) Step();
  }

  void Recall(int list) {
    dut_.recall_i = 1;
    dut_.recall_list_i = static_cast<std::uint16_t>(list);
    recall_list_ = list;
    for (Port &port : ports_) {
      if (port.list != list) continue;
      port.recalled = true;
      port.due = port.pushed;
      port.released_by_it.reset();
    }
  }
  // Calls for a list and waits; returns the cycles that took.
  unsigned RecallAndWait(int list) {
    Recall(list);
    unsigned cycles = 0;
    do {
      Step();
      ++cycles;
    } while (recalling_ && cycles < 20'000 && !this->HasFatalFailure());
    EXPECT_FALSE(recalling_) << "it hangs";
    return cycles;
  }

  void Write(unsigned p, unsigned offset, std::uint32_t value) {
    if constexpr (kMany) dut_.index_i = static_cast<std::uint8_t>(p);
    dut_.addr_i = static_cast<std::uint8_t>(offset);
    dut_.wdata_i = value;
    dut_.we_i = 1;
    Step();
  }
  std::uint32_t Read(unsigned p, unsigned offset) {
    dut_.addr_i = static_cast<std::uint8_t>(offset);
    if constexpr (kMany) {
      dut_.index_i = static_cast<std::uint8_t>(p);
      dut_.re_i = 1;
      Step();
      EXPECT_FALSE(dut_.rvalid_o);
    }
    Step();
    if constexpr (kMany) {
      EXPECT_TRUE(dut_.rvalid_o);
    }
    return dut_.rdata_o;
  }
  void Configure(unsigned p, bool pop, bool push, int list, int domain) {
    using namespace exalloc::regs;
    std::uint64_t word = 0;
    word = stream_config::pop.set(word, pop);
    word = stream_config::push.set(word, push);
    word = stream_config::list.set(word, static_cast<unsigned>(list));
    word = stream_config::domain.set(word, static_cast<unsigned>(domain));
    ports_[p].list = list;
    ports_[p].domain = domain;
    ports_[p].pop = pop;
    Write(p, kConfig, static_cast<std::uint32_t>(word));
  }

  // Nothing held, nothing on its way, everything told; what kernels took apart, and the
  // token offered where pop is set.
  void CheckRest() {
    for (Port &port : ports_) {
      ASSERT_TRUE(port.held.empty());
      ASSERT_TRUE(port.pop || !port.offered) << "a kernel is left with a token";
      ASSERT_TRUE(port.pushed.empty()) << "a token lost";
      ASSERT_EQ(port.told_given, port.given);
      ASSERT_EQ(port.told_released, port.released);
      ASSERT_EQ(port.refused, port.expected);
    }
  }

  static constexpr unsigned kConfig = 0, kStatus = 4, kPopped = 8, kPushed = 12, kRefused = 16;
  Banks banks_;
  std::array<Port, kPorts> ports_;
  std::vector<std::uint32_t> pool_;                      // tokens kernels have
  std::map<std::uint32_t, std::pair<int, int>> origin_;  // list and domain of a token granted
  unsigned ready_ = 100, err_ready_ = 100, tell_ready_ = 100, delay_ = 0;
  bool recalling_ = false;
  std::optional<bool> called_;  // a RECALL in the cycle before, and whether it concerns a port
  int recall_list_ = 0;

 private:
  bool Concerned() const {
    return std::any_of(ports_.begin(), ports_.end(),
                       [&](const Port &port) { return port.list == recall_list_; });
  }
  void EndRecall(Port &port) {
    if (!port.recalled) return;
    port.recalled = false;
    ASSERT_TRUE(port.held.empty()) << "blocks held back";
    ASSERT_TRUE(port.due.empty()) << "what was pushed is not executed";
    ASSERT_EQ(port.told_given, port.given);
    for (const auto &[list, count] : *port.released_by_it)
      ASSERT_GE(port.told_released[list], count);
    port.silent_until = now_ + kPause - 1;
  }

  // The only time when a token offered is taken back: pop is cleared, or the list or the domain is
  // no longer the token's. What has begun may go on for some cycles after a further change.
  bool Leaving(Port &port) {
    if (!port.pop || origin_.at(*port.offered) != std::pair(port.list, port.domain))
      port.leaving_until = now_ + 3;
    return now_ <= port.leaving_until;
  }

  void Watch(unsigned p) {
    using ports::Get;
    Port &port = ports_[p];
    // Tokens out.
    const bool valid = Get(dut_.m_axis_pop_tvalid_o, p, 1);
    const auto token = static_cast<std::uint32_t>(Get(dut_.m_axis_pop_tdata_o, p * 32, 32));
    if (port.offered && Leaving(port) && !valid) {
      port.held.insert(*port.offered);
      port.offered.reset();
      ++port.withdrawn;
    } else if (port.offered) {
      ASSERT_TRUE(valid && token == *port.offered) << "a token withdrawn or changed";
    } else if (valid) {
      port.offered = token;
      ASSERT_EQ(port.held.erase(token), 1u) << "not held, or offered twice";
    }
    if (valid && Get(dut_.m_axis_pop_tready_i, p, 1)) {
      Popped(p, token);
      port.offered.reset();
      ++port.popped;
    }
    // Tokens in.
    if (Get(dut_.s_axis_push_tvalid_i, p, 1) && Get(dut_.s_axis_push_tready_o, p, 1)) {
      port.pushed.insert(port.queue.front());
      const unsigned slab = port.queue.front() >> 6;
      if (slab == 0 || slab >= kSlabs) {
        Refuse(port, port.list, port.queue.front(), Status::kRange);
      }
      port.queue.pop_front();
      port.pushing = false;
      ++port.pushes;
    }
    // Operations.
    const unsigned bank = static_cast<unsigned>(Get(dut_.req_bank_o, p * 2, 2));
    const unsigned op = static_cast<unsigned>(Get(dut_.req_op_o, p * 3, 3));
    const unsigned slab = static_cast<unsigned>(Get(dut_.req_slab_o, p * 14, 14));
    const unsigned slot = static_cast<unsigned>(Get(dut_.req_slot_o, p * 4, 4));
    const std::uint64_t mask = Get(dut_.req_mask_o, p * 64, 64);
    if (Get(dut_.req_valid_o, p, 1) && Get(dut_.req_ready_i, p, 1)) {
      const int list = static_cast<int>(Get(dut_.req_list_o, p * 8, 8));
      port.lists.insert(list);
      const Request request{
          static_cast<Op>(op),    list, static_cast<int>(Get(dut_.req_domain_o, p * 6, 6)),
          static_cast<int>(slab), mask, 0};
      const Response r = banks_.Send(now_, 13 + Random(1 + delay_), bank, p, slot, request);
      if (op == static_cast<unsigned>(Op::kGrant)) {
        ASSERT_GE(now_, port.silent_until) << "asks right after a RECALL";
        ++port.grants;
        for (const auto t : Tokens(bank, static_cast<unsigned>(r.slab), r.mask)) {
          ASSERT_TRUE(port.held.insert(t).second);
          origin_[t] = {list, request.domain};
          ++port.given[list];
        }
      } else {
        ASSERT_EQ(op, static_cast<unsigned>(Op::kRelease));
        const auto tokens = Tokens(bank, slab, mask);
        ASSERT_FALSE(tokens.empty());
        for (const auto t : tokens) {
          if (r.status == Status::kOk) {
            ++port.released[list];
            if (port.held.erase(t) != 0) continue;
            Done(port, t);
          } else if (tokens.size() == 1) {
            Refuse(port, list, t, r.status);
          } else {
            ASSERT_FALSE(port.held.contains(t)) << "given back to the wrong list";
          }
        }
      }
    }
    if (port.recalled && !port.released_by_it && port.due.empty() && port.held.empty()) {
      port.released_by_it = port.released;
    }
    // Errors and reports.
    if (Get(dut_.err_valid_o, p, 1) && Get(dut_.err_ready_i, p, 1)) {
      const int list = static_cast<int>(Get(dut_.err_list_o, p * 10, 10));
      port.lists.insert(list);
      ++port.refused[{list, static_cast<std::uint32_t>(Get(dut_.err_token_o, p * 32, 32)),
                      static_cast<unsigned>(Get(dut_.err_status_o, p * 4, 4))}];
      ++port.errors;
    }
    if (Get(dut_.tell_valid_o, p, 1) && Get(dut_.tell_ready_i, p, 1)) {
      const int list = static_cast<int>(Get(dut_.tell_list_o, p * 8, 8));
      const std::uint64_t count = Get(dut_.tell_count_o, p * 7, 7);
      ASSERT_NE(count, 0u);
      const bool release = Get(dut_.tell_release_o, p, 1);
      auto &told = (release ? port.told_released : port.told_given)[list];
      told += count;
      ASSERT_LE(told, (release ? port.released : port.given)[list]);
    }
  }
  void Refuse(Port &port, int list, std::uint32_t token, Status status) {
    ++port.expected[{list, token, static_cast<unsigned>(status)}];
    Done(port, token);
  }
  // A token pushed is executed.
  void Done(Port &port, std::uint32_t token) {
    const auto found = port.pushed.find(token);
    ASSERT_NE(found, port.pushed.end()) << "a release nobody asked for";
    port.pushed.erase(found);
    if (const auto due = port.due.find(token); due != port.due.end()) port.due.erase(due);
  }
};

}  // namespace stream_banks
