// The pools of std::pmr: the unsynchronized one where one thread uses it, else the synchronized.
#include <memory_resource>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

template <class Resource, bool Shared>
class pmr_pool {
 public:
  explicit pmr_pool(const std::vector<unsigned>& sizes) {
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  }
  static constexpr bool shared = Shared;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    return pool_.allocate(sizes_[which], 16);
  }
  [[gnu::always_inline]] void release(void* p, unsigned which) {
    pool_.deallocate(p, sizes_[which], 16);
  }

 private:
  std::array<unsigned, 3> sizes_{};
  Resource pool_;
};

}  // namespace

sample measure_pmr(const request& r) {
  if (r.what.front() == 'd')
    return measure<passing, pmr_pool<std::pmr::synchronized_pool_resource, true>>(r);
  return measure<alone | apart | shifting, pmr_pool<std::pmr::unsynchronized_pool_resource, false>>(
      r);
}

}  // namespace exalloc::bench
