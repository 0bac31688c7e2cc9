/* Moves many items through every kind of ring and every way of using it, between threads that run
 * as fast as they can, and checks each byte, the order and the number of what arrives.
 *
 * usage: race-rings [ITEMS [spsc|mpsc|broadcast]]   (default 1000000 for every case, or as many as
 * its time allows, which is printed; exit 1 on the first fault) */
#include "../race.h"

#define BATCH 7
#define PRODUCERS 3
#define READERS 2
/* Of a case that its time has ended: fewer have shown nothing. */
#define ITEMS_MIN 1000
/* Items between two looks at the time. */
#define LOOK 256

/* One word for each item, written plainly before it is published and read plainly after it was
 * received: ThreadSanitizer objects unless receiving happens after publishing. */
static uint32_t *witness;
static uint64_t items;
/* What each producer has sent when it is done; UNDONE before. Relaxed: ordering the threads by it
 * would hide what is to be found. */
#define UNDONE UINT64_MAX
static uint64_t sent[PRODUCERS];

static void done(uint32_t producer, uint64_t count) {
  __atomic_store_n(&sent[producer], count, __ATOMIC_RELAXED);
}

/* Of all the producers that there are; UNDONE while one is at work. */
static uint64_t sent_by(uint32_t producers) {
  uint64_t sum = 0;
  for (uint32_t p = 0; p < producers; p++) {
    uint64_t count = __atomic_load_n(&sent[p], __ATOMIC_RELAXED);
    if (count == UNDONE)
      return UNDONE;
    sum += count;
  }
  return sum;
}

static uint64_t enough(uint32_t producers) {
  uint64_t sum = sent_by(producers);
  if (sum < ITEMS_MIN)
    race_die("too few items in the time of a case: nothing is shown");
  return sum;
}

typedef struct transfer {
  nt_ring *ring;
  size_t bytes;
  int style; /* 0 one by one, 1 in place, 2 batches */
  nt_spsc_producer spsc;
  nt_ring_consumer consumer;
} transfer;

static void expect(const uint8_t *item, size_t bytes, uint64_t wanted, const char *what) {
  uint64_t name;
  if (!race_whole(item, bytes, &name))
    race_die("torn item");
  if (name != wanted) {
    fprintf(stderr, "%s: item %llu where %llu was due\n", what, (unsigned long long)name,
            (unsigned long long)wanted);
    race_die("order");
  }
  if (witness[name] != (uint32_t)name)
    race_die("item received before it was published");
}

static void spsc_produce(void *context) {
  transfer *t = context;
  uint8_t batch[BATCH * NT_RING_PAYLOAD_MAX];
  uint32_t spins = 0;
  uint64_t i = 0;
  for (uint64_t turn = 0; i < items && (turn % LOOK != 0 || !race_late()); turn++) {
    uint64_t moved = 0;
    if (t->style == 1) {
      uint64_t room = nt_spsc_free(&t->spsc, BATCH);
      uint64_t n = room < BATCH ? room : BATCH;
      for (uint64_t k = 0; k < n && i + k < items; k++, moved++) {
        witness[i + k] = (uint32_t)(i + k);
        race_fill(nt_spsc_slot_at(&t->spsc, k), t->bytes, i + k);
      }
      nt_spsc_publish(&t->spsc, moved);
    } else {
      uint64_t n = t->style == 2 ? BATCH : 1;
      if (n > items - i)
        n = items - i;
      for (uint64_t k = 0; k < n; k++) {
        witness[i + k] = (uint32_t)(i + k);
        race_fill(batch + k * t->bytes, t->bytes, i + k);
      }
      moved = t->style == 2 ? nt_spsc_push_batch(&t->spsc, batch, n, t->bytes)
                            : nt_spsc_push(&t->spsc, batch, t->bytes);
    }
    i += moved;
    if (moved == 0)
      race_wait(&spins);
  }
  done(0, i);
}

