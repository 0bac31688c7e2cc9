#include "floors.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *bytes, size_t count) {
  __m256i zero = _mm256_setzero_si256(), a = zero, b = zero;
  size_t at = 0;
  for (; at + 64 <= count; at += 64) {
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + at));
    __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + at + 32));
    a = _mm256_add_epi64(a, _mm256_sad_epu8(x, zero));
    b = _mm256_add_epi64(b, _mm256_sad_epu8(y, zero));
  }
  uint64_t lanes[4];
  _mm256_storeu_si256((__m256i *)(void *)lanes, _mm256_add_epi64(a, b));
  uint64_t sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
  for (; at < count; at++)
    sum += bytes[at];
  return sum;
}
#endif

static uint64_t sum_plain(const uint8_t *bytes, size_t count) {
  uint64_t sum = 0;
  for (size_t at = 0; at < count; at++)
    sum += bytes[at];
  return sum;
}

uint64_t floor_byte_sum(const uint8_t *bytes, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2"))
    return sum_avx2(bytes, count);
#endif
  return sum_plain(bytes, count);
}
