// The steps of the shifting mix, on any allocator, and what it holds after each phase.
#pragma once

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace exalloc::bench {

inline constexpr std::array<unsigned, 3> mix_sizes{64, 256, 2048};
inline constexpr std::uint64_t mix_live_target = 48 << 20;
inline constexpr unsigned mix_steps_a_phase = 1'500'000;
struct mix_weights {
  std::array<unsigned, 3> percent;  // of mix_sizes
};
inline constexpr std::array<mix_weights, 4> mix_phases{
    {{{90, 8, 2}}, {{20, 70, 10}}, {{5, 15, 80}}, {{60, 30, 10}}}};

struct mix_point {
  std::uint64_t live = 0;  // bytes asked for and not freed
  std::uint64_t held = 0;  // resident memory over the start, the allocator's own tables included
  double ns_per_step = 0;
  double ratio() const { return static_cast<double>(held) / static_cast<double>(live); }
};

// Allocate: void*(std::size_t bytes), NULL: none left. Release: void(void*, std::size_t bytes).
template <class Allocate, class Release>
class mix_steps {
 public:
  mix_steps(Allocate allocate, Release release) : allocate_(allocate), release_(release) {
    // The list's own memory is there from the start.
    live_.assign(most_blocks, {&random_, 1});
    live_.clear();
    for (const unsigned size : mix_sizes) release_(get(size), size);
    start_ = resident();
  }

  mix_point run(const mix_weights& weights, unsigned steps = mix_steps_a_phase) {
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < steps; ++i) step(weights);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    return {bytes_, resident() - start_, time.count() / steps};
  }
  mix_point free_most() {
    const std::size_t left = live_.size() / 10;
    while (live_.size() > left) free_one();
    return {bytes_, resident() - start_, 0};
  }

 private:
  static constexpr double free_probability = 0.45;
  static constexpr unsigned touched_every = 64;
  static constexpr std::size_t most_blocks = 1'000'000;  // more than the mix ever has
  struct block {
    void* address;
    unsigned size;
  };

  static std::uint64_t resident() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr)
      throw std::system_error(errno, std::generic_category(), "/proc/self/statm");
    unsigned long all = 0, in_memory = 0;
    const int fields = std::fscanf(file, "%lu %lu", &all, &in_memory);
    std::fclose(file);
    if (fields != 2) throw std::runtime_error("/proc/self/statm is not as expected");
    return in_memory * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  void* get(std::size_t size) {
    void* p = allocate_(size);
    if (p == nullptr) throw std::runtime_error("no memory was left in the shifting mix");
    return p;
  }
  void free_one() {
    block& chosen = live_[random_() % live_.size()];
    release_(chosen.address, chosen.size);
    bytes_ -= chosen.size;
    chosen = live_.back();
    live_.pop_back();
  }
  void step(const mix_weights& weights) {
    const bool chance =
        static_cast<double>(random_() >> 11) * 0x1p-53 < free_probability;  // of 53 random bits
    if (!live_.empty() && (bytes_ > mix_live_target || chance)) return free_one();
    unsigned percent = static_cast<unsigned>(random_() % 100), which = 0;
    while (percent >= weights.percent[which]) percent -= weights.percent[which++];
    const unsigned size = mix_sizes[which];
    auto* p = static_cast<volatile char*>(get(size));
    for (unsigned i = 0; i < size; i += touched_every) p[i] = 1;
    live_.push_back({const_cast<char*>(p), size});
    bytes_ += size;
  }

  Allocate allocate_;
  Release release_;
  std::mt19937_64 random_{1};
  std::vector<block> live_;
  std::uint64_t bytes_ = 0, start_ = 0;
};

}  // namespace exalloc::bench
