#include "line_codec.hpp"

#include <atomic>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace exalloc {
namespace {

// What decoding needs of a run.
struct place {
  std::uint64_t begin;   // address of the first block
  std::uint64_t states;  // address of token 0's state byte
  std::uint32_t first_token, blocks, block_size;
};

// The last `count` tokens to out[0 ..]; false if one is not of the run.
using decoder = bool(const place& p, const std::uint32_t* tokens, std::size_t count,
                     exalloc_ready* out);
using encoder = void(std::uint64_t states, const exalloc_ready* blocks, std::size_t count,
                     std::uint32_t* tokens);
struct codec {
  decoder* decode;
  encoder* encode;
};

bool decode_plain(const place& p, const std::uint32_t* tokens, std::size_t count,
                  exalloc_ready* out) {
  bool good = true;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t token = tokens[count - 1 - i];
    const std::uint32_t index = token - p.first_token;
    good = good && index < p.blocks;
    out[i].pointer =
        reinterpret_cast<void*>(p.begin + std::uint64_t{index} * std::uint64_t{p.block_size});
    out[i].state = reinterpret_cast<UCHAR*>(p.states + token);
  }
  return good;
}

void encode_plain(std::uint64_t states, const exalloc_ready* blocks, std::size_t count,
                  std::uint32_t* tokens) {
  for (std::size_t i = 0; i < count; ++i)
    tokens[i] =
        static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(blocks[i].state) - states);
}

#if defined(__x86_64__)

// Four tokens, so four ready blocks: two registers of them.
__attribute__((target("avx2"))) bool decode_avx2(const place& p, const std::uint32_t* tokens,
                                                 std::size_t count, exalloc_ready* out) {
  const __m256i begin = _mm256_set1_epi64x(static_cast<long long>(p.begin));
  const __m256i states = _mm256_set1_epi64x(static_cast<long long>(p.states));
  const __m256i first = _mm256_set1_epi64x(p.first_token);
  const __m256i last = _mm256_set1_epi64x(std::int64_t{p.blocks} - 1);
  const __m256i size = _mm256_set1_epi64x(p.block_size);
  __m256i bad = _mm256_setzero_si256();
  std::size_t left = count;
  for (; left >= 4; left -= 4, out += 4) {
    const __m128i line = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tokens + left - 4));
    const __m256i token = _mm256_cvtepu32_epi64(_mm_shuffle_epi32(line, 0x1B));
    const __m256i index = _mm256_sub_epi64(token, first);
    // Below the first one: negative, so as wrong as beyond the last one.
    bad = _mm256_or_si256(bad, _mm256_or_si256(_mm256_cmpgt_epi64(index, last),
                                               _mm256_cmpgt_epi64(_mm256_setzero_si256(), index)));
    const __m256i pointer = _mm256_add_epi64(begin, _mm256_mul_epu32(index, size));
    const __m256i state = _mm256_add_epi64(states, token);
    const __m256i low = _mm256_unpacklo_epi64(pointer, state);   // 0, 2
    const __m256i high = _mm256_unpackhi_epi64(pointer, state);  // 1, 3
    auto* to = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
  }
  const bool rest = decode_plain(p, tokens, left, out);
  return rest && _mm256_testz_si256(bad, bad) != 0;
}

__attribute__((target("avx2"))) void encode_avx2(std::uint64_t states, const exalloc_ready* blocks,
                                                 std::size_t count, std::uint32_t* tokens) {
  const __m256i base = _mm256_set1_epi64x(static_cast<long long>(states));
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const auto* from = reinterpret_cast<const __m256i*>(blocks + i);
    const __m256i both = _mm256_unpackhi_epi64(_mm256_loadu_si256(from),
                                               _mm256_loadu_si256(from + 1));  // 0, 2, 1, 3
    const __m256i token = _mm256_sub_epi64(_mm256_permute4x64_epi64(both, 0xD8), base);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(tokens + i),
                     _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(token, even)));
  }
  encode_plain(states, blocks + i, count - i, tokens + i);
}

// Eight at once. (Without their masks some of these make GCC 12 warn about its own header.)
constexpr __mmask8 all = 0xFF;

