// The slab engine: the banks under the slab numbers and commands of the card (docs/protocol.md,
// "The slab engine", "Commands").
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "card/soft_bank.hpp"
#include "card/soft_counters.hpp"
#include "card/soft_lists.hpp"
#include "exalloc/regs.hpp"

namespace exalloc::soft {

struct command_result {
  regs::status status = regs::status::ok;
  std::uint32_t slab = 0;
};

// Whoever grants and releases accounts for it: only what leaves the card for good counts.
class slab_engine {
 public:
  slab_engine(unsigned banks, std::uint32_t slabs, event_counters& counters)
      : banks_(banks, bank(slabs / banks)),
        banks_log2_(static_cast<unsigned>(std::countr_zero(banks))),
        slabs_(slabs),
        counters_(counters),
        accounts_(counters) {}

  unsigned banks() const { return static_cast<unsigned>(banks_.size()); }
  bool exists(std::uint32_t slab) const { return slab != 0 && slab < slabs_; }
  list_accounts& accounts() { return accounts_; }

  // One operation of a bank; the slab in the result is the card's number.
  bank_result grant(unsigned bank, unsigned list, unsigned domain) {
    counters_.count(regs::counter::engine_ops);
    if (list >= regs::max_lists) return {regs::status::bad_list};
    bank_result r = banks_[bank].grant(list, domain);
    r.slab = (r.slab << banks_log2_) + bank;
    return r;
  }
  // One operation on a slab that exists.
  regs::status release(unsigned list, unsigned domain, std::uint32_t slab, std::uint64_t blocks) {
    counters_.count(regs::counter::engine_ops);
    if (list >= regs::max_lists) return regs::status::bad_list;
    return bank_of(slab).release(list, domain, in_bank(slab), blocks).status;
  }

  // The commands open to trim. Slabs of the walking ones are numbered from slab up.
  command_result command(regs::command what, unsigned list, unsigned domain, std::uint32_t slab,
                         std::uint32_t count, unsigned limit);

 private:
  // Their number is a power of two.
  bank& bank_of(std::uint32_t slab) { return banks_[slab & (banks() - 1)]; }
  std::uint32_t in_bank(std::uint32_t slab) const { return slab >> banks_log2_; }

  std::vector<bank> banks_;
  unsigned banks_log2_;
  std::uint32_t slabs_;
  event_counters& counters_;
  list_accounts accounts_;
};

}  // namespace exalloc::soft
