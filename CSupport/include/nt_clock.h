/* Machine time. nt_clock_now reads the TSC where it is invariant and converts it to
 * CLOCK_MONOTONIC nanoseconds by multiply and shift; elsewhere it is clock_gettime.
 *
 * Threading: calibrate once before other threads start; reading is free of locks. */
#ifndef NT_CLOCK_H
#define NT_CLOCK_H

#include "nt_hot.h"

/* Calibrates; takes about 20 ms. Returns 1 when the TSC is used, 0 for clock_gettime. Idempotent. */
int nt_clock_calibrate(void);
/* Nanoseconds of CLOCK_MONOTONIC. */
NT_HOT int64_t nt_clock_now(void);
/* A raw stamp, the cheapest that there is, to be subtracted and converted later. */
NT_HOT uint64_t nt_clock_ticks(void);
NT_HOT int64_t nt_clock_ticks_to_nanoseconds(uint64_t ticks);
/* The name of the source in use: "tsc" or "clock_gettime". */
const char *nt_clock_source(void);

#endif
