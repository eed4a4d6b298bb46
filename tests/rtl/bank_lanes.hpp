// Stand-ins for the banks behind one requester's port: an operation is executed when it is sent and
// answered after a delay, in order for each bank, any number of banks in one cycle.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "ports.hpp"
#include "slab_bank_model.hpp"

namespace bank_lanes {

class Lanes {
 public:
  explicit Lanes(std::vector<slab_bank::Model>& banks) : banks_(banks), queues_(banks.size()) {}

  // May change an answer before it is queued: to try what the banks alone would not do.
  std::function<void(unsigned nth, slab_bank::Response&)> tamper;
  uint64_t sent = 0;
  uint64_t under_way = 0;

  template <typename Dut>
  void Send(const Dut& dut, uint64_t now, uint64_t delay, unsigned slot) {
    slab_bank::Request request;
    request.op = static_cast<slab_bank::Op>(dut.req_op_o);
    request.list = dut.req_list_o;
    request.domain = dut.req_domain_o;
    request.slab = static_cast<int>(dut.req_slab_o);
    request.mask = dut.req_mask_o;
    request.limit = dut.req_limit_o;
    slab_bank::Response response = banks_[dut.req_bank_o].Apply(request);
    if (tamper) tamper(static_cast<unsigned>(sent), response);
    auto& queue = queues_[dut.req_bank_o];
    const uint64_t due = std::max(now + delay, queue.empty() ? 0 : queue.back().due + 1);
    queue.push_back({due, slot, response});
    ++sent;
    ++under_way;
  }

  template <typename Dut>
  void Answer(Dut& dut, uint64_t now,
              const std::function<void(unsigned, unsigned, uint64_t)>& more) {
    dut.rsp_valid_i = 0;
    for (unsigned b = 0; b < queues_.size(); ++b) {
      if (queues_[b].empty() || queues_[b].front().due > now) continue;
      const Pending pending = queues_[b].front();
      queues_[b].pop_front();
      --under_way;
      dut.rsp_valid_i = static_cast<uint8_t>(dut.rsp_valid_i | 1u << b);
      ports::Put(dut.rsp_status_i, b * 4, 4, static_cast<unsigned>(pending.response.status));
      ports::Put(dut.rsp_slab_i, b * 14, 14, static_cast<unsigned>(pending.response.slab));
      if (more) more(b, pending.slot, pending.response.mask);
    }
  }

 private:
  struct Pending {
    uint64_t due;
    unsigned slot;
    slab_bank::Response response;
  };
  std::vector<slab_bank::Model>& banks_;
  std::vector<std::deque<Pending>> queues_;
};

}  // namespace bank_lanes
