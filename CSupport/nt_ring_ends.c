#include "nt_broadcast.h"
#include "nt_mpsc.h"
#include "nt_ring_region.h"
#include "nt_spsc.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* Takes a single end for this process, from a dead holder too. */
static int ring_own(int32_t *owner) {
  int32_t self = (int32_t)getpid();
  int32_t holder = __atomic_load_n(owner, __ATOMIC_ACQUIRE);
  if (holder != 0 && (holder == self || holder < 0))
    return NT_RING_E_TAKEN;
  if (holder != 0 && (kill(holder, 0) == 0 || errno != ESRCH))
    return NT_RING_E_TAKEN;
  /* Acquire and release: the new holder goes on where the old one's words say. */
  if (!__atomic_compare_exchange_n(owner, &holder, self, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return NT_RING_E_TAKEN;
  return 0;
}

static uint8_t *ring_slots(const ring_region *region) {
  return (uint8_t *)(uintptr_t)region + sizeof(ring_region);
}

static uint64_t ring_sequence(const ring_region *region, uint64_t position) {
  const ring_header *h = &region->header;
  const uint8_t *slot = ring_slots(region) + (position & (h->capacity - 1)) * h->slot_bytes;
  return __atomic_load_n((const uint64_t *)(const void *)(slot + h->sequence_offset),
                         __ATOMIC_ACQUIRE);
}

int nt_ring_consumer_open(nt_ring_consumer *out, nt_ring *ring) {
  ring_region *region = ring->region;
  const ring_header *h = &region->header;
  if (h->kind != NT_RING_SPSC && h->kind != NT_RING_MPSC)
    return NT_RING_E_KIND;
  if (ring->read_only)
    return NT_RING_E_READ_ONLY;
  int error = ring_own(&region->consumer_owner);
  if (error != 0)
    return error;
  ring->owns_consumer = true;
  uint64_t position = __atomic_load_n(&region->credit, __ATOMIC_ACQUIRE);
  uint64_t half = h->capacity / 2;
  uint32_t ahead = h->slot_bytes < NT_CACHE_LINE ? NT_RING_AHEAD_BYTES / h->slot_bytes : 0;
  if (ahead == 0)
    ahead = NT_RING_AHEAD_SLOTS;
  *out = (nt_ring_consumer){
      .slots = ring_slots(region),
      .mask = h->capacity - 1,
      .next = position,
      .returned = position,
      .credit = &region->credit,
      .slot_bytes = h->slot_bytes,
      .sequence_offset = h->sequence_offset,
      .payload_bytes = h->payload_bytes,
      .credit_every = (uint16_t)(half < NT_RING_CREDIT_EVERY ? half : NT_RING_CREDIT_EVERY),
      .ahead = (uint16_t)ahead,
      .ring = ring};
  return 0;
}

void nt_ring_consumer_close(nt_ring_consumer *c) {
  if (!c->ring)
    return;
  nt_ring_return_credit(c);
  __atomic_store_n(&c->ring->region->consumer_owner, 0, __ATOMIC_RELEASE);
  c->ring->owns_consumer = false;
  c->ring = NULL;
}

int nt_spsc_producer_open(nt_spsc_producer *out, nt_ring *ring) {
  ring_region *region = ring->region;
  const ring_header *h = &region->header;
  if (h->kind != NT_RING_SPSC)
    return NT_RING_E_KIND;
  if (ring->read_only)
    return NT_RING_E_READ_ONLY;
  int error = ring_own(&region->producer_owner);
  if (error != 0)
    return error;
  ring->owns_producer = true;
  uint64_t credit = __atomic_load_n(&region->credit, __ATOMIC_ACQUIRE);
  uint64_t next = credit;
  while (next - credit < h->capacity && ring_sequence(region, next) == next + 1)
    next++;
  *out = (nt_spsc_producer){.slots = ring_slots(region),
                            .mask = h->capacity - 1,
                            .next = next,
                            .limit = credit + h->capacity,
                            .credit = &region->credit,
                            .slot_bytes = h->slot_bytes,
                            .sequence_offset = h->sequence_offset,
                            .payload_bytes = h->payload_bytes,
                            .ring = ring};
  return 0;
}

void nt_spsc_producer_close(nt_spsc_producer *p) {
  if (!p->ring)
    return;
  __atomic_store_n(&p->ring->region->producer_owner, 0, __ATOMIC_RELEASE);
  p->ring->owns_producer = false;
  p->ring = NULL;
}

int nt_mpsc_producer_open(nt_mpsc_producer *out, nt_ring *ring) {
  ring_region *region = ring->region;
  const ring_header *h = &region->header;
  if (h->kind != NT_RING_MPSC)
    return NT_RING_E_KIND;
  if (ring->read_only)
    return NT_RING_E_READ_ONLY;
  *out =
      (nt_mpsc_producer){.slots = ring_slots(region),
                         .mask = h->capacity - 1,
                         .tail = &region->tail,
                         .limit = __atomic_load_n(&region->credit, __ATOMIC_ACQUIRE) + h->capacity,
                         .credit = &region->credit,
                         .slot_bytes = h->slot_bytes,
                         .sequence_offset = h->sequence_offset,
                         .payload_bytes = h->payload_bytes,
                         .ring = ring};
  return 0;
}

void nt_mpsc_producer_close(nt_mpsc_producer *p) {
  p->ring = NULL;
}

int nt_broadcast_writer_open(nt_broadcast_writer *out, nt_ring *ring) {
  ring_region *region = ring->region;
  const ring_header *h = &region->header;
  if (h->kind != NT_RING_BROADCAST)
    return NT_RING_E_KIND;
  if (ring->read_only)
    return NT_RING_E_READ_ONLY;
  int error = ring_own(&region->producer_owner);
  if (error != 0)
    return error;
  ring->owns_producer = true;
  /* A writer that died behind publishing and before the cursor left one whole item more. */
  uint64_t next = __atomic_load_n(&region->tail, __ATOMIC_ACQUIRE);
  if (ring_sequence(region, next) == 2 * (next + 1))
    next++;
  *out = (nt_broadcast_writer){.slots = ring_slots(region),
                               .mask = h->capacity - 1,
                               .next = next,
                               .cursor = &region->tail,
                               .slot_bytes = h->slot_bytes,
                               .sequence_offset = h->sequence_offset,
                               .payload_bytes = h->payload_bytes,
                               .ring = ring};
  return 0;
}

void nt_broadcast_writer_close(nt_broadcast_writer *w) {
  if (!w->ring)
    return;
  __atomic_store_n(&w->ring->region->producer_owner, 0, __ATOMIC_RELEASE);
  w->ring->owns_producer = false;
  w->ring = NULL;
}

int nt_broadcast_reader_open(nt_broadcast_reader *out, const nt_ring *ring, bool from_oldest) {
  const ring_region *region = ring->region;
  const ring_header *h = &region->header;
  if (h->kind != NT_RING_BROADCAST)
    return NT_RING_E_KIND;
  uint64_t end = __atomic_load_n(&region->tail, __ATOMIC_ACQUIRE);
  uint64_t oldest = end > h->capacity ? end - h->capacity : 0;
  *out = (nt_broadcast_reader){.slots = ring_slots(region),
                               .mask = h->capacity - 1,
                               .next = from_oldest ? oldest : end,
                               .cursor = &region->tail,
                               .slot_bytes = h->slot_bytes,
                               .sequence_offset = h->sequence_offset,
                               .payload_bytes = h->payload_bytes,
                               .ring = ring};
  return 0;
}