static void spsc_consume(void *context) {
  transfer *t = context;
  uint8_t batch[BATCH * NT_RING_PAYLOAD_MAX];
  uint32_t spins = 0;
  for (uint64_t i = 0; i < sent_by(1);) {
    uint64_t n;
    if (t->style == 1) {
      n = nt_ring_available(&t->consumer, BATCH);
      for (uint64_t k = 0; k < n; k++)
        expect(nt_ring_peek_at(&t->consumer, k), t->bytes, i + k, "spsc in place");
      nt_ring_release(&t->consumer, n);
    } else {
      n = t->style == 2 ? nt_ring_pop_batch(&t->consumer, batch, BATCH, t->bytes)
                        : nt_ring_pop(&t->consumer, batch, t->bytes);
      for (uint64_t k = 0; k < n; k++)
        expect(batch + k * t->bytes, t->bytes, i + k, "spsc");
    }
    i += n;
    if (n == 0)
      race_wait(&spins);
  }
}

static nt_ring *fresh_ring(nt_ring_kind kind, uint32_t payload, uint64_t capacity) {
  memset(witness, 0xFF, items * sizeof *witness);
  for (uint32_t p = 0; p < PRODUCERS; p++)
    sent[p] = UNDONE;
  race_begin();
  return race_ring(kind, payload, capacity);
}

static void run_spsc(uint32_t payload, uint64_t capacity, int style) {
  transfer t = {.bytes = payload, .style = style};
  t.ring = fresh_ring(NT_RING_SPSC, payload, capacity);
  race_check(nt_spsc_producer_open(&t.spsc, t.ring), "producer");
  race_check(nt_ring_consumer_open(&t.consumer, t.ring), "consumer");
  void (*bodies[])(void *) = {spsc_consume, spsc_produce};
  void *contexts[] = {&t, &t};
  race_run(2, bodies, contexts);
  if (nt_ring_peek(&t.consumer) != NULL)
    race_die("an item too many");
  nt_ring_close(t.ring);
  printf("spsc payload %u capacity %llu style %d: %llu items\n", payload,
         (unsigned long long)capacity, style, (unsigned long long)enough(1));
}

typedef struct many {
  nt_mpsc_producer producer;
  size_t bytes;
  uint64_t first, count; /* the names this producer sends */
  uint32_t number;
  int style;
} many;

static void mpsc_produce(void *context) {
  many *m = context;
  uint8_t batch[BATCH * NT_RING_PAYLOAD_MAX];
  uint32_t spins = 0;
  uint64_t i = 0;
  for (uint64_t turn = 0; i < m->count && (turn % LOOK != 0 || !race_late()); turn++) {
    uint64_t n = m->style == 2 && m->count - i >= BATCH ? BATCH : 1;
    for (uint64_t k = 0; k < n; k++) {
      witness[m->first + i + k] = (uint32_t)(m->first + i + k);
      race_fill(batch + k * m->bytes, m->bytes, m->first + i + k);
    }
    bool pushed = n > 1 ? nt_mpsc_push_batch(&m->producer, batch, n, m->bytes)
                        : nt_mpsc_push(&m->producer, batch, m->bytes);
    if (pushed)
      i += n;
    else
      race_wait(&spins);
  }
  done(m->number, i);
}

static void mpsc_consume(void *context) {
  transfer *t = context;
  uint64_t next[PRODUCERS], share = items / PRODUCERS;
  uint8_t item[NT_RING_PAYLOAD_MAX];
  uint32_t spins = 0;
  for (uint32_t p = 0; p < PRODUCERS; p++)
    next[p] = p * share;
  for (uint64_t i = 0; i < sent_by(PRODUCERS);) {
    uint64_t name;
    if (!nt_ring_pop(&t->consumer, item, t->bytes)) {
      race_wait(&spins);
      continue;
    }
    memcpy(&name, item, 8);
    if (name >= share * PRODUCERS)
      race_die("an item nobody sent");
    expect(item, t->bytes, next[name / share]++, "mpsc");
    i++;
  }
}

static void run_mpsc(uint32_t payload, uint64_t capacity, int style) {
  transfer t = {.bytes = payload};
  many m[PRODUCERS];
  void (*bodies[PRODUCERS + 1])(void *) = {mpsc_consume};
  void *contexts[PRODUCERS + 1] = {&t};
  t.ring = fresh_ring(NT_RING_MPSC, payload, capacity);
  race_check(nt_ring_consumer_open(&t.consumer, t.ring), "consumer");
  for (uint32_t p = 0; p < PRODUCERS; p++) {
    m[p] = (many){.bytes = payload,
                  .first = p * (items / PRODUCERS),
                  .count = items / PRODUCERS,
                  .number = p,
                  .style = style};
    race_check(nt_mpsc_producer_open(&m[p].producer, t.ring), "producer");
    bodies[p + 1] = mpsc_produce;
    contexts[p + 1] = &m[p];
  }
  race_run(PRODUCERS + 1, bodies, contexts);
  if (nt_ring_peek(&t.consumer) != NULL)
    race_die("an item too many");
  nt_ring_close(t.ring);
  printf("mpsc payload %u capacity %llu style %d: %llu items from %d producers\n", payload,
         (unsigned long long)capacity, style, (unsigned long long)enough(PRODUCERS), PRODUCERS);
}

