// Text in a fixed buffer: a bug check cannot count on the heap.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace exalloc {

// What does not fit is cut off. Always ends in a 0.
template <std::size_t capacity>
class text_buffer {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const std::size_t room = capacity - 1 - used_;
    const auto done =
        fmt::format_to_n(bytes_.data() + used_, room, format, std::forward<Args>(args)...);
    used_ += std::min(done.size, room);
    bytes_[used_] = '\0';
  }
  std::string_view view() const noexcept { return {bytes_.data(), used_}; }
  const char* c_str() const noexcept { return bytes_.data(); }

 private:
  std::size_t used_ = 0;
  std::array<char, capacity> bytes_{};
};

}  // namespace exalloc
