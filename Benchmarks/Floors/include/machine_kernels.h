/* Kernels that say what a machine is: how long a step of arithmetic, a branch and a load take that
 * are neither foreseen nor done beside another. Not to be changed: lines of years are compared. */
#ifndef MACHINE_KERNELS_H
#define MACHINE_KERNELS_H

#include <stdint.h>

/* A chain of steps, each of a shift, an exclusive or and a multiplication, and each needing the one
 * before. Returns its end. */
uint64_t machine_arithmetic(uint64_t seed, uint64_t steps);

/* Branches by the bits of a generator, 64 to a word: half of them are mispredicted. Returns what
 * both arms made. */
uint64_t machine_branches(uint64_t seed, uint64_t words);

/* A line of the cache, with the number of another; to lie at a multiple of 64 bytes. */
struct machine_line {
  uint32_t next;
  uint32_t unused[15];
};

/* Makes one circle through 2^bits lines, 4 <= bits <= 31, in an order that nobody foresees. */
void machine_circle(struct machine_line *lines, unsigned bits);

/* Follows the circle: every load needs the one before. Returns where it ends. */
uint32_t machine_loads(const struct machine_line *lines, uint32_t from, uint64_t loads);

#endif
