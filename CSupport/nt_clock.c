#include "nt_clock.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CLOCK_SETS 16       /* a reader would have to sleep through 15 recalibrations */
#define CLOCK_PAIR_TRIES 32 /* readings of which the tightest counts */
#define CLOCK_CALIBRATIONS_MAX 8
#define CLOCK_WINDOWS 3 /* independent rates that must agree */
#define CLOCK_WINDOW_NANOSECONDS 6000000
#define CLOCK_SPIN_MAX 100000000u
#define CLOCK_DISAGREEMENT_PPM 200
#define CLOCK_RECALIBRATE_MIN_NANOSECONDS 100000000
#define CLOCK_SLEW_PPM 10
#define CLOCK_SLEW_ABOVE_NANOSECONDS 1000
#define NANOSECONDS 1000000000ull

/* In set 0 ticks are the nanoseconds of clock_gettime. */
static nt_clock_constants clock_sets[CLOCK_SETS] = {{.multiplier = 1ull << NT_CLOCK_SHIFT}};
const nt_clock_constants *nt_clock_current = &clock_sets[0];
static uint32_t clock_set_index;
static int clock_calibrated; /* 0 not yet, 1 counter, 2 clock_gettime */

/* One instant on both clocks. */
typedef struct clock_pair {
  uint64_t ticks;
  int64_t nanoseconds;
  uint64_t width; /* ticks that the reading took */
} clock_pair;
static clock_pair clock_anchor;
/* Around everything that changes the constants; reading never takes it. */
static pthread_mutex_t clock_mutex = PTHREAD_MUTEX_INITIALIZER;

int64_t nt_clock_system(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * (int64_t)NANOSECONDS + t.tv_nsec;
}

/* The reading that was disturbed least; its error is at most half its width. */
static clock_pair clock_read_pair(void) {
  clock_pair best = {.width = UINT64_MAX};
  for (int i = 0; i < CLOCK_PAIR_TRIES; i++) {
    uint64_t before = nt_clock_counter();
    int64_t nanoseconds = nt_clock_system();
    uint64_t width = nt_clock_counter() - before;
    if (width < best.width)
      best = (clock_pair){before + width / 2, nanoseconds, width};
  }
  return best;
}

/* Nanoseconds a tick, scaled; 0 when the counter did not move forward. */
static uint64_t clock_rate(clock_pair from, clock_pair to) {
  uint64_t ticks = to.ticks - from.ticks;
  int64_t nanoseconds = to.nanoseconds - from.nanoseconds;
  if (ticks == 0 || (int64_t)ticks < 0 || nanoseconds <= 0)
    return 0;
  unsigned __int128 rate = ((unsigned __int128)(uint64_t)nanoseconds << NT_CLOCK_SHIFT) / ticks;
  /* From 1 kHz to 1 THz; also keeps every product within 128 bits. */
  bool sane =
      rate < ((unsigned __int128)1000000 << NT_CLOCK_SHIFT) && rate > 0 && rate <= INT64_MAX;
  return sane ? (uint64_t)rate : 0;
}

static void clock_show(nt_clock_constants constants) {
  clock_set_index = (clock_set_index + 1) % CLOCK_SETS;
  clock_sets[clock_set_index] = constants;
  /* Pairs with the acquire in nt_clock_load. */
  __atomic_store_n(&nt_clock_current, &clock_sets[clock_set_index], __ATOMIC_RELEASE);
}

/* The kernel compares the counters of all cores at boot and later; where it has struck the counter
 * off its list we do not trust it either. A kernel that does not tell leaves it to the processor.
 */
static bool clock_kernel_trusts(const char *name) {
  FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/available_clocksource", "re");
  char line[256] = "";
  if (!file)
    return true;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  return !read || strstr(line, name) != NULL;
}

static bool clock_counter_is_invariant(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & (1u << 8)) == 0)
    return false;
  return clock_kernel_trusts("tsc");
#elif defined(__aarch64__)
  uint64_t frequency;
  __asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(frequency));
  return frequency >= 1000000 && clock_kernel_trusts("arch_sys_counter");
#else
  return false;
#endif
}

static clock_pair clock_wait_for(int64_t until) {
  /* Busy, so that the core does not change its state; bounded in case the clock stands still. */
  for (uint32_t i = 0; i < CLOCK_SPIN_MAX && nt_clock_system() < until; i++)
    nt_pause();
  return clock_read_pair();
}

