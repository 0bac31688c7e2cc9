/* The journal lane: where the engine thread appends whole records, and the journal thread takes
 * over.
 *
 * A lane is a chain of segments. A segment is prefaulted memory (anonymous, or a file mapped
 * MAP_SHARED, so that what is stored survives SIGKILL). The engine thread appends; at the end of a
 * segment it closes it with a padding record and moves to the next one, which the journal thread
 * has prepared. When there is none, or the journal has failed, ordinary appends are refused, and
 * privileged ones (cancels, reports, fills) may still use the reserve at the end of the segment.
 *
 * A record: nt_record_header, payload, zero bytes up to a multiple of 8 less 4, CRC32C over all
 * that is before it. The lane numbers the records: sequences are dense.
 *
 * Threading: one appending thread owns everything above `next`. nt_lane_offer, nt_lane_fail and the
 * nt_lane_load functions may be called by one other thread. No call here enters the kernel. */
#ifndef NT_LANE_H
#define NT_LANE_H

#include "nt_crc32c.h"
#include "nt_hot.h"

/* The header of every record, little-endian on disk; ExecutionCore's RecordHeader is its twin. */
typedef struct nt_record_header {
  uint32_t length; /* of the whole record; the lane fills it in */
  uint16_t type;
  uint16_t version;
  uint64_t sequence; /* dense from 1; the lane fills it in */
  int64_t session_time;
  int64_t machine_time;
  uint64_t cause;
  uint32_t account;
  uint32_t strategy;
} nt_record_header;

_Static_assert(sizeof(nt_record_header) == 48, "the record header is on disk");

#define NT_RECORD_LENGTH_MAX 4096u
#define NT_RECORD_TYPE_PADDING 0xFFFEu
/* Header, four zero bytes, checksum: the shortest record, and every padding record. */
#define NT_RECORD_LENGTH_MIN 56u
/* Kept at the end of every segment for nt_lane_append_last: a record with 16 bytes of payload. */
#define NT_RECORD_LENGTH_LAST 72u
#define NT_RECORD_PAYLOAD_MAX (NT_RECORD_LENGTH_MAX - (uint32_t)sizeof(nt_record_header) - 4u)

typedef struct nt_lane_segment {
  uint8_t *base;
  uint64_t capacity;
  uint64_t start; /* first byte behind the segment's own header */
  /* Bytes published, segment header included; stored with release by the appender. */
  uint64_t *published;
  uint64_t number;
} nt_lane_segment;

typedef struct nt_lane {
  nt_lane_segment current;
  uint64_t offset;
  uint64_t reserve;       /* bytes of every segment kept for privileged appends */
  uint64_t next_sequence; /* of the record that is appended next */
  uint64_t appended;      /* records; atomic, relaxed */
  uint64_t refused;       /* appends that found no room; atomic, relaxed */
  uint8_t pad0[128 - sizeof(nt_lane_segment) - 40];
  nt_lane_segment *next; /* offered by the journal thread, taken by the appender; atomic */
  int32_t failed;        /* errno of the journal, 0 while healthy; atomic */
  uint32_t pad1;
  uint8_t pad2[48];
} nt_lane;

_Static_assert(sizeof(nt_lane) == 192, "appender and journal thread on cache lines of their own");
_Static_assert(offsetof(nt_lane, next) == 128, "what the journal thread writes stands apart");

/* A zeroed lane of its own cache lines, or NULL when memory is out. `sequence` is that of the first
 * record, `reserve` is at least what the last record needs and at most half of every segment's
 * records area. */
nt_lane *nt_lane_create(nt_lane_segment first, uint64_t sequence, uint64_t reserve);
void nt_lane_destroy(nt_lane *lane);
/* Refuses every append from now on, because the segments go away. The appender must have stopped.
 */
void nt_lane_close(nt_lane *lane);

/* Closes the segment with a padding record and takes the offered one; false when there is none.
 * Out of line: once per segment. */
NT_HOT bool nt_lane_roll(nt_lane *lane);

/* The end of what an append may use; the last NT_RECORD_LENGTH_MIN bytes are the padding record's.
 */
static inline NT_HOT uint64_t nt_lane_limit(const nt_lane *lane, uint64_t reserve) {
  return lane->current.capacity - NT_RECORD_LENGTH_MIN - reserve;
}

/* True when an ordinary record of this size would be taken now. */
static inline NT_HOT bool nt_lane_has_room(const nt_lane *lane, uint64_t bytes) {
  if (__atomic_load_n(&lane->failed, __ATOMIC_RELAXED) != 0)
    return false;
  return lane->offset + bytes <= nt_lane_limit(lane, lane->reserve) ||
         __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE) != NULL;
}

/* Where the next record of this many bytes (a multiple of 8, at most NT_RECORD_LENGTH_MAX) goes, or
 * NULL when there is no room. A privileged record takes the reserve only when there is no next
 * segment, and is taken even when the journal has failed. */
static inline NT_HOT uint8_t *nt_lane_reserve(nt_lane *lane, uint64_t bytes, bool privileged) {
  if (!privileged && __atomic_load_n(&lane->failed, __ATOMIC_RELAXED) != 0)
    return NULL;
  if (__builtin_expect(lane->offset + bytes > nt_lane_limit(lane, lane->reserve), 0)) {
    if (!nt_lane_roll(lane) &&
        (!privileged || lane->offset + bytes > nt_lane_limit(lane, NT_RECORD_LENGTH_LAST)))
      return NULL;
  }
  return lane->current.base + lane->offset;
}

/* Makes the reserved record visible to readers. Release pairs with nt_lane_load_published. */
static inline NT_HOT void nt_lane_publish(nt_lane *lane, uint64_t bytes) {
  lane->offset += bytes;
  lane->next_sequence += 1;
  __atomic_store_n(&lane->appended, lane->appended + 1, __ATOMIC_RELAXED);
  __atomic_store_n(lane->current.published, lane->offset, __ATOMIC_RELEASE);
}

