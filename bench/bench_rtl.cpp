#include "bench_rtl.hpp"

#include "bench_parts.hpp"

namespace exalloc::bench {

std::vector<rtl_case> measure_rtl(const progress& tell) {
  std::vector<rtl_case> out;
  for (auto* const part : {measure_slab, measure_lookaside, measure_stream}) {
    const std::vector<rtl_case> cases = part(tell);
    out.insert(out.end(), cases.begin(), cases.end());
  }
  return out;
}

}  // namespace exalloc::bench
