/* The search in a sorted price vector: entries of eight bytes, the key in the first four,
 * ascending.
 *
 * Threading: pure functions. */
#ifndef NT_LADDER_H
#define NT_LADDER_H

#include "nt_hot.h"

#if defined(__SSE2__)
#include <emmintrin.h>

/* Bit i: the key of entry i of eight is not below wanted. */
static inline NT_HOT uint32_t nt_ladder_eight(const uint8_t *entries, __m128i wanted) {
  __m128i bias = _mm_set1_epi32(INT32_MIN), less[2];
  for (int i = 0; i < 2; i++) {
    __m128 a = _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)(const void *)(entries + 32 * i)));
    __m128 b =
        _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)(const void *)(entries + 32 * i + 16)));
    __m128i keys = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
    less[i] = _mm_cmplt_epi32(_mm_xor_si128(keys, bias), wanted);
  }
  __m128i words = _mm_packs_epi32(less[0], less[1]);
  return ~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(words, words)) & 0xFF;
}
#endif

/* How many of the last entries, sixteen and count at most, have a key that is not below wanted.
 * Reads sixteen entries before end, whatever count is. */
static inline NT_HOT uint32_t nt_ladder_not_below(const void *end, uint32_t count,
                                                  uint32_t wanted) {
  const uint8_t *from = (const uint8_t *)end - 128;
  uint32_t is = 0;
#if defined(__SSE2__)
  __m128i biased = _mm_set1_epi32((int32_t)(wanted ^ 0x80000000u));
  is = nt_ladder_eight(from, biased) | nt_ladder_eight(from + 64, biased) << 8;
#else
  for (int i = 0; i < 16; i++) {
    uint32_t key;
    memcpy(&key, from + 8 * i, 4);
    is |= (uint32_t)(key >= wanted) << i;
  }
#endif
  uint32_t valid = count < 16 ? count : 16;
  /* Those before the vector's beginning are another's. */
  is &= 0xFFFFu << (16 - valid);
  return (uint32_t)__builtin_clz(~(is << 16));
}

#endif
