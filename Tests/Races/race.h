/* What the race programs share: items with a checksum in every byte, threads, a barrier that
 * yields, and the table of legal outcomes. */
#ifndef RACE_H
#define RACE_H

#include "nt_broadcast.h"
#include "nt_clock.h"
#include "nt_mpsc.h"
#include "nt_spsc.h"
#include "nt_thread.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define RACE_THREADS_MAX 8
#define RACE_SPINS_BEFORE_YIELD 64

static inline uint64_t race_mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/* The first eight bytes name the item, every other byte follows from them and its place. */
static inline void race_fill(uint8_t *item, size_t bytes, uint64_t name) {
  memcpy(item, &name, 8);
  for (size_t i = 8; i < bytes; i++)
    item[i] = (uint8_t)(race_mix(name + (i & ~7ull)) >> (8 * (i & 7)));
}

static inline bool race_whole(const uint8_t *item, size_t bytes, uint64_t *name) {
  uint64_t n;
  memcpy(&n, item, 8);
  *name = n;
  for (size_t i = 8; i < bytes; i++)
    if (item[i] != (uint8_t)(race_mix(n + (i & ~7ull)) >> (8 * (i & 7))))
      return false;
  return true;
}

/* Waits a little; gives the core away when there are more threads than cores. */
static inline void race_wait(uint32_t *spins) {
  if (++*spins < RACE_SPINS_BEFORE_YIELD) {
    nt_pause();
  } else {
    *spins = 0;
    sched_yield();
  }
}

/* A case ends when it has done its number, or with its time on a machine that is busy with other
 * work: spinning threads without a processor each move an item in milliseconds. */
#define RACE_CASE_NANOSECONDS 8000000000ll

static int64_t race_deadline;

static inline void race_begin(void) {
  race_deadline = nt_clock_now() + RACE_CASE_NANOSECONDS;
}

static inline bool race_late(void) {
  return nt_clock_now() > race_deadline;
}

static inline void race_die(const char *what) {
  fprintf(stderr, "FAIL %s\n", what);
  exit(1);
}

static inline void race_check(int error, const char *what) {
  if (error != 0) {
    fprintf(stderr, "FAIL %s: %s\n", what, nt_ring_error_text(error));
    exit(1);
  }
}

static inline nt_ring *race_ring(nt_ring_kind kind, uint32_t payload, uint64_t capacity) {
  nt_ring *ring = NULL;
  nt_ring_options options = {.kind = kind, .payload_bytes = payload, .capacity = capacity};
  race_check(nt_ring_create(&ring, options, NULL), "nt_ring_create");
  return ring;
}

static inline void race_run(uint32_t count, void (*const *bodies)(void *), void *const *contexts) {
  nt_thread *threads[RACE_THREADS_MAX];
  int32_t cpus[NT_CPUS_MAX];
  uint32_t cpu_count = nt_cpu_allowed(cpus, NT_CPUS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    /* Spread out: two threads that share a core only ever race at its switches. */
    nt_thread_options options = {.name = "race", .cpu = -1, .stack_bytes = 8u << 20};
    if (cpu_count > 1)
      options.cpu = cpus[i % cpu_count];
    race_check(nt_thread_start(&threads[i], options, bodies[i], contexts[i], NULL), "thread");
  }
  for (uint32_t i = 0; i < count; i++)
    race_check(nt_thread_join(threads[i]), "join");
}

#endif
