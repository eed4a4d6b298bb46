#include "rtl_lookaside.hpp"

#include <verilated.h>

#include <stdexcept>

#include "Vlookaside_engine.h"
#include "model_context.hpp"

namespace exalloc::sim {

struct rtl_lookaside::model {
  model_context context;
  Vlookaside_engine top{&context};
  std::uint64_t cycles = 0;
  bool accepted = false;

  void clock() {
    top.clk_i = 0;
    top.eval();
    accepted = top.req_valid_i && top.req_ready_o;
    top.clk_i = 1;
    top.eval();
    ++cycles;
    top.req_valid_i = 0;
  }
};

rtl_lookaside::rtl_lookaside() : model_(std::make_unique<model>()) {
  model& m = *model_;
  m.top.req_valid_i = m.top.read_i = 0;
  m.top.rst_i = 1;
  for (int i = 0; i < 4; ++i) m.clock();
  m.top.rst_i = 0;
  for (unsigned i = 0; !m.top.ready_o; ++i) {
    if (i > 100 * lists) throw std::runtime_error("the lookaside engine does not become ready");
    m.clock();
  }
}
rtl_lookaside::~rtl_lookaside() { model_->top.final(); }

void rtl_lookaside::offer(const lookaside_request& r) {
  Vlookaside_engine& t = model_->top;
  t.req_valid_i = 1;
  t.req_op_i = static_cast<std::uint8_t>(r.op);
  t.req_list_i = static_cast<std::uint8_t>(r.list);
  t.req_domain_i = static_cast<std::uint8_t>(r.domain);
  t.req_data_i = r.data;
}

void rtl_lookaside::clock() { model_->clock(); }

bool rtl_lookaside::accepted() const { return model_->accepted; }

std::optional<lookaside_response> rtl_lookaside::response() const {
  const Vlookaside_engine& t = model_->top;
  if (!t.rsp_valid_o) return std::nullopt;
  return lookaside_response{static_cast<regs::status>(t.rsp_status_o), t.rsp_data_o};
}

std::uint64_t rtl_lookaside::cycles() const { return model_->cycles; }

}  // namespace exalloc::sim
