/* The programs. Items carry the number of the run and a small k that tells them apart. */
#include "litmus.h"

#include "nt_clock.h"

static uint64_t name_of(const cell *c, uint64_t k) {
  return c->run * 8 + k;
}

static bool spsc_send(cell *c, uint64_t k) {
  uint8_t item[PAYLOAD];
  race_fill(item, PAYLOAD, name_of(c, k));
  return nt_spsc_push(&c->spsc, item, PAYLOAD);
}

static bool mpsc_send(cell *c, int producer, uint64_t k) {
  uint8_t item[PAYLOAD];
  race_fill(item, PAYLOAD, name_of(c, k));
  return nt_mpsc_push(&c->mpsc[producer], item, PAYLOAD);
}

static void broadcast_send(cell *c, uint64_t k) {
  uint8_t item[PAYLOAD];
  race_fill(item, PAYLOAD, name_of(c, k));
  nt_broadcast_publish(&c->writer, item, PAYLOAD);
}

/* k of the next item of this run; -1 none; -2 torn or of another run. */
static int64_t take(cell *c) {
  uint8_t item[PAYLOAD];
  uint64_t name;
  if (!nt_ring_pop(&c->consumer, item, PAYLOAD))
    return -1;
  if (!race_whole(item, PAYLOAD, &name) || name / 8 != c->run)
    return -2;
  return (int64_t)(name % 8);
}

static void prepare_nothing(cell *c) {
  c->plain = 0;
}

/* --- What was written before an item is published is there when the item is received. */
static void pass_send(cell *c) {
  c->plain = c->run;
  c->result[0] = spsc_send(c, 1);
}
static void pass_receive(cell *c) {
  c->result[1] = take(c);
  if (c->result[1] >= 0)
    c->seen[0] = c->plain;
}
static int pass_judge(cell *c) {
  if (c->result[0] != 1)
    return FORBIDDEN;
  if (c->result[1] == -1)
    return take(c) == 1 ? 0 : FORBIDDEN;
  return c->result[1] == 1 && c->seen[0] == c->run ? 1 : FORBIDDEN;
}

/* --- A full ring refuses, or takes into the slot that the consumer has left; never before. */
static void full_prepare(cell *c) {
  if (!spsc_send(c, 1) || !spsc_send(c, 2))
    race_die("a drained ring refuses");
}
static void full_send(cell *c) {
  c->result[0] = spsc_send(c, 3);
}
static void full_receive(cell *c) {
  c->result[1] = take(c);
}
static int full_judge(cell *c) {
  if (c->result[1] != 1 || take(c) != 2)
    return FORBIDDEN;
  int64_t third = take(c);
  if (c->result[0] == 0)
    return third == -1 ? 0 : FORBIDDEN;
  return third == 3 ? 1 : FORBIDDEN;
}

/* --- A batch becomes visible from its first item on. */
static void batch_send(cell *c) {
  race_fill(nt_spsc_slot_at(&c->spsc, 0), PAYLOAD, name_of(c, 1));
  race_fill(nt_spsc_slot_at(&c->spsc, 1), PAYLOAD, name_of(c, 2));
  nt_spsc_publish(&c->spsc, 2);
}
static void batch_receive(cell *c) {
  uint64_t n = nt_ring_available(&c->consumer, 4);
  c->result[1] = (int64_t)n;
  for (uint64_t i = 0; i < n; i++)
    if (!race_whole(nt_ring_peek_at(&c->consumer, i), PAYLOAD, &c->seen[i]) ||
        c->seen[i] != name_of(c, i + 1))
      c->result[1] = FORBIDDEN;
  nt_ring_release(&c->consumer, n);
}
static void batch_prepare(cell *c) {
  if (nt_spsc_free(&c->spsc, 2) < 2)
    race_die("a drained ring refuses");
}
static int batch_judge(cell *c) {
  while (take(c) >= 0) {
  }
  return c->result[1] >= 0 && c->result[1] <= 2 ? (int)c->result[1] : FORBIDDEN;
}

/* --- Two producers, one free slot: one of them gets it. */
static void last_slot_prepare(cell *c) {
  if (!mpsc_send(c, 0, 1))
    race_die("a drained ring refuses");
}
static void last_slot_a(cell *c) {
  c->result[0] = mpsc_send(c, 0, 2);
}
static void last_slot_b(cell *c) {
  c->result[1] = mpsc_send(c, 1, 3);
}
static int last_slot_judge(cell *c) {
  int64_t first = take(c), second = take(c), third = take(c);
  if (c->result[0] + c->result[1] != 1 || first != 1 || third != -1)
    return FORBIDDEN;
  return second == (c->result[0] == 1 ? 2 : 3) ? (int)c->result[1] : FORBIDDEN;
}

