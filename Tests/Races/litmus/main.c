/* Litmus tests: small programs of two or three threads, run very often on fresh state, each with
 * the list of its legal outcomes. Every outcome is counted; one that is not in the list is a
 * failure.
 *
 * usage: race-litmus [RUNS]   (default 200000 of every program, or as many as its time allows; the
 * outcomes add up to them; exit 1 when a forbidden one was seen) */
#include "litmus.h"

#define STAGGER_MAX 400
/* Of a program that its time has ended: fewer have shown nothing. */
#define ROUNDS_MIN 8

/* The state of one program's execution. */
static cell cells[CELLS];
static const litmus *current;
static uint64_t rounds, counts[OUTCOMES_MAX], forbidden;
static bool is_late;
static uint32_t arrived, generation;
static struct {
  uint64_t step;
  uint8_t apart[NT_CACHE_LINE - sizeof(uint64_t)];
} progress[ACTORS_MAX];

/* The last to arrive opens the barrier; what was done before it is seen by all after it. */
static void barrier(void) {
  uint32_t now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE), spins = 0;
  if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == current->actors) {
    __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&generation, now + 1, __ATOMIC_RELEASE);
    return;
  }
  while (__atomic_load_n(&generation, __ATOMIC_ACQUIRE) == now)
    race_wait(&spins);
}

static void judge_round(void) {
  for (int i = 0; i < CELLS; i++) {
    int outcome = current->judge(&cells[i]);
    if (outcome < 0 || outcome >= OUTCOMES_MAX || !current->legal[outcome])
      forbidden++;
    else
      counts[outcome]++;
  }
}

/* Lets the actors into an instance together and then apart by a different small delay in every run,
 * so that all interleavings come up. Relaxed: ordering them here would hide what is to be found. */
static void line_up(uint32_t self, uint64_t step, uint64_t seed) {
  uint32_t spins = 0;
  __atomic_store_n(&progress[self].step, step, __ATOMIC_RELAXED);
  for (uint32_t other = 0; other < current->actors; other++)
    while (__atomic_load_n(&progress[other].step, __ATOMIC_RELAXED) < step)
      race_wait(&spins);
  for (uint64_t n = race_mix(seed) % STAGGER_MAX; n > 0; n--)
    __asm__ __volatile__("" ::: "memory");
}

static void actor(void *context) {
  uint32_t self = *(const uint32_t *)context;
  for (uint64_t round = 0; round < rounds; round++) {
    if (self == 0) {
      is_late = round >= ROUNDS_MIN && race_late();
      for (int i = 0; i < CELLS; i++) {
        cells[i].run = round * CELLS + (uint64_t)i + 1;
        current->prepare(&cells[i]);
      }
    }
    barrier();
    if (is_late)
      return;
    for (int i = 0; i < CELLS; i++) {
      line_up(self, round * CELLS + (uint64_t)i + 1, cells[i].run * ACTORS_MAX + self);
      current->act[self](&cells[i]);
    }
    barrier();
    if (self == 0)
      judge_round();
  }
}

static void open_cell(cell *c, const litmus *l, nt_arena *arena) {
  *c = (cell){.histogram = nt_histogram_create(arena)};
  if (!c->histogram)
    race_die("arena");
  c->ring = race_ring(l->kind, PAYLOAD, l->capacity);
  if (l->kind == NT_RING_SPSC)
    race_check(nt_spsc_producer_open(&c->spsc, c->ring), "producer");
  if (l->kind == NT_RING_MPSC)
    for (int p = 0; p < 2; p++)
      race_check(nt_mpsc_producer_open(&c->mpsc[p], c->ring), "producer");
  if (l->kind != NT_RING_BROADCAST) {
    race_check(nt_ring_consumer_open(&c->consumer, c->ring), "consumer");
    return;
  }
  race_check(nt_broadcast_writer_open(&c->writer, c->ring), "writer");
  race_check(nt_broadcast_reader_open(&c->reader, c->ring, false), "reader");
}

static void run(const litmus *l, uint64_t runs) {
  static const uint32_t selves[ACTORS_MAX] = {0, 1, 2};
  void (*bodies[])(void *) = {actor, actor, actor};
  void *contexts[ACTORS_MAX];
  nt_arena *arena;
  nt_arena_options plain = {.numa_node = -1};
  for (int i = 0; i < ACTORS_MAX; i++)
    contexts[i] = (void *)(uintptr_t)&selves[i];
  race_check(nt_arena_create(&arena, CELLS * (nt_histogram_bytes() + NT_CACHE_LINE), plain, NULL),
             "arena");
  for (int i = 0; i < CELLS; i++)
    open_cell(&cells[i], l, arena);
  current = l;
  rounds = (runs + CELLS - 1) / CELLS;
  forbidden = 0;
  memset(counts, 0, sizeof counts);
  memset(progress, 0, sizeof progress);
  race_begin();
  race_run(l->actors, bodies, contexts);
  printf("%s:", l->name);
  for (int i = 0; i < OUTCOMES_MAX && l->legal[i]; i++)
    printf(" %s %llu,", l->legal[i], (unsigned long long)counts[i]);
  printf(" forbidden %llu\n", (unsigned long long)forbidden);
  for (int i = 0; i < CELLS; i++)
    nt_ring_close(cells[i].ring);
  nt_arena_destroy(arena);
}

int main(int count, char **arguments) {
  uint64_t runs = count > 1 ? strtoull(arguments[1], NULL, 10) : 200000;
  uint64_t failures = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (runs < CELLS || runs > 1000000000)
    race_die("usage: race-litmus [RUNS], from 128 to 1000000000");
  nt_clock_calibrate();
  for (size_t i = 0; i < litmus_count; i++) {
    run(&litmus_programs[i], runs);
    failures += forbidden;
  }
  if (failures != 0)
    race_die("forbidden outcomes were seen");
  printf("race-litmus: only legal outcomes\n");
  return 0;
}
