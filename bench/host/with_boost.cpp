// boost::pool, which is for one thread, and a boost::lockfree::stack of free blocks.
#include <boost/lockfree/stack.hpp>
#include <boost/pool/pool.hpp>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

class boost_pool {
 public:
  explicit boost_pool(const std::vector<unsigned>& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) pools_[i].emplace(sizes[i]);
  }
  static constexpr bool shared = false;
  [[gnu::always_inline]] void* allocate(unsigned which) { return pools_[which]->malloc(); }
  [[gnu::always_inline]] void release(void* p, unsigned which) { pools_[which]->free(p); }

 private:
  std::array<std::optional<boost::pool<>>, 3> pools_;
};

class boost_stack {
 public:
  explicit boost_stack(const std::vector<unsigned>& sizes, unsigned blocks = blocks_each) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      memory_[i].emplace(std::size_t{sizes[i]} * blocks);
      for (unsigned k = blocks; k-- > 0;)
        release(memory_[i]->data() + std::size_t{k} * sizes[i], i);
    }
  }
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* allocate(unsigned which) {
    void* p = nullptr;
    stacks_[which].pop(p);
    return p;
  }
  [[gnu::always_inline]] void release(void* p, unsigned which) { stacks_[which].bounded_push(p); }

 private:
  std::array<std::optional<arena>, 3> memory_;
  std::array<boost::lockfree::stack<void*, boost::lockfree::capacity<blocks_each>>, 3> stacks_;
};

}  // namespace

sample measure_boost_pool(const request& r) {
  return measure<alone | apart | shifting, boost_pool>(r);
}
sample measure_boost_lockfree(const request& r) {
  return measure<alone | apart | passing | ending, boost_stack>(r);
}

}  // namespace exalloc::bench
