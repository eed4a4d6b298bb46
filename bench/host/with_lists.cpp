// Free lists as people write them by hand, and the harness without an allocator.
#include <cstdint>

#include "cases.hpp"
#include "measured.hpp"

namespace exalloc::bench {
namespace {

struct node {
  node* next;
};

// Blocks of each size, and a list of all of them for each.
template <class List>
class lists {
 public:
  explicit lists(const std::vector<unsigned>& sizes, unsigned blocks = blocks_each) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      memory_[i].emplace(std::size_t{sizes[i]} * blocks);
      for (unsigned k = blocks; k-- > 0;)
        lists_[i].push(memory_[i]->data() + std::size_t{k} * sizes[i]);
    }
  }
  static constexpr bool shared = List::shared;
  [[gnu::always_inline]] void* allocate(unsigned which) { return lists_[which].pop(); }
  [[gnu::always_inline]] void release(void* p, unsigned which) { lists_[which].push(p); }

 private:
  std::array<std::optional<arena>, 3> memory_;
  std::array<List, 3> lists_;
};

// No checks, no sharing: the limit.
class private_list {
 public:
  static constexpr bool shared = false;
  [[gnu::always_inline]] void* pop() {
    node* const n = head_;
    if (n != nullptr) head_ = n->next;
    return n;
  }
  [[gnu::always_inline]] void push(void* p) {
    auto* const n = static_cast<node*>(p);
    n->next = head_;
    head_ = n;
  }

 private:
  node* head_ = nullptr;
};

class alignas(64) spinlock_list {
 public:
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* pop() {
    lock();
    void* const p = list_.pop();
    locked_.store(false, std::memory_order_release);
    return p;
  }
  [[gnu::always_inline]] void push(void* p) {
    lock();
    list_.push(p);
    locked_.store(false, std::memory_order_release);
  }

 private:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acquire))
      while (locked_.load(std::memory_order_relaxed)) _mm_pause();
  }
  std::atomic<bool> locked_{false};
  private_list list_;
};

// Head and a count of changes, swapped together: what an SLIST is.
class alignas(64) treiber_stack {
 public:
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* pop() {
    head old = seen();
    while (old.first != nullptr &&
           !swap(old, {__atomic_load_n(&old.first->next, __ATOMIC_RELAXED), old.changes + 1})) {
    }
    return old.first;
  }
  [[gnu::always_inline]] void push(void* p) {
    auto* const n = static_cast<node*>(p);
    head old = seen();
    do __atomic_store_n(&n->next, old.first, __ATOMIC_RELAXED);
    while (!swap(old, {n, old.changes + 1}));
  }

 private:
  struct alignas(16) head {
    node* first;
    std::uint64_t changes;
  };
  // Two loads may not fit together; then the swap fails.
  head seen() const {
    const std::uint64_t changes = __atomic_load_n(&head_.changes, __ATOMIC_ACQUIRE);
    return {__atomic_load_n(&head_.first, __ATOMIC_ACQUIRE), changes};
  }
  bool swap(head& old, const head& to) {
    bool done;
    asm volatile("lock cmpxchg16b %1"
                 : "=@ccz"(done), "+m"(head_), "+a"(old.first), "+d"(old.changes)
                 : "b"(to.first), "c"(to.changes)
                 : "memory");
    return done;
  }
  head head_{};
};

// The harness alone: always the same block, and nothing taken back.
class one_block {
 public:
  static constexpr bool shared = false;
  [[gnu::always_inline]] void* pop() { return block_; }
  [[gnu::always_inline]] void push(void* p) {
    if (block_ == nullptr) block_ = p;
  }

 private:
  void* block_ = nullptr;
};

// The harness alone where two threads would share that block: addresses in turn.
class in_turn {
 public:
  static constexpr bool shared = true;
  [[gnu::always_inline]] void* pop() { return blocks_[next_++ % blocks_.size()]; }
  [[gnu::always_inline]] void push(void* p) {
    if (filled_ < blocks_.size()) blocks_[filled_++] = p;
  }

 private:
  // What pop writes lies in a line of its own.
  std::array<void*, 2048> blocks_{};
  std::size_t filled_ = 0;
  alignas(64) std::size_t next_ = 0;
};

}  // namespace

sample measure_private_list(const request& r) {
  return measure<alone | apart, lists<private_list>>(r);
}
sample measure_spinlock(const request& r) {
  return measure<alone | apart | passing | ending, lists<spinlock_list>>(r);
}
sample measure_treiber(const request& r) {
  return measure<alone | apart | passing | ending, lists<treiber_stack>>(r);
}
sample measure_empty(const request& r) {
  if (r.what.front() == 'd') return measure<passing, lists<in_turn>>(r);
  return measure<alone | apart, lists<one_block>>(r);
}

}  // namespace exalloc::bench
