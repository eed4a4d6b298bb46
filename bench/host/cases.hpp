// The cases, as templates over an allocator: no virtual call, no std::function in a loop.
//
// An allocator is a class with
//   explicit A(const std::vector<unsigned>& sizes)   blocks_each of each size where it has an end
//   void* allocate(unsigned which)                   a block of sizes[which]; NULL: none left
//   void release(void*, unsigned which)
//   static constexpr bool shared                     whether threads may use one instance
// and, where it has them, allocate_bulk and release_bulk(void**, unsigned n) for `batch` blocks,
// and a class `attached` that lives as long as a thread uses it. allocate and release are
// always_inline, so that none pays for a compiler that has had enough of inlining.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <thread>

#include "clocks.hpp"
#include "mix_steps.hpp"
#include "request.hpp"

namespace exalloc::bench {

inline constexpr unsigned blocks_each = 8192;
inline constexpr unsigned exhausted_blocks = 4096;  // in case g
inline constexpr unsigned batch = 32;
inline constexpr unsigned in_flight = 1024;  // between producer and consumer, at most

// Memory for blocks, there from the start. Blocks at multiples of 64 bytes, after `lead` bytes.
class arena {
 public:
  explicit arena(std::size_t bytes, std::size_t lead = 0) : bytes_(bytes + 64), lead_(lead) {
    start_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (start_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~arena() { ::munmap(start_, bytes_); }
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  char* data() const { return static_cast<char*>(start_) + (64 - lead_ % 64) % 64; }

 private:
  std::size_t bytes_, lead_;
  void* start_;
};

// Which size comes next, of a sequence that repeats: its own loads are as few with any allocator.
template <bool Mixed>
unsigned which(std::uint64_t i) {
  if constexpr (!Mixed) return 0;
  static const auto sequence = [] {
    std::array<std::uint8_t, 1024> out{};
    std::mt19937 random(2);
    for (auto& w : out) w = static_cast<std::uint8_t>(random() % 3);
    return out;
  }();
  return sequence[i % sequence.size()];
}

// Orders to free in, `count` of them.
class orders {
 public:
  explicit orders(unsigned out) : out_(out), order_(std::size_t{count} * out) {
    std::mt19937 random(1);
    for (unsigned i = 0; i < count; ++i) {
      const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(i * out);
      std::iota(begin, begin + static_cast<std::ptrdiff_t>(out), std::uint16_t{0});
      std::shuffle(begin, begin + static_cast<std::ptrdiff_t>(out), random);
    }
  }
  const std::uint16_t* operator[](std::uint64_t i) const { return &order_[i % count * out_]; }

 private:
  static constexpr unsigned count = 16;
  unsigned out_;
  std::vector<std::uint16_t> order_;
};

// The compiler must neither drop a pair of allocation and free nor keep an allocator's state in
// registers from one call to the next.
inline void escape(void* p) { asm volatile("" : : "r"(p) : "memory"); }
inline void touch(void* p, std::uint64_t value) {
  *static_cast<volatile std::uint64_t*>(p) = value;
}

template <class A>
[[gnu::always_inline]] inline void* take(A& a, unsigned w) {
  void* const p = a.allocate(w);
  if (p == nullptr) [[unlikely]]
    throw std::runtime_error("no block was left, though most were free");
  escape(p);
  return p;
}

template <class A>
[[gnu::always_inline]] inline void give(A& a, void* p, unsigned w) {
  a.release(p, w);
  escape(p);
}

template <class A>
constexpr bool in_bulk = requires(A& a, void** p) {
  a.allocate_bulk(p, batch);
};

template <class A>
struct attachment {
  struct type {};
};
template <class A>
requires requires { typename A::attached; }
struct attachment<A> {
  using type = typename A::attached;
};

// One out at a time.
template <bool Mixed, class A>
void lifo(A& a, unsigned pairs) {
  for (unsigned i = 0; i < pairs; ++i) {
    const unsigned w = which<Mixed>(i);
    void* const p = take(a, w);
    touch(p, i);
    give(a, p, w);
  }
}

// Takes `out` blocks, then frees them in the given order. Tails: of every single allocation.
template <bool Mixed, class A>
void fill_and_empty(A& a, void** blocks, unsigned out, const std::uint16_t* order,
                    histogram* tails) {
  if constexpr (in_bulk<A>) {
    for (unsigned i = 0; i < out; i += batch) {
      a.allocate_bulk(blocks + i, batch);
      for (unsigned k = i; k < i + batch; ++k) touch(blocks[k], k);
    }
    std::array<void*, batch> some;
    for (unsigned i = 0; i < out; i += batch) {
      for (unsigned k = 0; k < batch; ++k) some[k] = blocks[order[i + k]];
      a.release_bulk(some.data(), batch);
    }
  } else {
    if (tails == nullptr) {
      for (unsigned i = 0; i < out; ++i) touch(blocks[i] = take(a, which<Mixed>(i)), i);
    } else {
      for (unsigned i = 0; i < out; ++i) {
        const unsigned w = which<Mixed>(i);
        const std::uint64_t before = stamp_before();
        void* const p = take(a, w);
        tails->add(stamp_after() - before);
        touch(blocks[i] = p, i);
      }
    }
    for (unsigned i = 0; i < out; ++i) give(a, blocks[order[i]], which<Mixed>(order[i]));
  }
}

inline void set_tails(sample& s, const histogram& tails) {
  // What reading the clock twice costs by itself.
  histogram empty;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t before = stamp_before();
    empty.add(stamp_after() - before);
  }
  const double cost = empty.quantile(0.5);
  const auto ns = [&](double share) {
    return std::max(0.0, tails.quantile(share) - cost) * ns_per_tick();
  };
  s.p50 = ns(0.5), s.p99 = ns(0.99), s.p999 = ns(0.999), s.p9999 = ns(0.9999), s.max = ns(1);
}

inline constexpr unsigned pairs_between_looks = 2048;  // at the clock

// Processor time, since it was made, of threads that are not this one: some allocators have
// helpers.
class others_time {
 public:
  double ns() const { return std::max(0.0, now() - begin_) * 1e9; }

