// Stands in for the HLS compiler's hls_stream.h, as far as bitstream/kernels needs it: a queue whose
// reader can be made to find it empty now and then, as a real stream is.
#pragma once

#include <deque>
#include <functional>

namespace hls {

template <class Word>
class stream {
 public:
  bool empty() {
    if (refill) refill();
    return words.empty();
  }
  Word read() {
    const Word w = words.front();
    words.pop_front();
    return w;
  }
  void write(const Word& w) { words.push_back(w); }

  std::deque<Word> words;
  std::function<void()> refill;
};

}  // namespace hls
