/* The journal lane: where the engine thread appends whole records, and the journal thread takes over.
 *
 * A lane is a chain of segments. A segment is prefaulted memory (anonymous, or a file mapped
 * MAP_SHARED, so that what is stored survives SIGKILL). The engine thread appends; at the end of a
 * segment it moves to the next one, which the journal thread has prepared. When there is none, or the
 * journal has failed, ordinary appends are refused, and privileged ones (cancels, reports, fills) may
 * still use the reserve at the end of the current segment.
 *
 * Threading: one appending thread; nt_lane_offer, nt_lane_fail and nt_lane_published may be called by
 * one other. */
#ifndef NT_LANE_H
#define NT_LANE_H

#include "nt_hot.h"

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
  uint64_t reserve; /* bytes of every segment kept for privileged appends */
  uint64_t appended;
  uint64_t refused;
  nt_lane_segment *next;    /* offered by the journal thread; atomic */
  int32_t failed;           /* errno of the journal, 0 while healthy; atomic */
  uint32_t pad;
} nt_lane;

/* True when an ordinary record of this size would be taken now. */
static inline NT_HOT bool nt_lane_has_room(const nt_lane *lane, uint64_t bytes) {
  if (__atomic_load_n(&lane->failed, __ATOMIC_RELAXED) != 0)
    return false;
  return lane->offset + bytes + lane->reserve <= lane->current.capacity ||
         __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE) != NULL;
}

/* Where the next record of this many bytes (a multiple of 8) goes, or NULL when there is no room. */
NT_HOT uint8_t *nt_lane_reserve(nt_lane *lane, uint64_t bytes, bool privileged);

/* Makes the reserved record visible to readers. */
static inline NT_HOT void nt_lane_publish(nt_lane *lane, uint64_t bytes) {
  lane->offset += bytes;
  lane->appended += 1;
  __atomic_store_n(lane->current.published, lane->offset, __ATOMIC_RELEASE);
}

#endif
