/* Producing end of a ring with many producers and one consumer (the consuming end is in
 * nt_ring.h).
 *
 * A producer claims positions on the shared tail, writes its slots and publishes each by its
 * sequence word; the consumer takes them in claim order. A producer that stops between claim and
 * publish holds up everybody behind it: keep the two together. The consumer's side can see such a
 * hole: nt_ring_claimed stays ahead of what can be read.
 *
 * Threading: each producing thread opens a producer of its own. Full is a return value. */
#ifndef NT_MPSC_H
#define NT_MPSC_H

#include "nt_ring.h"

/* How often a claim is tried against other producers before it is given up as full. */
#define NT_MPSC_ATTEMPTS_MAX 1024u

typedef struct nt_mpsc_producer {
  uint8_t *slots;
  uint64_t mask;
  uint64_t *tail; /* first unclaimed position, shared by the producers */
  uint64_t limit; /* first position not known to be free */
  const uint64_t *credit;
  uint32_t slot_bytes;
  uint32_t sequence_offset;
  uint32_t payload_bytes;
  uint32_t reserved;
  nt_ring *ring;
} nt_mpsc_producer;
_Static_assert(sizeof(nt_mpsc_producer) == NT_CACHE_LINE, "one line, private to its thread");

int nt_mpsc_producer_open(nt_mpsc_producer *out, nt_ring *ring);
void nt_mpsc_producer_close(nt_mpsc_producer *producer);

/* Claims count consecutive positions from *position. False when there is no room for all of them,
 * or when other producers won NT_MPSC_ATTEMPTS_MAX times running. */
static inline NT_HOT bool nt_mpsc_claim(nt_mpsc_producer *p, uint64_t count, uint64_t *position) {
  /* Relaxed: the tail only hands out positions; what may be written is ordered by the credit. */
  uint64_t tail = __atomic_load_n(p->tail, __ATOMIC_RELAXED);
  if (count == 0 || count > p->mask + 1)
    return false;
  for (uint32_t attempt = 0; attempt < NT_MPSC_ATTEMPTS_MAX; attempt++) {
    if ((int64_t)(p->limit - tail) < (int64_t)count) {
      p->limit = __atomic_load_n(p->credit, NT_ORDER_CREDIT) + p->mask + 1;
      if ((int64_t)(p->limit - tail) < (int64_t)count)
        return false;
    }
    if (__atomic_compare_exchange_n(p->tail, &tail, tail + count, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      *position = tail;
      return true;
    }
    nt_pause();
  }
  return false;
}

/* The slot of a claimed position. */
static inline NT_HOT void *nt_mpsc_slot(const nt_mpsc_producer *p, uint64_t position) {
  return p->slots + (position & p->mask) * p->slot_bytes;
}

/* Makes count claimed and written slots from position visible. */
static inline NT_HOT void nt_mpsc_publish(nt_mpsc_producer *p, uint64_t position, uint64_t count) {
  for (uint64_t end = position + count; position != end; position++) {
    uint8_t *slot = p->slots + (position & p->mask) * p->slot_bytes;
    __atomic_store_n((uint64_t *)(void *)(slot + p->sequence_offset), position + 1,
                     NT_ORDER_PUBLISH);
  }
}

/* Copies one item in. False when full. bytes must not exceed the payload (trap). */
static inline NT_HOT bool nt_mpsc_push(nt_mpsc_producer *p, const void *item, size_t bytes) {
  uint64_t position;
  if (__builtin_expect(bytes > p->payload_bytes, 0))
    __builtin_trap();
  if (!nt_mpsc_claim(p, 1, &position))
    return false;
  nt_ring_copy(nt_mpsc_slot(p, position), item, bytes);
  nt_mpsc_publish(p, position, 1);
  return true;
}

/* Copies count packed items in as one run, unbroken by other producers. All or nothing. */
static inline NT_HOT bool nt_mpsc_push_batch(nt_mpsc_producer *p, const void *items, uint64_t count,
                                             size_t bytes) {
  uint64_t position;
  if (__builtin_expect(bytes > p->payload_bytes, 0))
    __builtin_trap();
  if (!nt_mpsc_claim(p, count, &position))
    return false;
  for (uint64_t i = 0; i < count; i++) {
    nt_ring_copy(nt_mpsc_slot(p, position + i), (const uint8_t *)items + i * bytes, bytes);
    nt_mpsc_publish(p, position + i, 1);
  }
  return true;
}

#endif
