/* Producing end of a ring with one producer and one consumer (the consuming end is in nt_ring.h).
 *
 * The producer publishes an item by the sequence word of its slot, and looks at the consumer's
 * credit only when the credit it knows has run out: once in a ring's length when the consumer
 * keeps up.
 *
 * Because credit comes back in lots, full may be said while up to NT_RING_CREDIT_EVERY - 1 slots
 * (half the ring when that is less) are already read; a consumer that finds the ring empty has
 * returned them all.
 *
 * Threading: one thread owns the producer. Full is a return value: nothing waits here. */
#ifndef NT_SPSC_H
#define NT_SPSC_H

#include "nt_ring.h"

typedef struct nt_spsc_producer {
  uint8_t *slots;
  uint64_t mask;
  uint64_t next;  /* position of the next item */
  uint64_t limit; /* first position not known to be free */
  const uint64_t *credit;
  uint32_t slot_bytes;
  uint32_t sequence_offset;
  uint32_t payload_bytes;
  uint32_t reserved;
  nt_ring *ring;
} nt_spsc_producer;
_Static_assert(sizeof(nt_spsc_producer) == NT_CACHE_LINE, "one line, private to its thread");

/* NT_RING_E_TAKEN while another live producer is open. After a crash the new producer goes on
 * behind the last item published. */
int nt_spsc_producer_open(nt_spsc_producer *out, nt_ring *ring);
void nt_spsc_producer_close(nt_spsc_producer *producer);

/* Free slots, exact when fewer than wanted are known to be free, else a lower bound. */
static inline NT_HOT uint64_t nt_spsc_free(nt_spsc_producer *p, uint64_t wanted) {
  if (p->limit - p->next < wanted)
    p->limit = __atomic_load_n(p->credit, NT_ORDER_CREDIT) + p->mask + 1;
  return p->limit - p->next;
}

/* The i-th slot to be written; i must be below what nt_spsc_free returned. */
static inline NT_HOT void *nt_spsc_slot_at(const nt_spsc_producer *p, uint64_t i) {
  return p->slots + ((p->next + i) & p->mask) * p->slot_bytes;
}

/* The next slot, to be written in place before nt_spsc_publish; NULL when full. */
static inline NT_HOT void *nt_spsc_claim(nt_spsc_producer *p) {
  if (__builtin_expect(p->next == p->limit, 0) && nt_spsc_free(p, 1) == 0)
    return NULL;
  return nt_spsc_slot_at(p, 0);
}

/* Makes the next count slots, written through nt_spsc_slot_at, visible in order. */
static inline NT_HOT void nt_spsc_publish(nt_spsc_producer *p, uint64_t count) {
  uint64_t position = p->next;
  for (uint64_t end = position + count; position != end; position++) {
    uint8_t *slot = p->slots + (position & p->mask) * p->slot_bytes;
    __atomic_store_n((uint64_t *)(void *)(slot + p->sequence_offset), position + 1,
                     NT_ORDER_PUBLISH);
  }
  p->next = position;
}

/* Copies one item in. False when full. bytes must not exceed the payload (trap); give a constant,
 * so that the copy becomes a few moves. */
static inline NT_HOT bool nt_spsc_push(nt_spsc_producer *p, const void *item, size_t bytes) {
  if (__builtin_expect(bytes > p->payload_bytes, 0))
    __builtin_trap();
  void *slot = nt_spsc_claim(p);
  if (!slot)
    return false;
  nt_ring_copy(slot, item, bytes);
  nt_spsc_publish(p, 1);
  return true;
}

/* Copies count packed items in, as many as there is room for; how many. */
static inline NT_HOT uint64_t nt_spsc_push_batch(nt_spsc_producer *p, const void *items,
                                                 uint64_t count, size_t bytes) {
  if (__builtin_expect(bytes > p->payload_bytes, 0))
    __builtin_trap();
  uint64_t room = nt_spsc_free(p, count);
  uint64_t n = room < count ? room : count;
  for (uint64_t i = 0; i < n; i++) {
    nt_ring_copy(nt_spsc_slot_at(p, 0), (const uint8_t *)items + i * bytes, bytes);
    nt_spsc_publish(p, 1);
  }
  return n;
}

#endif