/* --- Batches of two producers are not mixed. */
static void runs_send(cell *c, int producer, uint64_t k) {
  uint8_t items[2 * PAYLOAD];
  race_fill(items, PAYLOAD, name_of(c, k));
  race_fill(items + PAYLOAD, PAYLOAD, name_of(c, k + 1));
  c->result[producer] = nt_mpsc_push_batch(&c->mpsc[producer], items, 2, PAYLOAD);
}
static void runs_a(cell *c) {
  runs_send(c, 0, 1);
}
static void runs_b(cell *c) {
  runs_send(c, 1, 3);
}
static int runs_judge(cell *c) {
  int64_t first = take(c), second = take(c), third = take(c), fourth = take(c);
  if (c->result[0] != 1 || c->result[1] != 1 || second != first + 1 || fourth != third + 1)
    return FORBIDDEN;
  return first == 1 && third == 3 ? 0 : first == 3 && third == 1 ? 1 : FORBIDDEN;
}

/* --- The order of one producer holds whatever another does, also for a consumer that is at it. */
static void order_a(cell *c) {
  c->result[0] = mpsc_send(c, 0, 1) + mpsc_send(c, 0, 2);
}
static void order_b(cell *c) {
  c->result[1] = mpsc_send(c, 1, 3);
}
static void order_receive(cell *c) {
  for (int i = 0; i < 3; i++)
    c->seen[i] = (uint64_t)take(c);
}
static int order_judge(cell *c) {
  int64_t order[8];
  int n = 0;
  for (int i = 0; i < 3; i++)
    if ((int64_t)c->seen[i] != -1)
      order[n++] = (int64_t)c->seen[i];
  int received = n;
  for (int64_t k = take(c); k != -1 && n < 8; k = take(c))
    order[n++] = k;
  if (c->result[0] != 2 || c->result[1] != 1 || n != 3)
    return FORBIDDEN;
  bool legal = (order[0] == 1 && order[1] == 2 && order[2] == 3) ||
               (order[0] == 1 && order[1] == 3 && order[2] == 2) ||
               (order[0] == 3 && order[1] == 1 && order[2] == 2);
  return legal ? received : FORBIDDEN;
}

/* --- The same hand-over through a broadcast ring. */
static void spread_send(cell *c) {
  c->plain = c->run;
  broadcast_send(c, 1);
}
static nt_ring_result hear(cell *c, uint64_t *k) {
  uint8_t item[PAYLOAD];
  uint64_t name;
  nt_ring_result result = nt_broadcast_read(&c->reader, item, PAYLOAD);
  if (result == NT_RING_ITEM)
    *k = race_whole(item, PAYLOAD, &name) && name / 8 == c->run ? name % 8 : 99;
  return result;
}
static void spread_receive(cell *c) {
  c->result[1] = hear(c, &c->seen[1]);
  if (c->result[1] == NT_RING_ITEM)
    c->seen[0] = c->plain;
}
static int spread_judge(cell *c) {
  if (c->result[1] == NT_RING_EMPTY)
    return hear(c, &c->seen[1]) == NT_RING_ITEM && c->seen[1] == 1 ? 0 : FORBIDDEN;
  return c->result[1] == NT_RING_ITEM && c->seen[1] == 1 && c->seen[0] == c->run ? 1 : FORBIDDEN;
}

/* --- An item that is overwritten meanwhile is whole, or reported as lapped. */
static void overwrite_prepare(cell *c) {
  c->reader.next = c->writer.next;
  broadcast_send(c, 0);
  broadcast_send(c, 1);
}
static void overwrite_send(cell *c) {
  broadcast_send(c, 2);
}
static void overwrite_receive(cell *c) {
  c->result[1] = hear(c, &c->seen[1]);
}
static int overwrite_judge(cell *c) {
  if (c->result[1] == NT_RING_LAPPED)
    return 0;
  return c->result[1] == NT_RING_ITEM && c->seen[1] == 0 ? 1 : FORBIDDEN;
}

/* --- A lapped reader that resynchronises knows what it lost and goes on in order. */
static void resume_prepare(cell *c) {
  overwrite_prepare(c);
  c->reader.lost = 0;
  c->seen[2] = c->writer.next - 2; /* position of item 0 */
}
static void resume_send(cell *c) {
  for (uint64_t k = 2; k < 6; k++)
    broadcast_send(c, k);
}
static void resume_receive(cell *c) {
  uint64_t received = 0, k;
  c->result[1] = 1;
  for (int i = 0; i < 8; i++) {
    nt_ring_result result = hear(c, &k);
    if (result == NT_RING_LAPPED)
      nt_broadcast_resynchronise(&c->reader);
    if (result != NT_RING_ITEM)
      continue;
    received++;
    if (k != c->reader.next - 1 - c->seen[2])
      c->result[1] = FORBIDDEN;
  }
  if (received + c->reader.lost != c->reader.next - c->seen[2])
    c->result[1] = FORBIDDEN;
}
static int resume_judge(cell *c) {
  if (c->result[1] == FORBIDDEN)
    return FORBIDDEN;
  return c->reader.lost == 0 ? 0 : 1;
}