__attribute__((target("avx512f"))) bool decode_avx512(const place& p, const std::uint32_t* tokens,
                                                      std::size_t count, exalloc_ready* out) {
  const __m512i begin = _mm512_set1_epi64(static_cast<long long>(p.begin));
  const __m512i states = _mm512_set1_epi64(static_cast<long long>(p.states));
  const __m512i first = _mm512_set1_epi64(p.first_token);
  const __m512i blocks = _mm512_set1_epi64(p.blocks);
  const __m512i size = _mm512_set1_epi64(p.block_size);
  // The last one first, pointers and state bytes in turn.
  const __m512i newer = _mm512_setr_epi64(7, 15, 6, 14, 5, 13, 4, 12);
  const __m512i older = _mm512_setr_epi64(3, 11, 2, 10, 1, 9, 0, 8);
  unsigned bad = 0;
  std::size_t left = count;
  for (; left >= 8; left -= 8, out += 8) {
    const __m512i token = _mm512_maskz_cvtepu32_epi64(
        all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tokens + left - 8)));
    const __m512i index = _mm512_sub_epi64(token, first);
    bad |= _mm512_cmpge_epu64_mask(index, blocks);
    const __m512i pointer = _mm512_add_epi64(begin, _mm512_maskz_mul_epu32(all, index, size));
    const __m512i state = _mm512_add_epi64(states, token);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(pointer, newer, state));
    _mm512_storeu_si512(out + 4, _mm512_permutex2var_epi64(pointer, older, state));
  }
  const bool rest = decode_plain(p, tokens, left, out);
  return rest && bad == 0;
}

__attribute__((target("avx512f"))) void encode_avx512(std::uint64_t states,
                                                      const exalloc_ready* blocks,
                                                      std::size_t count, std::uint32_t* tokens) {
  const __m512i base = _mm512_set1_epi64(static_cast<long long>(states));
  const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m512i both = _mm512_permutex2var_epi64(_mm512_loadu_si512(blocks + i), odd,
                                                   _mm512_loadu_si512(blocks + i + 4));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(tokens + i),
                        _mm512_maskz_cvtepi64_epi32(all, _mm512_sub_epi64(both, base)));
  }
  encode_plain(states, blocks + i, count - i, tokens + i);
}

#endif

constexpr codec codecs[] = {
    {decode_plain, encode_plain},
#if defined(__x86_64__)
    {decode_avx2, encode_avx2},
    {decode_avx512, encode_avx512},
#endif
};

bool has(vector_unit u) noexcept {
#if defined(__x86_64__)
  if (u == vector_unit::avx2) return __builtin_cpu_supports("avx2") != 0;
  if (u == vector_unit::avx512) return __builtin_cpu_supports("avx512f") != 0;
#endif
  return u == vector_unit::none;
}

const codec* best() noexcept {
  if (has(vector_unit::avx512)) return &codecs[static_cast<std::size_t>(vector_unit::avx512)];
  if (has(vector_unit::avx2)) return &codecs[static_cast<std::size_t>(vector_unit::avx2)];
  return &codecs[static_cast<std::size_t>(vector_unit::none)];
}

// Null until the first use.
std::atomic<const codec*> chosen{nullptr};

const codec& in_use() noexcept {
  const codec* c = chosen.load(std::memory_order_relaxed);
  if (c == nullptr) [[unlikely]] {
    c = best();
    chosen.store(c, std::memory_order_relaxed);
  }
  return *c;
}

}  // namespace

bool decode_line(const block_list::run& r, const state_byte* states,
                 std::span<const std::uint32_t> tokens, exalloc_ready* out) noexcept {
  if (r.blocks == 0) return false;
  const place p{reinterpret_cast<std::uintptr_t>(r.begin), reinterpret_cast<std::uintptr_t>(states),
                r.first_token, r.blocks, r.block_size};
  return in_use().decode(p, tokens.data(), tokens.size(), out);
}

void encode_line(const state_byte* states, const exalloc_ready* blocks,
                 std::span<std::uint32_t> tokens) noexcept {
  in_use().encode(reinterpret_cast<std::uintptr_t>(states), blocks, tokens.size(), tokens.data());
}

bool use_vector_unit(vector_unit u) noexcept {
  if (!has(u)) return false;
  chosen.store(&codecs[static_cast<std::size_t>(u)], std::memory_order_relaxed);
  return true;
}

}  // namespace exalloc
