/* The bounce over two lines, of Benchmarks/Floors, called as the ring drivers are. */
#include "floors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  size_t count = argc == 5 && !strcmp(argv[1], "trip") ? strtoull(argv[2], NULL, 10) : 0;
  if (count == 0) {
    fprintf(stderr, "usage: %s trip COUNT CPU_A CPU_B\n", argv[0]);
    return 64;
  }
  uint32_t *samples = calloc(count, sizeof *samples);
  if (!samples)
    return 71;
  if (floor_bounce(atoi(argv[3]), atoi(argv[4]), samples, count) != 0) {
    fprintf(stderr, "the bounce could not be started: a processor is not to be had\n");
    return 71;
  }
  qsort(samples, count, sizeof *samples, by_value);
  printf("%u.0\n", samples[count / 2]);
  free(samples);
  return 0;
}
