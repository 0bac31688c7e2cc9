/* Machine time. Where the time stamp counter is invariant (x86-64: CPUID 0x80000007 EDX bit 8, and
 * the kernel has not struck it off; arm64: cntvct_el0) nt_clock_now reads it and converts it to
 * nanoseconds of CLOCK_MONOTONIC by one multiplication and a shift; elsewhere, and until
 * nt_clock_calibrate has run, it is clock_gettime.
 *
 * Threading: calibrate before other threads take stamps: the unit of ticks changes with it. Reading
 * is free of locks, and stays correct while another thread recalibrates. Stamps are not ordered
 * against other memory accesses. */
#ifndef NT_CLOCK_H
#define NT_CLOCK_H

#include "nt_hot.h"

/* nanoseconds = ticks * multiplier >> NT_CLOCK_SHIFT, with 128 bits between. */
#define NT_CLOCK_SHIFT 48

/* One set of conversion constants, never changed while it is in use. */
typedef struct nt_clock_constants {
  uint64_t base_ticks;
  int64_t base_nanoseconds;
  uint64_t multiplier;
  uint64_t counter; /* 1: the processor's counter, 0: clock_gettime */
} nt_clock_constants;

/* The set in use; atomic. */
extern const nt_clock_constants *nt_clock_current;

/* Calibrates; takes about 20 ms. Returns 1 when the counter is used, 0 for clock_gettime. Later
 * calls do nothing and return the same. */
int nt_clock_calibrate(void);
/* Corrects the rate by what has passed since the last calibration (wait a second or more between
 * calls), without ever setting the clock back: where it is more than 1 us ahead it is slowed by 10
 * ppm until a later call. Returns by how many nanoseconds the clock
 * was ahead of CLOCK_MONOTONIC. Does nothing and returns 0 when clock_gettime is used. */
int64_t nt_clock_recalibrate(void);
/* Goes back to clock_gettime for good, for tests and by configuration, before other threads. Ticks
 * taken before are void. */
void nt_clock_use_clock_gettime(void);
/* The name of the source in use: "tsc", "cntvct" or "clock_gettime". */
const char *nt_clock_source(void);
/* Ticks a second of nt_clock_ticks. */
uint64_t nt_clock_frequency(void);

/* CLOCK_MONOTONIC by system call or vDSO. */
NT_HOT int64_t nt_clock_system(void);

static inline NT_HOT uint64_t nt_clock_counter(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return (uint64_t)nt_clock_system();
#endif
}

static inline NT_HOT const nt_clock_constants *nt_clock_load(void) {
  /* Pairs with the release in nt_clock.c: the constants were written before they were shown. */
  return __atomic_load_n(&nt_clock_current, __ATOMIC_ACQUIRE);
}

/* A raw stamp, the cheapest that there is, to be subtracted and converted later. */
static inline NT_HOT uint64_t nt_clock_ticks(void) {
  const nt_clock_constants *k = nt_clock_load();
  return __builtin_expect(k->counter != 0, 1) ? nt_clock_counter() : (uint64_t)nt_clock_system();
}

/* A difference of two stamps in nanoseconds, rounded down. */
static inline NT_HOT int64_t nt_clock_ticks_to_nanoseconds(uint64_t ticks) {
  unsigned __int128 scaled = (unsigned __int128)ticks * nt_clock_load()->multiplier;
  return (int64_t)(uint64_t)(scaled >> NT_CLOCK_SHIFT);
}

/* When a stamp was taken, in nanoseconds of CLOCK_MONOTONIC. */
static inline NT_HOT int64_t nt_clock_at(uint64_t ticks) {
  const nt_clock_constants *k = nt_clock_load();
  /* Signed: another core's counter may be a little behind the base. */
  __int128 since = (__int128)(int64_t)(ticks - k->base_ticks) * (__int128)k->multiplier;
  return k->base_nanoseconds + (int64_t)(since >> NT_CLOCK_SHIFT);
}

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline NT_HOT int64_t nt_clock_now(void) {
  return nt_clock_at(nt_clock_ticks());
}

#endif
