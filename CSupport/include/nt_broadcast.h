/* Broadcast ring: one writer that never waits, any number of readers that each see every item, or
 * are told that they were lapped.
 *
 * A reader copies an item and then looks at the slot's sequence again: an item that was being
 * overwritten meanwhile is never handed out. Payload is copied in relaxed atomic words, so that
 * the overlap is no data race. Readers write nothing into the ring and may sit on a read-only
 * mapping in another process.
 *
 * The sequence word of a slot is 2 * (position + 1) when the item is whole, one less while it is
 * being written.
 *
 * Threading: one thread owns the writer; each reader belongs to one thread. */
#ifndef NT_BROADCAST_H
#define NT_BROADCAST_H

#include "nt_ring.h"

/* The race tests switch the check after the copy off, to prove that they notice. */
#ifndef NT_BROADCAST_VALIDATE
#define NT_BROADCAST_VALIDATE 1
#endif

typedef struct nt_broadcast_writer {
  uint8_t *slots;
  uint64_t mask;
  uint64_t next;    /* position of the next item */
  uint64_t *cursor; /* first unwritten position, for readers that attach or resynchronise */
  uint32_t slot_bytes;
  uint32_t sequence_offset;
  uint32_t payload_bytes;
  uint32_t reserved[3];
  nt_ring *ring;
} nt_broadcast_writer;
_Static_assert(sizeof(nt_broadcast_writer) == NT_CACHE_LINE, "one line, private to its thread");

typedef struct nt_broadcast_reader {
  const uint8_t *slots;
  uint64_t mask;
  uint64_t next; /* position of the next item to read */
  uint64_t lost; /* items skipped by resynchronising */
  const uint64_t *cursor;
  uint32_t slot_bytes;
  uint32_t sequence_offset;
  uint32_t payload_bytes;
  uint32_t reserved;
  const nt_ring *ring;
} nt_broadcast_reader;
_Static_assert(sizeof(nt_broadcast_reader) == NT_CACHE_LINE, "one line, private to its thread");

/* NT_RING_E_TAKEN while another live writer is open. */
int nt_broadcast_writer_open(nt_broadcast_writer *out, nt_ring *ring);
void nt_broadcast_writer_close(nt_broadcast_writer *writer);
/* Starts behind the last item written, or with from_oldest at the oldest one still there. */
int nt_broadcast_reader_open(nt_broadcast_reader *out, const nt_ring *ring, bool from_oldest);

/* Copies one item into the ring; never waits. bytes must not exceed the payload (trap). */
static inline NT_HOT void nt_broadcast_publish(nt_broadcast_writer *w, const void *item,
                                               size_t bytes) {
  if (__builtin_expect(bytes > w->payload_bytes, 0))
    __builtin_trap();
  uint8_t *slot = w->slots + (w->next & w->mask) * w->slot_bytes;
  uint64_t *words = (uint64_t *)(void *)slot;
  uint64_t *sequence = (uint64_t *)(void *)(slot + w->sequence_offset);
  __atomic_store_n(sequence, 2 * w->next + 1, __ATOMIC_RELAXED);
  /* The mark above before the words below; pairs with the fence of nt_broadcast_copy. */
  __atomic_thread_fence(__ATOMIC_RELEASE);
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word;
    memcpy(&word, (const uint8_t *)item + i, 8);
    __atomic_store_n(&words[i / 8], word, __ATOMIC_RELAXED);
  }
  if (i < bytes) {
    uint64_t word = 0;
    memcpy(&word, (const uint8_t *)item + i, bytes - i);
    __atomic_store_n(&words[i / 8], word, __ATOMIC_RELAXED);
  }
  w->next += 1;
  __atomic_store_n(sequence, 2 * w->next, NT_ORDER_PUBLISH);
  /* Relaxed: a hint where to look; the slots' sequences say what is there. */
  __atomic_store_n(w->cursor, w->next, __ATOMIC_RELAXED);
}

/* Copies count packed items into the ring. */
static inline NT_HOT void nt_broadcast_publish_batch(nt_broadcast_writer *w, const void *items,
                                                     uint64_t count, size_t bytes) {
  for (uint64_t i = 0; i < count; i++)
    nt_broadcast_publish(w, (const uint8_t *)items + i * bytes, bytes);
}

/* Copies the item of one position, without moving the reader. The item's bytes are undefined
 * unless the result is NT_RING_ITEM. */
static inline NT_HOT nt_ring_result nt_broadcast_copy(const nt_broadcast_reader *r,
                                                      uint64_t position, void *item, size_t bytes) {
  if (__builtin_expect(bytes > r->payload_bytes, 0))
    __builtin_trap();
  const uint8_t *slot = r->slots + (position & r->mask) * r->slot_bytes;
  const uint64_t *words = (const uint64_t *)(const void *)slot;
  const uint64_t *sequence = (const uint64_t *)(const void *)(slot + r->sequence_offset);
  uint64_t whole = 2 * (position + 1);
  uint64_t seen = __atomic_load_n(sequence, NT_ORDER_OBSERVE);
  if (seen != whole)
    return seen < whole ? NT_RING_EMPTY : NT_RING_LAPPED;
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word = __atomic_load_n(&words[i / 8], __ATOMIC_RELAXED);
    memcpy((uint8_t *)item + i, &word, 8);
  }
  if (i < bytes) {
    uint64_t word = __atomic_load_n(&words[i / 8], __ATOMIC_RELAXED);
    memcpy((uint8_t *)item + i, &word, bytes - i);
  }
#if NT_BROADCAST_VALIDATE
  /* The words above before the sequence below; pairs with the fence of nt_broadcast_publish. */
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__atomic_load_n(sequence, __ATOMIC_RELAXED) != whole)
    return NT_RING_LAPPED;
#endif
  return NT_RING_ITEM;
}

/* Copies the next item and moves on. NT_RING_EMPTY: nothing new. NT_RING_LAPPED: items were
 * overwritten unread; the reader stays where it is until nt_broadcast_resynchronise. */
static inline NT_HOT nt_ring_result nt_broadcast_read(nt_broadcast_reader *r, void *item,
                                                      size_t bytes) {
  nt_ring_result result = nt_broadcast_copy(r, r->next, item, bytes);
  if (result == NT_RING_ITEM)
    r->next += 1;
  return result;
}

/* Copies up to max items, packed; how many. *result is NT_RING_ITEM when max were copied, else why
 * it stopped: NT_RING_EMPTY or NT_RING_LAPPED. The items counted are good in any case. */
static inline NT_HOT uint64_t nt_broadcast_read_batch(nt_broadcast_reader *r, void *items,
                                                      uint64_t max, size_t bytes,
                                                      nt_ring_result *result) {
  uint64_t n = 0;
  *result = NT_RING_ITEM;
  while (n < max) {
    *result = nt_broadcast_read(r, (uint8_t *)items + n * bytes, bytes);
    if (*result != NT_RING_ITEM)
      break;
    n++;
  }
  return n;
}

/* After NT_RING_LAPPED: goes to the newest half of the ring (so that it is not lapped again at
 * once) and returns how many items were lost; also added to lost. */
static inline NT_HOT uint64_t nt_broadcast_resynchronise(nt_broadcast_reader *r) {
  uint64_t end = __atomic_load_n(r->cursor, __ATOMIC_RELAXED);
  uint64_t half = (r->mask + 1) / 2;
  uint64_t start = end > half ? end - half : 0;
  if (start <= r->next)
    return 0;
  uint64_t lost = start - r->next;
  r->next = start;
  r->lost += lost;
  return lost;
}

#endif
