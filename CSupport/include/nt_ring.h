/* Rings of fixed-size slots: what SPSC, MPSC and broadcast rings share. The hot calls are in
 * nt_spsc.h, nt_mpsc.h and nt_broadcast.h; this header makes, places, attaches and ends a ring.
 *
 * A ring is one region of memory without pointers: a header line, control lines that stand 128
 * bytes apart (Intel fetches lines in pairs), and the slots. Every slot carries its own sequence
 * word right behind its payload, so that near empty a hand-off moves the lines of the item and no
 * other: one for up to 56 bytes. Payloads of up to 56 bytes are aligned to 16, greater ones to 8.
 * Ends of a ring (producer, consumer, writer, reader) are small private structs of the thread that
 * uses them; keep each in a cache line of its own (nt_arena_take with 64).
 *
 * Positions count items from 0 and never wrap (64 bits). The slot of position p is p modulo the
 * capacity; its sequence word says which item is whole in it, so zeroed memory is an empty ring.
 *
 * Threading: making, attaching, opening and ending are start-up calls; one thread opens one end.
 * Trust: a region is only ever attached from a file or descriptor of the same user (0600). Nothing
 * another process writes into it makes this one read or write outside its slots. */
#ifndef NT_RING_H
#define NT_RING_H

#include "nt_hot.h"
#include "nt_memory.h"

#define NT_RING_PAYLOAD_MIN 8u
#define NT_RING_PAYLOAD_MAX 256u
#define NT_RING_CAPACITY_MIN 2u
#define NT_RING_CAPACITY_MAX (1u << 26)
/* The consumer tells the producer about freed slots once in so many items (or half the ring). */
#define NT_RING_CREDIT_EVERY 64u
/* How far ahead the consumer fetches lines, so that more of them are under way than its loads alone
 * would have: this many slots, but no more bytes than these where slots share a line. Fetching
 * farther ahead there takes lines away from the producer that writes them: from 384 bytes on
 * throughput may fall to a third. */
#define NT_RING_AHEAD_SLOTS 16u
#define NT_RING_AHEAD_BYTES 256u

/* Memory orders, one name for each side of each pairing. Tests/Races/run.sh weakens every one of
 * them in turn and must be caught. */
#ifndef NT_ORDER_PUBLISH /* producer: payload before sequence; pairs with NT_ORDER_OBSERVE */
#define NT_ORDER_PUBLISH __ATOMIC_RELEASE
#endif
#ifndef NT_ORDER_OBSERVE /* consumer: sequence before payload; pairs with NT_ORDER_PUBLISH */
#define NT_ORDER_OBSERVE __ATOMIC_ACQUIRE
#endif
#ifndef NT_ORDER_RETURN /* consumer: last read before credit; pairs with NT_ORDER_CREDIT */
#define NT_ORDER_RETURN __ATOMIC_RELEASE
#endif
#ifndef NT_ORDER_CREDIT /* producer: credit before the next write; pairs with NT_ORDER_RETURN */
#define NT_ORDER_CREDIT __ATOMIC_ACQUIRE
#endif

typedef enum nt_ring_kind {
  NT_RING_SPSC = 1,      /* one producer, one consumer */
  NT_RING_MPSC = 2,      /* many producers, one consumer */
  NT_RING_BROADCAST = 3, /* one writer that never waits, many readers that may be lapped */
} nt_ring_kind;

/* Results of reading a broadcast ring; the other rings know only the first two. */
typedef enum nt_ring_result {
  NT_RING_LAPPED = -1, /* the writer has overwritten the item: resynchronise and count the loss */
  NT_RING_EMPTY = 0,
  NT_RING_ITEM = 1,
} nt_ring_result;

/* Why a region was refused. Functions below return 0, a positive errno, or one of these. */
typedef enum nt_ring_error {
  NT_RING_E_PAYLOAD = -1,   /* payload size outside 8 to 256 */
  NT_RING_E_CAPACITY = -2,  /* capacity not a power of two, or outside 2 to 2^26 */
  NT_RING_E_KIND = -3,      /* unknown kind, or an end of another kind of ring */
  NT_RING_E_TRUNCATED = -4, /* file shorter than its header says, or than a header */
  NT_RING_E_FOREIGN = -5,   /* magic is not ours: not a ring, or not yet initialised */
  NT_RING_E_VERSION = -6,   /* made by another version of this library */
  NT_RING_E_LAYOUT = -7,    /* header fields contradict each other */
  NT_RING_E_CHECKSUM = -8,  /* header damaged */
  NT_RING_E_TAG = -9,       /* the ring carries another record type */
  NT_RING_E_TAKEN = -10,    /* that end is open already */
  NT_RING_E_READ_ONLY = -11 /* the region is attached for reading only */
} nt_ring_error;

