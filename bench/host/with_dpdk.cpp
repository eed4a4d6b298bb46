// rte_mempool with its per-core caches, in normal pages and without devices.
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include <string>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

void start_dpdk() {
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  std::vector<std::string> words{
      "exalloc", "-l", std::to_string(cpu), "--no-huge",      "--no-pci",         "--no-shconf",
      "-m",      "64", "--no-telemetry",    "--iova-mode=va", "--log-level=error"};
  std::vector<char*> arguments;
  for (std::string& w : words) arguments.push_back(w.data());
  if (::rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(std::string("rte_eal_init: ") + ::rte_strerror(rte_errno));
  // It bound this thread to one processor.
  ::sched_setaffinity(0, sizeof allowed, &allowed);
}

class dpdk_pool {
 public:
  explicit dpdk_pool(const std::vector<unsigned>& sizes, unsigned blocks = blocks_each) {
    constexpr std::array names{"first", "second", "third"};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      // One less than a power of two is what its ring holds without waste. The largest cache.
      pools_[i] = ::rte_mempool_create(names[i], blocks - 1, sizes[i], RTE_MEMPOOL_CACHE_MAX_SIZE,
                                       0, nullptr, nullptr, nullptr, nullptr, SOCKET_ID_ANY,
                                       RTE_MEMPOOL_F_NO_IOVA_CONTIG);
      if (pools_[i] == nullptr)
        throw std::runtime_error(std::string("rte_mempool_create: ") + ::rte_strerror(rte_errno));
    }
  }
  ~dpdk_pool() {
    for (rte_mempool* p : pools_) ::rte_mempool_free(p);
  }
  dpdk_pool(const dpdk_pool&) = delete;
  dpdk_pool& operator=(const dpdk_pool&) = delete;

  // The thread that started DPDK has a cache; another must ask for one.
  struct attached {
    attached() {
      if (::rte_thread_register() != 0)
        throw std::runtime_error(std::string("rte_thread_register: ") + ::rte_strerror(rte_errno));
    }
    ~attached() { ::rte_thread_unregister(); }
    attached(const attached&) = delete;
    attached& operator=(const attached&) = delete;
  };
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    void* p;
    return ::rte_mempool_get(pools_[which], &p) == 0 ? p : nullptr;
  }
  [[gnu::always_inline]] void release(void* p, unsigned which) {
    ::rte_mempool_put(pools_[which], p);
  }

 protected:
  std::array<rte_mempool*, 3> pools_{};
};

class dpdk_bulk_pool : public dpdk_pool {
 public:
  using dpdk_pool::dpdk_pool;
  void allocate_bulk(void** out, unsigned n) {
    if (::rte_mempool_get_bulk(pools_[0], out, n) != 0) [[unlikely]]
      throw std::runtime_error("rte_mempool_get_bulk: no blocks");
    escape(out);
  }
  void release_bulk(void** blocks, unsigned n) {
    escape(blocks);
    ::rte_mempool_put_bulk(pools_[0], blocks, n);
  }
};

}  // namespace

sample measure_dpdk_cached(const request& r) {
  start_dpdk();
  return measure<alone | apart | passing | ending, dpdk_pool>(r);
}
sample measure_dpdk_bulk(const request& r) {
  start_dpdk();
  return measure<alone | apart | passing, dpdk_bulk_pool>(r);
}

}  // namespace exalloc::bench
