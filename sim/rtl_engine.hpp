// The Verilated slab engine alone, at default size, for measuring it: one request port and one
// response port a bank.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "exalloc/regs.hpp"

namespace exalloc::sim {

struct bank_request {
  regs::bank_op op = regs::bank_op::grant;
  unsigned list = 0;
  unsigned domain = 0;
  std::uint32_t slab = 0;  // the bank's own number
  unsigned limit = 63;     // link: last existing block
  std::uint64_t mask = 0;  // release: the blocks
};
struct bank_response {
  regs::status status = regs::status::ok;
  std::uint32_t slab = 0;
  std::uint64_t mask = 0;  // grant: the blocks
};

// Not thread safe.
class rtl_engine {
 public:
  static constexpr unsigned banks = 4;
  static constexpr std::uint32_t slabs_per_bank = 16384;
  static constexpr double clock_mhz = 300.0;

  rtl_engine();
  ~rtl_engine();
  rtl_engine(const rtl_engine&) = delete;
  rtl_engine& operator=(const rtl_engine&) = delete;

  // Resets and sweeps; everything is closed and unlinked after it.
  void reset();
  // Offers a request to a bank in the coming cycle.
  void offer(unsigned bank, const bank_request& request);
  // One cycle.
  void clock();
  // Whether the bank took the request that was offered in the last cycle.
  bool accepted(unsigned bank) const;
  // What the bank answered in the last cycle; answers come in the order of the requests.
  std::optional<bank_response> response(unsigned bank) const;
  std::uint64_t cycles() const;

 private:
  struct model;
  std::unique_ptr<model> model_;
};

}  // namespace exalloc::sim