typedef struct nt_ring nt_ring;

typedef struct nt_ring_options {
  nt_ring_kind kind;
  uint32_t payload_bytes; /* of an item, 8 to 256; a slot is somewhat more */
  uint64_t capacity;      /* slots, a power of two */
  uint64_t tag;           /* the caller's name for the record type and version; checked on attach */
} nt_ring_options;

/* Bytes that a ring of these options takes, or 0 when they are impossible. */
uint64_t nt_ring_bytes(nt_ring_options options);

/* In the arena, or in a private mapping when arena is NULL. ENOMEM when the arena is full. */
int nt_ring_create(nt_ring **out, nt_ring_options options, nt_arena *arena);
/* In a new file of mode 0600 (under /dev/shm for memory only). EEXIST when the path exists. The
 * file stays when the ring is closed; unlinking it is the maker's business. */
int nt_ring_create_file(nt_ring **out, nt_ring_options options, const char *path);
/* In an anonymous memory file sealed against resizing. *descriptor is the caller's to pass on and
 * close. */
int nt_ring_create_memory_file(nt_ring **out, nt_ring_options options, int *descriptor);
/* Attaches after checking every header field. A tag of 0 accepts any record type. A read-only
 * attachment serves broadcast readers and cannot disturb the ring. */
int nt_ring_attach_file(nt_ring **out, const char *path, uint64_t tag, bool read_only);
/* The same by descriptor, which stays the caller's. */
int nt_ring_attach_descriptor(nt_ring **out, int descriptor, uint64_t tag, bool read_only);
/* Closes the ends opened through this handle and gives back the mapping (arena memory stays the
 * arena's). No end opened through it may be used afterwards. */
void nt_ring_close(nt_ring *ring);

nt_ring_kind nt_ring_kind_of(const nt_ring *ring);
uint64_t nt_ring_capacity(const nt_ring *ring);
uint32_t nt_ring_payload_bytes(const nt_ring *ring);
/* Bytes from one slot to the next. */
uint32_t nt_ring_slot_bytes(const nt_ring *ring);
/* Items claimed by producers (MPSC) or written (broadcast) since the ring was made; of an SPSC ring
 * always 0. A watchdog compares it with the consumer's next. */
uint64_t nt_ring_claimed(const nt_ring *ring);
/* Declares the processes that held ends of a shared ring dead. Ends held by a process that is gone
 * are given up by themselves; this is for a process number that was used again. */
int nt_ring_forget_owners(nt_ring *ring);
/* A sentence for an error of these functions: what is wrong and what to do. */
const char *nt_ring_error_text(int error);

/* The consuming end of an SPSC or MPSC ring: private to its thread. */
typedef struct nt_ring_consumer {
  const uint8_t *slots;
  uint64_t mask;
  uint64_t next;     /* position of the next item to take */
  uint64_t returned; /* position up to which credit has been given back */
  uint64_t *credit;
  uint32_t slot_bytes;
  uint32_t sequence_offset;
  uint32_t payload_bytes;
  uint16_t credit_every;
  uint16_t ahead; /* slots */
  nt_ring *ring;
} nt_ring_consumer;
_Static_assert(sizeof(nt_ring_consumer) == NT_CACHE_LINE, "one line, private to its thread");

/* NT_RING_E_TAKEN while another live end is open. After a crash the new consumer resumes at the
 * last credit returned: at most NT_RING_CREDIT_EVERY items are seen again, none is lost. */
int nt_ring_consumer_open(nt_ring_consumer *out, nt_ring *ring);
void nt_ring_consumer_close(nt_ring_consumer *consumer);

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NT_RING_COPY_BY_HAND 1
#endif
#endif

/* Between slots and items. clang's ThreadSanitizer runtime does not look into memcpy: for it the
 * bytes are moved one by one, with something between them that keeps the loop one. */
static inline NT_HOT void nt_ring_copy(void *to, const void *from, size_t bytes) {
#if defined(NT_RING_COPY_BY_HAND)
  for (size_t i = 0; i < bytes; i++) {
    ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    __asm__ __volatile__("" ::: "memory");
  }
#else
  memcpy(to, from, bytes);
#endif
}

