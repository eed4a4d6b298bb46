#include "card/soft_slabs.hpp"

namespace exalloc::soft {

using regs::counter;
using regs::status;

command_result slab_engine::command(regs::command what, unsigned list, unsigned domain,
                                    std::uint32_t slab, std::uint32_t count, unsigned limit) {
  command_result out;
  const auto note = [&](status s) {
    counters_.count(counter::engine_ops);
    if (out.status == status::ok) out.status = s;
    return s == status::ok;
  };
  if (what < regs::command::open || what > regs::command::trim) return {status::bad_command};
  if (list >= regs::max_lists) return {status::bad_list};
  const bool walks = what == regs::command::link || what == regs::command::unlink;
  if (walks && count > slabs_) return {status::range};
  switch (what) {
    case regs::command::open:
      for (bank& b : banks_) note(b.open(list, domain).status);
      if (out.status == status::ok) accounts_.opened(list);
      break;
    case regs::command::close:
      for (bank& b : banks_) note(b.close(list).status);
      if (out.status == status::ok) accounts_.closed(list);
      break;
    case regs::command::link:
    case regs::command::unlink:
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t s = slab + i;
        if (!exists(s)) {
          if (out.status == status::ok) out.status = status::range;
          continue;
        }
        const bool linking = what == regs::command::link;
        const unsigned last = i + 1 == count ? limit : slab_width - 1;
        const bank_result r =
            linking ? bank_of(s).link(list, in_bank(s), last) : bank_of(s).unlink(list, in_bank(s));
        if (!note(r.status)) continue;
        ++out.slab;
        counters_.count(linking ? counter::slabs_linked : counter::slabs_taken);
        if (linking) accounts_.linked(list, last + 1);
      }
      break;
    case regs::command::trim: {
      const bank_result r = bank_of(slab).trim(list);
      if (!note(r.status)) break;
      out.slab = r.slab * banks() + slab % banks();
      counters_.count(counter::slabs_taken);
      accounts_.trimmed(list, slab_width);
      break;
    }
    default:
      break;
  }
  return out;
}

}  // namespace exalloc::soft
