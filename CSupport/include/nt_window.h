/* Which of 256 cells in a ring are taken: a bit each. Ranks low to low + 255 have the cells of
 * their number modulo 256; an offset is a rank less low.
 *
 * Threading: pure functions. */
#ifndef NT_WINDOW_H
#define NT_WINDOW_H

#include "nt_hot.h"

#define NT_WINDOW_CELLS 256u

/* The highest offset under below whose bit is set; NT_WINDOW_CELLS when there is none. Five turns
 * at most. */
static inline NT_HOT uint32_t nt_window_highest(const uint64_t *bits, uint32_t low,
                                                uint32_t below) {
  while (below > 0) {
    uint32_t cell = (low + below - 1) & (NT_WINDOW_CELLS - 1);
    uint32_t span = (cell & 63) + 1;
    uint64_t word = bits[cell >> 6] << (63 - (cell & 63));
    if (span > below)
      span = below;
    if (word != 0) {
      uint32_t zeros = (uint32_t)__builtin_clzll(word);
      if (zeros < span)
        return below - 1 - zeros;
    }
    below -= span;
  }
  return NT_WINDOW_CELLS;
}

/* How many offsets from first on have their bit set. Five turns at most. */
static inline NT_HOT uint32_t nt_window_count(const uint64_t *bits, uint32_t low, uint32_t first) {
  uint32_t count = 0;
  while (first < NT_WINDOW_CELLS) {
    uint32_t cell = (low + first) & (NT_WINDOW_CELLS - 1);
    uint32_t span = 64 - (cell & 63);
    uint64_t word = bits[cell >> 6] >> (cell & 63);
    if (span > NT_WINDOW_CELLS - first) {
      span = NT_WINDOW_CELLS - first;
      word &= (1ull << span) - 1;
    }
    count += (uint32_t)__builtin_popcountll(word);
    first += span;
  }
  return count;
}

#endif