static inline NT_HOT uint64_t nt_ring_consumer_sequence(const nt_ring_consumer *c,
                                                        uint64_t position) {
  const uint8_t *slot = c->slots + (position & c->mask) * c->slot_bytes;
  return __atomic_load_n((const uint64_t *)(const void *)(slot + c->sequence_offset),
                         NT_ORDER_OBSERVE);
}

/* Gives back every slot taken so far. Called for you now and then, and when the ring is empty. */
static inline NT_HOT void nt_ring_return_credit(nt_ring_consumer *c) {
  c->returned = c->next;
  __atomic_store_n(c->credit, c->next, NT_ORDER_RETURN);
}

/* The i-th unread item; i must be below what nt_ring_available returned. */
static inline NT_HOT const void *nt_ring_peek_at(const nt_ring_consumer *c, uint64_t i) {
  return c->slots + ((c->next + i) & c->mask) * c->slot_bytes;
}

/* The sequence word of a slot whose item is whole. The compiler is not to know that a word equal to
 * it is the position: it would count on with the word that it loaded, and every item would wait for
 * the cache line of the one before. */
static inline NT_HOT uint64_t nt_ring_whole(uint64_t position) {
  uint64_t whole = position + 1;
  __asm__("" : "+r"(whole));
  return whole;
}

/* Asks for the line that will be needed when the item some slots behind this one is read. One that
 * the producer has not written again since it was read is still here: it costs nothing. */
static inline NT_HOT void nt_ring_fetch(const nt_ring_consumer *c, uint64_t position) {
  nt_prefetch_read(c->slots + ((position + c->ahead) & c->mask) * c->slot_bytes);
}

/* The oldest unread item, to be read in place before nt_ring_release; NULL when empty. */
static inline NT_HOT const void *nt_ring_peek(nt_ring_consumer *c) {
  uint64_t position = c->next;
  const uint8_t *slot = c->slots + (position & c->mask) * c->slot_bytes;
  uint64_t sequence = __atomic_load_n((const uint64_t *)(const void *)(slot + c->sequence_offset),
                                      NT_ORDER_OBSERVE);
  nt_ring_fetch(c, position);
  if (__builtin_expect(sequence == nt_ring_whole(position), 1))
    return slot;
  if (c->returned != position)
    nt_ring_return_credit(c);
  return NULL;
}

/* How many items can be read now, at most max (bounded by the capacity). */
static inline NT_HOT uint64_t nt_ring_available(nt_ring_consumer *c, uint64_t max) {
  uint64_t n = 0;
  if (max > c->mask + 1)
    max = c->mask + 1;
  while (n < max && nt_ring_consumer_sequence(c, c->next + n) == nt_ring_whole(c->next + n)) {
    nt_ring_fetch(c, c->next + n);
    n++;
  }
  if (n == 0 && c->returned != c->next)
    nt_ring_return_credit(c);
  return n;
}

/* Gives up the oldest count items: their slots may be overwritten from now on. */
static inline NT_HOT void nt_ring_release(nt_ring_consumer *c, uint64_t count) {
  c->next += count;
  if (c->next - c->returned >= c->credit_every)
    nt_ring_return_credit(c);
}

/* Copies the oldest item out. False when empty. bytes must not exceed the payload (trap); give a
 * constant, so that the copy becomes a few moves. */
static inline NT_HOT bool nt_ring_pop(nt_ring_consumer *c, void *item, size_t bytes) {
  if (__builtin_expect(bytes > c->payload_bytes, 0))
    __builtin_trap();
  const void *slot = nt_ring_peek(c);
  if (!slot)
    return false;
  nt_ring_copy(item, slot, bytes);
  nt_ring_release(c, 1);
  return true;
}

/* Copies up to max items out, packed one behind the other; how many, 0 when empty. */
static inline NT_HOT uint64_t nt_ring_pop_batch(nt_ring_consumer *c, void *items, uint64_t max,
                                                size_t bytes) {
  if (__builtin_expect(bytes > c->payload_bytes, 0))
    __builtin_trap();
  uint64_t n = nt_ring_available(c, max);
  for (uint64_t i = 0; i < n; i++)
    nt_ring_copy((uint8_t *)items + i * bytes, nt_ring_peek_at(c, i), bytes);
  nt_ring_release(c, n);
  return n;
}

#endif
