// What each file of allocators offers to the measuring program.
#pragma once

#include "request.hpp"

namespace exalloc::bench {

sample measure_boost_lockfree(const request& r);
sample measure_boost_pool(const request& r);
sample measure_dpdk_bulk(const request& r);
sample measure_dpdk_cached(const request& r);
sample measure_empty(const request& r);
sample measure_lookaside(const request& r);
sample measure_malloc(const request& r);
sample measure_pmr(const request& r);
sample measure_pool(const request& r);
sample measure_private_list(const request& r);
sample measure_spinlock(const request& r);
sample measure_treiber(const request& r);
sample measure_zone(const request& r);
sample measure_zone_lockfree(const request& r);

}  // namespace exalloc::bench