 private:
  static double now() {
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID);
  }
  double begin_ = now();
};

template <bool Mixed, class A>
sample one_thread(A& a, unsigned out, const request& r, bool tails) {
  sample s;
  std::vector<void*> blocks(out);
  const orders random(out);
  std::uint64_t turn = 0;
  histogram measured;
  const auto some = [&](unsigned pairs, histogram* h) {
    if (out == 1) return lifo<Mixed>(a, pairs);
    for (unsigned i = 0; i < pairs; i += out)
      fill_and_empty<Mixed>(a, blocks.data(), out, random[turn++], h);
  };
  if (r.pairs != 0) {
    for (unsigned long i = 0; i < r.pairs; i += pairs_between_looks)
      some(pairs_between_looks, nullptr);
    return s;
  }
  const others_time others;
  slices time(r.milliseconds);
  do some(pairs_between_looks, nullptr);
  while (time.go_on(pairs_between_looks));
  s.ns_per_pair = time.ns_per_pair();
  s.cpu_ns_per_pair = s.ns_per_pair + others.ns() / static_cast<double>(time.pairs());
  if (!tails || in_bulk<A>) return s;
  slices more(r.milliseconds);
  do some(pairs_between_looks, &measured);
  while (more.go_on(pairs_between_looks));
  set_tails(s, measured);
  return s;
}

// Runs `first` here and `second` in a thread on the other processor; the first failure is thrown.
template <class A, class First, class Second>
void on_two(First first, Second second) {
  std::exception_ptr failure;
  // The other thread begins on its own processor: on this one it might never run.
  pin(1);
  std::thread other([&] {
    try {
      [[maybe_unused]] const typename attachment<A>::type here;
      second();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  pin(0);
  try {
    first();
  } catch (...) {
    other.join();
    throw;
  }
  other.join();
  if (failure) std::rethrow_exception(failure);
}

template <bool Mixed, class A>
sample independent(const request& r) {
  constexpr unsigned out = 64;
  std::optional<A> mine(r.sizes()), others;
  if constexpr (!A::shared) others.emplace(r.sizes());
  std::atomic<int> ready{0};
  const auto run = [&](A& a) {
    ++ready;
    while (ready < 2) {
    }
    return one_thread<Mixed>(a, out, r, false);
  };
  sample one, two;
  on_two<A>([&] { one = run(*mine); }, [&] { two = run(A::shared ? *mine : *others); });
  one.ns_per_pair = (one.ns_per_pair + two.ns_per_pair) / 2;
  one.cpu_ns_per_pair = one.ns_per_pair;  // neither waits for the other but in the allocator
  return one;
}

// A ring from one thread to another, told of a batch at a time.
struct channel {
  alignas(64) std::atomic<std::uint64_t> head{0};
  alignas(64) std::atomic<std::uint64_t> tail{0};
  alignas(64) std::atomic<bool> over{false};
  alignas(64) std::array<void*, in_flight> slots{};
};

// Ticks until `there()`; 0 if it is at once.
template <class There>
std::uint64_t wait_until(There there) {
  if (there()) return 0;
  const std::uint64_t begin = __rdtsc();
  do _mm_pause();
  while (!there());
  return __rdtsc() - begin;
}

template <bool Mixed, bool Touched, class A>
void produce(A& a, channel& to, slices& time, histogram* tails) {
  std::uint64_t head = to.head, waited = 0;
  do {
    waited = wait_until(
        [&] { return head + batch - to.tail.load(std::memory_order_acquire) <= in_flight; });
    void** const slots = &to.slots[head % in_flight];
    if constexpr (in_bulk<A>) a.allocate_bulk(slots, batch);
    for (unsigned i = 0; i < batch; ++i) {
      if constexpr (!in_bulk<A>) {
        const unsigned w = which<Mixed>(head + i);
        if (tails == nullptr) {
          slots[i] = take(a, w);
        } else {
          const std::uint64_t before = stamp_before();
          void* const p = take(a, w);
          tails->add(stamp_after() - before);
          slots[i] = p;
        }
      }
      if constexpr (Touched) touch(slots[i], head);
    }
    head += batch;
    to.head.store(head, std::memory_order_release);
  } while (time.go_on(batch, waited));
}

template <bool Mixed, bool Touched, class A>
void consume(A& a, channel& from, slices& time) {
  std::uint64_t tail = from.tail, seen = tail;
  for (;;) {
    const std::uint64_t waited = seen != tail ? 0 : wait_until([&] {
      // Before the ring is found empty for good.
      const bool over = from.over.load(std::memory_order_acquire);
      seen = from.head.load(std::memory_order_acquire);
      return seen != tail || over;
    });
    if (seen == tail) return;
    void** const slots = &from.slots[tail % in_flight];
    for (unsigned i = 0; i < batch; ++i) {
      if constexpr (Touched) static_cast<void>(*static_cast<volatile std::uint64_t*>(slots[i]));
      if constexpr (!in_bulk<A>) give(a, slots[i], which<Mixed>(tail + i));
    }
    if constexpr (in_bulk<A>) a.release_bulk(slots, batch);
    tail += batch;
    from.tail.store(tail, std::memory_order_release);
    time.go_on(batch, waited);
  }
}

template <bool Mixed, bool Touched, class A>
sample pass_on(A& a, const request& r) {
  sample s;
  histogram tails;
  const auto run = [&](histogram* h) {
    channel ring;
    slices producer(r.milliseconds), consumer(r.milliseconds);
    const others_time others;
    double consumed = 0;
    on_two<A>(
        [&] {
          // However it ends, the other thread must learn of it.
          const std::unique_ptr<channel, void (*)(channel*)> end(
              &ring, [](channel* c) { c->over = true; });
          produce<Mixed, Touched>(a, ring, producer, h);
        },
        [&] {
          const double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
          consume<Mixed, Touched>(a, ring, consumer);
          consumed = (seconds(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9;
        });
    const double helpers = std::max(0.0, others.ns() - consumed);
    if (h != nullptr) return;
    s.ns_per_pair = consumer.ns_per_pair();
    s.cpu_ns_per_pair = producer.busy_ns_per_pair() + consumer.busy_ns_per_pair() +
                        helpers / static_cast<double>(consumer.pairs());
  };
  run(nullptr);
  if (in_bulk<A>) return s;
  run(&tails);
  set_tails(s, tails);
  return s;
}

// One thread has used half of the blocks and stands still; the other takes blocks until none is
// left, and frees them. Held over live: blocks there are over blocks it got.
template <bool Mixed, class A>
sample exhaust(const request& r) {
  A a(r.sizes(), exhausted_blocks);
  const unsigned sizes = Mixed ? 3 : 1;
  sample s;
  histogram tails;
  std::uint64_t got = 0, rounds = 0;
  const auto run = [&](histogram* h) {
    std::atomic<int> turn{1};  // 0 and 1: the two threads', 2: over
    slices time(r.milliseconds);
    const auto use_half = [&] {
      std::vector<void*> mine(exhausted_blocks / 2);
      for (unsigned w = 0; w < sizes; ++w) {
        std::size_t n = 0;
        while (n < mine.size() && (mine[n] = a.allocate(w)) != nullptr) ++n;
        while (n > 0) a.release(mine[--n], w);
      }
    };
    const auto use_all = [&](std::vector<void*>& mine) {
      std::uint64_t pairs = 0;
      for (unsigned w = 0; w < sizes; ++w) {
        std::size_t n = 0;
        for (;; ++n) {
          const std::uint64_t before = h != nullptr ? stamp_before() : 0;
          void* const p = a.allocate(w);
          if (p == nullptr) break;
          if (h != nullptr) h->add(stamp_after() - before);
          touch(p, n);
          if (n >= mine.size()) throw std::runtime_error("more blocks than there are");
          mine[n] = p;
        }
        pairs += n;
        while (n > 0) a.release(mine[--n], w);
      }
      return pairs;
    };
    on_two<A>(
        [&] {
          std::vector<void*> mine(exhausted_blocks);
          const std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)> end(
              &turn, [](std::atomic<int>* t) { *t = 2; });
          for (bool more = true; more; turn = 1) {
            const std::uint64_t waited = wait_until([&] { return turn != 1; });
            if (turn == 2) return;
            const std::uint64_t pairs = use_all(mine);
            got += pairs;
            rounds += 1;
            more = time.go_on(pairs, waited);
          }
        },
        [&] {
          const std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)> end(
              &turn, [](std::atomic<int>* t) { *t = 2; });
          for (;;) {
            wait_until([&] { return turn != 0; });
            if (turn == 2) return;
            use_half();
            int mine = 1;
            if (!turn.compare_exchange_strong(mine, 0)) return;
          }
        });
    if (h == nullptr) s.ns_per_pair = s.cpu_ns_per_pair = time.busy_ns_per_pair();
  };
  run(nullptr);
  run(&tails);
  set_tails(s, tails);
  s.held_over_live =
      static_cast<double>(rounds * sizes * exhausted_blocks) / static_cast<double>(got);
  return s;
}

template <class A>
sample mix_of(const request& r) {
  A a({mix_sizes.begin(), mix_sizes.end()});
  const auto index = [](std::size_t size) { return size == 64 ? 0u : size == 256 ? 1u : 2u; };
  mix_steps mix([&](std::size_t n) { return a.allocate(index(n)); },
                [&](void* p, std::size_t n) { a.release(p, index(n)); });
  sample s;
  double time = 0;
  s.held_over_live = 0;
  for (const mix_weights& phase : mix_phases) {
    const mix_point p =
        mix.run(phase, r.pairs != 0 ? static_cast<unsigned>(r.pairs) : mix_steps_a_phase);
    s.held_over_live = std::max(s.held_over_live, p.ratio());
    time += p.ns_per_step;
  }
  // About half of the steps allocate.
  s.ns_per_pair = 2 * time / mix_phases.size();
  return s;
}

// Which cases an allocator is in; what it does not name is an error of the caller.
enum what_it_does : unsigned { alone = 1, apart = 2, passing = 4, shifting = 8, ending = 16 };

template <unsigned Does, bool Mixed, class A>
sample measure_sizes(const request& r) {
  if constexpr ((Does & apart) != 0)
    if (r.what == "c") return independent<Mixed, A>(r);
  if constexpr ((Does & ending) != 0)
    if (r.what == "g") return exhaust<Mixed, A>(r);
  A a(r.sizes());
  const unsigned out = r.what == "b512" ? 512 : r.what == "b64" ? 64 : 1;
  if (r.what == "a" || out != 1) {
    if (r.pairs == 0) pin(0);
    return one_thread<Mixed>(a, out, r, out == 512);
  }
  if constexpr ((Does & passing) != 0) {
    if (r.what == "d_touched") return pass_on<Mixed, true>(a, r);
    if (r.what == "d_untouched") return pass_on<Mixed, false>(a, r);
  }
  throw std::runtime_error(r.allocator + " is not in case " + r.what);
}

template <unsigned Does, class A>
sample measure(const request& r) {
  if constexpr ((Does & shifting) != 0)
    if (r.what == "f") return mix_of<A>(r);
  return r.size == 0 ? measure_sizes<Does, true, A>(r) : measure_sizes<Does, false, A>(r);
}

}  // namespace exalloc::bench
