// The engines that measure_rtl measures, one after the other.
#pragma once

#include <vector>

#include "bench_rtl.hpp"

namespace exalloc::bench {

std::vector<rtl_case> measure_slab(const progress& tell);
std::vector<rtl_case> measure_lookaside(const progress& tell);
std::vector<rtl_case> measure_stream(const progress& tell);

}  // namespace exalloc::bench