typedef struct listener {
  nt_broadcast_reader reader;
  size_t bytes;
  uint64_t received, laps;
} listener;

typedef struct speaker {
  nt_broadcast_writer writer;
  size_t bytes;
  uint64_t pause_every; /* gives the core away now and then, so that readers also keep up */
} speaker;

static void broadcast_write(void *context) {
  speaker *s = context;
  uint8_t item[NT_RING_PAYLOAD_MAX];
  uint64_t i = 0;
  for (; i < items && (i % LOOK != 0 || !race_late()); i++) {
    witness[i] = (uint32_t)i;
    race_fill(item, s->bytes, i);
    nt_broadcast_publish(&s->writer, item, s->bytes);
    if (s->pause_every != 0 && i % s->pause_every == 0)
      sched_yield();
  }
  done(0, i);
}

static void broadcast_read(void *context) {
  listener *l = context;
  uint8_t item[NT_RING_PAYLOAD_MAX];
  uint32_t spins = 0;
  while (l->reader.next < sent_by(1)) {
    switch (nt_broadcast_read(&l->reader, item, l->bytes)) {
    case NT_RING_ITEM:
      expect(item, l->bytes, l->reader.next - 1, "broadcast");
      l->received++;
      break;
    case NT_RING_LAPPED:
      l->laps++;
      nt_broadcast_resynchronise(&l->reader);
      break;
    case NT_RING_EMPTY:
      race_wait(&spins);
      break;
    }
  }
}

static void run_broadcast(uint32_t payload, uint64_t capacity, uint64_t pause_every) {
  nt_ring *ring = fresh_ring(NT_RING_BROADCAST, payload, capacity);
  speaker s = {.bytes = payload, .pause_every = pause_every};
  listener l[READERS];
  void (*bodies[READERS + 1])(void *) = {broadcast_write};
  void *contexts[READERS + 1] = {&s};
  race_check(nt_broadcast_writer_open(&s.writer, ring), "writer");
  for (uint32_t r = 0; r < READERS; r++) {
    l[r] = (listener){.bytes = payload};
    race_check(nt_broadcast_reader_open(&l[r].reader, ring, false), "reader");
    bodies[r + 1] = broadcast_read;
    contexts[r + 1] = &l[r];
  }
  race_run(READERS + 1, bodies, contexts);
  for (uint32_t r = 0; r < READERS; r++) {
    if (l[r].received + l[r].reader.lost != enough(1))
      race_die("an item neither received nor reported lost");
    printf("broadcast payload %u capacity %llu reader %u: %llu received, %llu lost in %llu laps\n",
           payload, (unsigned long long)capacity, r, (unsigned long long)l[r].received,
           (unsigned long long)l[r].reader.lost, (unsigned long long)l[r].laps);
  }
  nt_ring_close(ring);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  nt_clock_calibrate();
  items = count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
  if (items < 1000 || items > 1000000000)
    race_die("usage: race-rings [ITEMS], from 1000 to 1000000000");
  witness = calloc(items, sizeof *witness);
  if (!witness)
    race_die("out of memory");
  const char *only = count > 2 ? arguments[2] : "";
  if (*only == 0 || strcmp(only, "spsc") == 0) {
    run_spsc(8, 1024, 0);
    run_spsc(64, 2, 0);
    run_spsc(64, 256, 1);
    run_spsc(24, 64, 2);
  }
  if (*only == 0 || strcmp(only, "mpsc") == 0) {
    run_mpsc(16, 64, 0);
    run_mpsc(56, 16, 2);
  }
  if (*only == 0 || strcmp(only, "broadcast") == 0) {
    run_broadcast(64, 1024, 64);
    run_broadcast(256, 2, 0);
    run_broadcast(20, 16, 8);
  }
  free(witness);
  printf("race-rings: all items whole, in order and accounted for\n");
  return 0;
}
