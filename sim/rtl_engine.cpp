#include "rtl_engine.hpp"

#include <verilated.h>

#include <stdexcept>

#include "Vslab_engine.h"
#include "model_context.hpp"

namespace exalloc::sim {
namespace {

constexpr unsigned slab_bits = 14, limit_bits = 6, domain_bits = 6;

// The ports are flat vectors, one field a bank; those of at most 64 bits are plain integers.
template <class Word>
void put(Word& vector, unsigned bank, unsigned bits, std::uint64_t value) {
  const std::uint64_t mask = ((std::uint64_t{1} << bits) - 1) << (bank * bits);
  vector = static_cast<Word>((vector & ~mask) | (value << (bank * bits) & mask));
}
template <class Word>
std::uint64_t get(Word vector, unsigned bank, unsigned bits) {
  return std::uint64_t{vector} >> (bank * bits) & ((std::uint64_t{1} << bits) - 1);
}

}  // namespace

struct rtl_engine::model {
  model_context context;
  Vslab_engine top{&context};
  std::uint64_t cycles = 0;
  unsigned accepted = 0;  // bank b in bit b

  void clock() {
    top.clk_i = 0;
    top.eval();
    accepted = top.req_valid_i & top.req_ready_o;
    top.clk_i = 1;
    top.eval();
    ++cycles;
    top.req_valid_i = 0;
  }
};

rtl_engine::rtl_engine() : model_(std::make_unique<model>()) { reset(); }
rtl_engine::~rtl_engine() { model_->top.final(); }

void rtl_engine::reset() {
  model& m = *model_;
  m.top.req_valid_i = 0;
  m.top.rst_i = 1;
  for (int i = 0; i < 4; ++i) m.clock();
  m.top.rst_i = 0;
  for (unsigned i = 0; !m.top.ready_o; ++i) {
    if (i > 2 * slabs_per_bank) throw std::runtime_error("the slab engine does not become ready");
    m.clock();
  }
}

void rtl_engine::offer(unsigned bank, const bank_request& r) {
  Vslab_engine& t = model_->top;
  put(t.req_valid_i, bank, 1, 1);
  put(t.req_op_i, bank, 3, static_cast<unsigned>(r.op));
  put(t.req_list_i, bank, 8, r.list);
  put(t.req_domain_i, bank, domain_bits, r.domain);
  put(t.req_slab_i, bank, slab_bits, r.slab);
  put(t.req_limit_i, bank, limit_bits, r.limit);
  t.req_mask_i[2 * bank] = static_cast<std::uint32_t>(r.mask);
  t.req_mask_i[2 * bank + 1] = static_cast<std::uint32_t>(r.mask >> 32);
}

void rtl_engine::clock() { model_->clock(); }

bool rtl_engine::accepted(unsigned bank) const { return model_->accepted >> bank & 1; }

std::optional<bank_response> rtl_engine::response(unsigned bank) const {
  const Vslab_engine& t = model_->top;
  if (!(t.rsp_valid_o >> bank & 1)) return std::nullopt;
  bank_response out;
  out.status = static_cast<regs::status>(get(t.rsp_status_o, bank, 4));
  out.slab = static_cast<std::uint32_t>(get(t.rsp_slab_o, bank, slab_bits));
  out.mask = t.rsp_mask_o[2 * bank] | std::uint64_t{t.rsp_mask_o[2 * bank + 1]} << 32;
  return out;
}

std::uint64_t rtl_engine::cycles() const { return model_->cycles; }

}  // namespace exalloc::sim
