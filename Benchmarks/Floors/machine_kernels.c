#include "machine_kernels.h"

uint64_t machine_arithmetic(uint64_t seed, uint64_t steps) {
  uint64_t x = seed;
  for (uint64_t i = 0; i < steps; i++) {
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9u;
  }
  return x;
}

/* What each arm makes is out of the compiler's sight, so that it stays a branch. */
uint64_t machine_branches(uint64_t seed, uint64_t words) {
  uint64_t x = seed, made = 0;
  for (uint64_t i = 0; i < words; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    for (uint64_t left = 64, bits = x; left > 0; left--, bits >>= 1) {
      if (bits & 1) {
        made += left;
        __asm__ __volatile__("" : "+r"(made));
      } else {
        made ^= bits;
        __asm__ __volatile__("" : "+r"(made));
      }
    }
  }
  return made;
}

/* Numbers of `bits` bits in another order: odd factors and shifts lose nothing. */
static uint32_t shuffled(uint32_t x, unsigned bits) {
  uint32_t mask = (uint32_t)(((uint64_t)1 << bits) - 1);
  for (int round = 0; round < 3; round++) {
    x = (x * 0x9E3779B1u) & mask;
    x ^= x >> (bits / 2);
  }
  return x;
}

void machine_circle(struct machine_line *lines, unsigned bits) {
  uint32_t last = (uint32_t)(((uint64_t)1 << bits) - 1);
  for (uint32_t i = 0; i < last; i++)
    lines[shuffled(i, bits)].next = shuffled(i + 1, bits);
  lines[shuffled(last, bits)].next = shuffled(0, bits);
}

uint32_t machine_loads(const struct machine_line *lines, uint32_t from, uint64_t loads) {
  uint32_t at = from;
  for (uint64_t i = 0; i < loads; i++)
    at = lines[at].next;
  return at;
}
