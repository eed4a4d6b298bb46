// The Verilated lookaside engine alone, at default size, for measuring and comparing it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "exalloc/regs.hpp"

namespace exalloc::sim {

struct lookaside_request {
  regs::lookaside_op op = regs::lookaside_op::pop;
  unsigned list = 0;
  unsigned domain = 0;
  std::uint64_t data = 0;  // push: the entry; open: the depths, as in the register command_depth
};
struct lookaside_response {
  regs::status status = regs::status::ok;
  std::uint64_t data = 0;  // pop: the entry
};

// Not thread safe.
class rtl_lookaside {
 public:
  static constexpr unsigned lists = 64;
  static constexpr unsigned depth = 256;

  rtl_lookaside();
  ~rtl_lookaside();
  rtl_lookaside(const rtl_lookaside&) = delete;
  rtl_lookaside& operator=(const rtl_lookaside&) = delete;

  // Offers a request in the coming cycle.
  void offer(const lookaside_request& request);
  // One cycle.
  void clock();
  // Whether the request that was offered in the last cycle was taken.
  bool accepted() const;
  // What was answered in the last cycle; answers come in the order of the requests.
  std::optional<lookaside_response> response() const;
  std::uint64_t cycles() const;

 private:
  struct model;
  std::unique_ptr<model> model_;
};

}  // namespace exalloc::sim
