#include "nt_clock.h"

#include <time.h>

int nt_clock_calibrate(void) { return 0; }
int64_t nt_clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
uint64_t nt_clock_ticks(void) { return (uint64_t)nt_clock_now(); }
int64_t nt_clock_ticks_to_nanoseconds(uint64_t ticks) { return (int64_t)ticks; }
const char *nt_clock_source(void) { return "clock_gettime"; }
