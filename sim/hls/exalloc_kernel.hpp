// Makes a kernel written for the HLS compiler one that the simulated card below XRT can run:
//
//   #include "exalloc_kernel.hpp"
//   #include "mine.cpp"                  // extern "C" void mine(hls::stream<...>&, ..., unsigned);
//   EXALLOC_KERNEL(mine)
//
// compiled as a shared library that EXALLOC_XRT_SIM_KERNELS names (docs/xrt.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "hls_stream.h"

namespace exalloc::sim {

// A start of a kernel: what its arguments are, by their numbers.
class kernel_start {
 public:
  virtual ~kernel_start() = default;
  virtual hls::wire& stream(unsigned argument) = 0;
  // What the address in the argument's register names, on the card or in the host's window.
  virtual void* memory(unsigned argument) = 0;
  // The argument's register, as so many bytes.
  virtual void value(unsigned argument, void* to, std::size_t bytes) = 0;
};

template <class Argument>
struct kernel_argument {  // a number, or a struct of numbers
  static_assert(std::is_trivially_copyable_v<Argument>);
  Argument value{};
  kernel_argument(kernel_start& s, unsigned n) { s.value(n, &value, sizeof value); }
  Argument get() { return value; }
};
template <class Word>
struct kernel_argument<Word*> {
  void* first;
  kernel_argument(kernel_start& s, unsigned n) : first(s.memory(n)) {}
  Word* get() { return static_cast<Word*>(first); }
};
template <class Word>
struct kernel_argument<hls::stream<Word>&> {
  hls::stream<Word> made;
  kernel_argument(kernel_start& s, unsigned n) : made(s.stream(n)) {}
  hls::stream<Word>& get() { return made; }
};

template <class... Arguments, std::size_t... numbers>
void run_kernel(void (*kernel)(Arguments...), kernel_start& s, std::index_sequence<numbers...>) {
  kernel(kernel_argument<Arguments>(s, numbers).get()...);
}
template <class... Arguments>
void run_kernel(void (*kernel)(Arguments...), kernel_start& s) {
  run_kernel(kernel, s, std::index_sequence_for<Arguments...>());
}

}  // namespace exalloc::sim

#define EXALLOC_KERNEL(name)                                                    \
  extern "C" __attribute__((visibility("default"))) void exalloc_kernel_##name( \
      exalloc::sim::kernel_start& start) {                                      \
    exalloc::sim::run_kernel(&name, start);                                     \
  }
