// Stands in for the HLS compiler's ap_int.h, as far as bitstream/kernels needs it.
#pragma once

#include <cstdint>
#include <type_traits>

template <int bits>
using ap_uint = std::conditional_t<bits == 32, std::uint32_t, std::uint64_t>;