/* The whole length of a record with this payload. */
static inline NT_HOT uint32_t nt_record_length(uint32_t payload_bytes) {
  return ((uint32_t)sizeof(nt_record_header) + payload_bytes + 4u + 7u) & ~7u;
}

/* Lays out the record at p, which has nt_record_length(payload_bytes) bytes: header with its
 * length, payload, zeros, checksum. Returns its length. */
static inline NT_HOT uint32_t nt_record_write(uint8_t *p, const nt_record_header *header,
                                              uint64_t sequence, const void *payload,
                                              uint32_t payload_bytes) {
  uint32_t total = nt_record_length(payload_bytes);
  nt_record_header h = *header;
  h.length = total;
  h.sequence = sequence;
  /* At most 7 zeros and 4 bytes of checksum end the record: clear them all before the rest. */
  memset(p + total - 16, 0, 16);
  memcpy(p, &h, sizeof h);
  if (payload_bytes != 0)
    memcpy(p + sizeof h, payload, payload_bytes);
  uint32_t crc = nt_crc32c(0, p, total - 4);
  memcpy(p + total - 4, &crc, sizeof crc);
  return total;
}

/* Appends one record and publishes it. `header` needs type, version, times, cause, account and
 * strategy. Returns the record's sequence, or 0 when it was refused: no room, journal failed
 * (unless privileged), or payload_bytes above NT_RECORD_PAYLOAD_MAX. */
static inline NT_HOT uint64_t nt_lane_append(nt_lane *lane, const nt_record_header *header,
                                             const void *payload, uint32_t payload_bytes,
                                             bool privileged) {
  uint8_t *p = NULL;
  if (payload_bytes <= NT_RECORD_PAYLOAD_MAX)
    p = nt_lane_reserve(lane, nt_record_length(payload_bytes), privileged);
  if (__builtin_expect(p == NULL, 0)) {
    __atomic_store_n(&lane->refused, lane->refused + 1, __ATOMIC_RELAXED);
    return 0;
  }
  uint64_t sequence = lane->next_sequence;
  nt_lane_publish(lane, nt_record_write(p, header, sequence, payload, payload_bytes));
  return sequence;
}

/* Appends a record of at most NT_RECORD_LENGTH_LAST bytes into the place that is kept for it behind
 * all others: that records are missing from here on. 0 when the place is used already. */
NT_HOT uint64_t nt_lane_append_last(nt_lane *lane, const nt_record_header *header,
                                    const void *payload, uint32_t payload_bytes);

/* A record laid out in place: where its `bytes` (a multiple of 8) go, or NULL, counted,
 * when it is refused. nt_lane_end closes it; nothing else may be appended between. */
static inline NT_HOT uint8_t *nt_lane_begin(nt_lane *lane, uint64_t bytes, bool privileged) {
  uint8_t *p = nt_lane_reserve(lane, bytes, privileged);
  if (__builtin_expect(p == NULL, 0))
    __atomic_store_n(&lane->refused, lane->refused + 1, __ATOMIC_RELAXED);
  return p;
}

/* Zeros and checksum behind header and payload, which fill all but the last 8 of `bytes`; then the
 * record is published. */
static inline NT_HOT void nt_lane_end(nt_lane *lane, void *record, uint32_t bytes) {
  uint8_t *p = record;
  memset(p + bytes - 8, 0, 8);
  uint32_t crc = nt_crc32c(0, p, bytes - 4);
  memcpy(p + bytes - 4, &crc, sizeof crc);
  nt_lane_publish(lane, bytes);
}

/* Journal thread: gives the next segment; false while the earlier offer has not been taken. The
 * pointed-to struct must live until it has been taken. Release pairs with nt_lane_roll. */
static inline NT_HOT bool nt_lane_offer(nt_lane *lane, nt_lane_segment *segment) {
  if (__atomic_load_n(&lane->next, __ATOMIC_ACQUIRE) != NULL)
    return false;
  __atomic_store_n(&lane->next, segment, __ATOMIC_RELEASE);
  return true;
}

/* Journal thread: true while an offered segment waits. When it turns false, the appender has left
 * the segment before and published its last byte. */
static inline NT_HOT bool nt_lane_offered(const nt_lane *lane) {
  return __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE) != NULL;
}

/* Any thread: stops ordinary appends for good. The first reason stays. */
static inline NT_HOT void nt_lane_fail(nt_lane *lane, int32_t error) {
  int32_t healthy = 0;
  __atomic_compare_exchange_n(&lane->failed, &healthy, error, false, __ATOMIC_RELEASE,
                              __ATOMIC_RELAXED);
}

static inline NT_HOT int32_t nt_lane_load_failed(const nt_lane *lane) {
  return __atomic_load_n(&lane->failed, __ATOMIC_ACQUIRE);
}

/* Any thread or process: bytes of the segment that may be read, its header included. */
static inline NT_HOT uint64_t nt_lane_load_published(const uint64_t *published) {
  return __atomic_load_n(published, __ATOMIC_ACQUIRE);
}

/* A word of a segment's header that one thread stores and others read. */
static inline NT_HOT void nt_segment_store(void *word, uint64_t value) {
  __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE);
}

static inline NT_HOT uint64_t nt_lane_load_appended(const nt_lane *lane) {
  return __atomic_load_n(&lane->appended, __ATOMIC_RELAXED);
}

static inline NT_HOT uint64_t nt_lane_load_refused(const nt_lane *lane) {
  return __atomic_load_n(&lane->refused, __ATOMIC_RELAXED);
}

#endif