/* --- Of two who open the single end of a ring one gets it. */
static void own_prepare(cell *c) {
  nt_ring_consumer_close(&c->consumer);
  nt_ring_consumer_close(&c->rival);
}
static void own_a(cell *c) {
  c->result[0] = nt_ring_consumer_open(&c->consumer, c->ring);
}
static void own_b(cell *c) {
  c->result[1] = nt_ring_consumer_open(&c->rival, c->ring);
}
static int own_judge(cell *c) {
  if (c->result[0] == 0 && c->result[1] == NT_RING_E_TAKEN)
    return 0;
  return c->result[1] == 0 && c->result[0] == NT_RING_E_TAKEN ? 1 : FORBIDDEN;
}

/* --- A reader of a histogram that is being recorded sees whole counts. */
static void histogram_prepare(cell *c) {
  nt_histogram_reset(c->histogram);
}
static void histogram_write(cell *c) {
  nt_histogram_record(c->histogram, 1000);
  nt_histogram_record(c->histogram, 1000);
}
static void histogram_read(cell *c) {
  c->result[1] = (int64_t)__atomic_load_n(
      nt_histogram_counts(c->histogram) + nt_histogram_index(1000), __ATOMIC_RELAXED);
  c->seen[0] = (uint64_t)nt_histogram_maximum(c->histogram);
}
static int histogram_judge(cell *c) {
  if (c->result[1] < 0 || c->result[1] > 2 || (c->seen[0] != 0 && c->seen[0] != 1000))
    return FORBIDDEN;
  return nt_histogram_count(c->histogram) == 2 ? (int)c->result[1] : FORBIDDEN;
}

/* --- A clock that is recalibrated while it is read does not go back. */
static void clock_correct(cell *c) {
  c->result[0] = nt_clock_recalibrate();
}
static void clock_read(cell *c) {
  int64_t before = nt_clock_now();
  c->result[1] = nt_clock_now() - before;
}
static int clock_judge(cell *c) {
  return c->result[1] >= 0 ? 0 : FORBIDDEN;
}

const litmus litmus_programs[] = {
    {"spsc: message passing",
     NT_RING_SPSC,
     2,
     2,
     prepare_nothing,
     {pass_send, pass_receive},
     pass_judge,
     {"empty", "item and what was before it"}},
    {"spsc: full ring",
     NT_RING_SPSC,
     2,
     2,
     full_prepare,
     {full_send, full_receive},
     full_judge,
     {"refused", "taken"}},
    {"spsc: batch",
     NT_RING_SPSC,
     2,
     2,
     batch_prepare,
     {batch_send, batch_receive},
     batch_judge,
     {"none", "first", "both"}},
    {"mpsc: last slot",
     NT_RING_MPSC,
     2,
     2,
     last_slot_prepare,
     {last_slot_a, last_slot_b},
     last_slot_judge,
     {"first producer", "second producer"}},
    {"mpsc: batches",
     NT_RING_MPSC,
     4,
     2,
     prepare_nothing,
     {runs_a, runs_b},
     runs_judge,
     {"first before second", "second before first"}},
    {"mpsc: order of a producer",
     NT_RING_MPSC,
     4,
     3,
     prepare_nothing,
     {order_a, order_b, order_receive},
     order_judge,
     {"none", "one", "two", "three"}},
    {"broadcast: message passing",
     NT_RING_BROADCAST,
     2,
     2,
     prepare_nothing,
     {spread_send, spread_receive},
     spread_judge,
     {"empty", "item and what was before it"}},
    {"broadcast: overwrite",
     NT_RING_BROADCAST,
     2,
     2,
     overwrite_prepare,
     {overwrite_send, overwrite_receive},
     overwrite_judge,
     {"lapped", "whole"}},
    {"broadcast: resynchronise",
     NT_RING_BROADCAST,
     2,
     2,
     resume_prepare,
     {resume_send, resume_receive},
     resume_judge,
     {"all in order", "loss reported"}},
    {"ring: one owner",
     NT_RING_SPSC,
     2,
     2,
     own_prepare,
     {own_a, own_b},
     own_judge,
     {"first", "second"}},
    {"histogram: read while recorded",
     NT_RING_SPSC,
     2,
     2,
     histogram_prepare,
     {histogram_write, histogram_read},
     histogram_judge,
     {"none", "one", "two"}},
    {"clock: recalibrated while read",
     NT_RING_SPSC,
     2,
     2,
     prepare_nothing,
     {clock_correct, clock_read},
     clock_judge,
     {"forward"}},
};

const size_t litmus_count = sizeof litmus_programs / sizeof litmus_programs[0];
