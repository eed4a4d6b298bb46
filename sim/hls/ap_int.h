// Stands in for the HLS compiler's ap_int.h where kernels are run as C++: the widths that are those
// of a C++ type. Others do not compile.
#pragma once

#include <cstdint>

namespace exalloc::sim {

template <int bits>
struct hls_word;
template <>
struct hls_word<8> {
  using is_unsigned = std::uint8_t;
  using is_signed = std::int8_t;
};
template <>
struct hls_word<16> {
  using is_unsigned = std::uint16_t;
  using is_signed = std::int16_t;
};
template <>
struct hls_word<32> {
  using is_unsigned = std::uint32_t;
  using is_signed = std::int32_t;
};
template <>
struct hls_word<64> {
  using is_unsigned = std::uint64_t;
  using is_signed = std::int64_t;
};

}  // namespace exalloc::sim

template <int bits>
using ap_uint = typename exalloc::sim::hls_word<bits>::is_unsigned;
template <int bits>
using ap_int = typename exalloc::sim::hls_word<bits>::is_signed;
