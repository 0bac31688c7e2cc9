/* One litmus program: its state, its actors and the list of its legal outcomes. */
#ifndef LITMUS_H
#define LITMUS_H

#include "../race.h"

#include "nt_histogram.h"

#define CELLS 128 /* instances that a round goes through without a barrier between them */
#define ACTORS_MAX 3
#define OUTCOMES_MAX 4
#define FORBIDDEN (-1)
#define PAYLOAD 64

/* One instance of a program's state. */
typedef struct cell {
  nt_ring *ring;
  nt_spsc_producer spsc;
  nt_ring_consumer consumer, rival;
  nt_mpsc_producer mpsc[2];
  nt_broadcast_writer writer;
  nt_broadcast_reader reader;
  nt_histogram *histogram;
  uint64_t run;      /* number of the run: makes every run's items different */
  uint64_t plain;    /* written and read without atomics */
  int64_t result[4]; /* of the actors */
  uint64_t seen[4];
} cell;

typedef struct litmus {
  const char *name;
  nt_ring_kind kind;
  uint64_t capacity;
  uint32_t actors;
  void (*prepare)(cell *);
  void (*act[ACTORS_MAX])(cell *);
  int (*judge)(cell *); /* index of a legal outcome, or FORBIDDEN */
  const char *legal[OUTCOMES_MAX];
} litmus;

extern const litmus litmus_programs[];
extern const size_t litmus_count;

#endif