/* The rate over all windows, when every window agrees with it; else 0. */
static uint64_t clock_measure(clock_pair *end) {
  clock_pair pairs[CLOCK_WINDOWS + 1];
  pairs[0] = clock_read_pair();
  for (int i = 1; i <= CLOCK_WINDOWS; i++)
    pairs[i] = clock_wait_for(pairs[0].nanoseconds + i * (int64_t)CLOCK_WINDOW_NANOSECONDS);
  uint64_t rate = clock_rate(pairs[0], pairs[CLOCK_WINDOWS]);
  if (rate == 0)
    return 0;
  for (int i = 1; i <= CLOCK_WINDOWS; i++) {
    uint64_t part = clock_rate(pairs[i - 1], pairs[i]);
    uint64_t difference = part > rate ? part - rate : rate - part;
    if (difference > rate / 1000000 * CLOCK_DISAGREEMENT_PPM)
      return 0;
  }
  *end = pairs[CLOCK_WINDOWS];
  return rate;
}

static int clock_calibrate(void) {
  if (clock_calibrated != 0)
    return clock_calibrated == 1;
  clock_calibrated = 2;
  if (!clock_counter_is_invariant())
    return 0;
  /* A loaded machine takes the processor away in the middle of a reading: try again. */
  uint64_t rate = 0;
  for (int i = 0; i < CLOCK_CALIBRATIONS_MAX && rate == 0; i++)
    rate = clock_measure(&clock_anchor);
  if (rate == 0)
    return 0;
  clock_show((nt_clock_constants){.base_ticks = clock_anchor.ticks,
                                  .base_nanoseconds = clock_anchor.nanoseconds,
                                  .multiplier = rate,
                                  .counter = 1});
  clock_calibrated = 1;
  return 1;
}

int nt_clock_calibrate(void) {
  pthread_mutex_lock(&clock_mutex);
  int used = clock_calibrate();
  pthread_mutex_unlock(&clock_mutex);
  return used;
}

static int64_t clock_recalibrate(void) {
  if (clock_calibrated != 1)
    return 0;
  clock_pair now = clock_read_pair();
  int64_t shown = nt_clock_at(now.ticks);
  int64_t ahead = shown - now.nanoseconds;
  if (now.nanoseconds - clock_anchor.nanoseconds < CLOCK_RECALIBRATE_MIN_NANOSECONDS)
    return ahead;
  uint64_t rate = clock_rate(clock_anchor, now);
  if (rate == 0)
    return ahead;
  clock_anchor = now;
  if (ahead > CLOCK_SLEW_ABOVE_NANOSECONDS)
    rate -= rate / 1000000 * CLOCK_SLEW_PPM;
  /* Continuous where we are ahead, a step forward where we are behind. One more, because a reader
   * on the old constants may have rounded the other way. */
  clock_show((nt_clock_constants){.base_ticks = now.ticks,
                                  .base_nanoseconds = ahead >= 0 ? shown + 1 : now.nanoseconds,
                                  .multiplier = rate,
                                  .counter = 1});
  return ahead;
}

int64_t nt_clock_recalibrate(void) {
  pthread_mutex_lock(&clock_mutex);
  int64_t ahead = clock_recalibrate();
  pthread_mutex_unlock(&clock_mutex);
  return ahead;
}

void nt_clock_use_clock_gettime(void) {
  pthread_mutex_lock(&clock_mutex);
  clock_calibrated = 2;
  /* Not clock_sets[0]: recalibrating goes round through all of them. */
  static const nt_clock_constants plain = {.multiplier = 1ull << NT_CLOCK_SHIFT};
  __atomic_store_n(&nt_clock_current, &plain, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&clock_mutex);
}

const char *nt_clock_source(void) {
  if (nt_clock_load()->counter == 0)
    return "clock_gettime";
#if defined(__aarch64__)
  return "cntvct";
#else
  return "tsc";
#endif
}

uint64_t nt_clock_frequency(void) {
  unsigned __int128 scaled = (unsigned __int128)NANOSECONDS << NT_CLOCK_SHIFT;
  return (uint64_t)(scaled / nt_clock_load()->multiplier);
}
