// Stands in for the HLS compiler's hls_stream.h where kernels are run as C++: on the simulated card
// below XRT, and in tests. It has what the AXI-Stream of a kernel's argument has.
#pragma once

#include <cstdint>

namespace hls {

// What such a stream is connected to. Words are 64 bits at most.
class wire {
 public:
  virtual ~wire() = default;
  virtual bool empty() = 0;
  virtual bool full() = 0;
  // Waits for a word.
  virtual std::uint64_t read() = 0;
  // Waits for room.
  virtual void write(std::uint64_t word) = 0;
};

template <class Word>
class stream {
  static_assert(sizeof(Word) <= sizeof(std::uint64_t));

 public:
  explicit stream(wire& to) : to_(to) {}

  bool empty() { return to_.empty(); }
  bool full() { return to_.full(); }
  Word read() { return static_cast<Word>(to_.read()); }
  void read(Word& word) { word = read(); }
  bool read_nb(Word& word) {
    if (empty()) return false;
    word = read();
    return true;
  }
  void write(const Word& word) { to_.write(static_cast<std::uint64_t>(word)); }
  bool write_nb(const Word& word) {
    if (full()) return false;
    write(word);
    return true;
  }
  void operator>>(Word& word) { read(word); }
  void operator<<(const Word& word) { write(word); }

 private:
  wire& to_;
};

}  // namespace hls
