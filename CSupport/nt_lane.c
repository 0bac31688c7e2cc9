#include "nt_lane.h"

#include <stdlib.h>

nt_lane *nt_lane_create(nt_lane_segment first, uint64_t sequence, uint64_t reserve) {
  nt_lane *lane = aligned_alloc(NT_CACHE_LINE, sizeof *lane);
  if (!lane)
    return NULL;
  memset(lane, 0, sizeof *lane);
  lane->current = first;
  lane->offset = first.start;
  uint64_t half = (first.capacity - first.start) / 2;
  if (reserve < NT_RECORD_LENGTH_LAST)
    reserve = NT_RECORD_LENGTH_LAST;
  lane->reserve = reserve < half ? reserve : half;
  lane->next_sequence = sequence;
  __atomic_store_n(first.published, first.start, __ATOMIC_RELEASE);
  return lane;
}

void nt_lane_destroy(nt_lane *lane) {
  free(lane);
}

void nt_lane_close(nt_lane *lane) {
  __atomic_store_n(&lane->next, NULL, __ATOMIC_RELEASE);
  /* Beyond every capacity, and far enough from the end of 64 bits to add a record's length. */
  lane->offset = UINT64_MAX / 2;
}

uint64_t nt_lane_append_last(nt_lane *lane, const nt_record_header *header, const void *payload,
                             uint32_t payload_bytes) {
  if (payload_bytes > NT_RECORD_PAYLOAD_MAX)
    return 0;
  uint32_t bytes = nt_record_length(payload_bytes);
  /* As an ordinary privileged record, if there is room after all. */
  uint8_t *p = nt_lane_reserve(lane, bytes, true);
  if (!p && bytes <= NT_RECORD_LENGTH_LAST && lane->offset + bytes <= nt_lane_limit(lane, 0))
    p = lane->current.base + lane->offset;
  if (!p)
    return 0;
  uint64_t sequence = lane->next_sequence;
  nt_lane_publish(lane, nt_record_write(p, header, sequence, payload, payload_bytes));
  return sequence;
}

bool nt_lane_roll(nt_lane *lane) {
  /* Acquire pairs with nt_lane_offer: the segment is wholly prepared. */
  nt_lane_segment *next = __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE);
  if (!next)
    return false;
  /* Carries the sequence of the record that begins the next segment, and uses none up. */
  nt_record_header padding = {
      .type = NT_RECORD_TYPE_PADDING, .version = 1, .account = UINT32_MAX, .strategy = UINT32_MAX};
  uint32_t bytes =
      nt_record_write(lane->current.base + lane->offset, &padding, lane->next_sequence, NULL, 0);
  __atomic_store_n(lane->current.published, lane->offset + bytes, __ATOMIC_RELEASE);
  lane->current = *next;
  lane->offset = next->start;
  __atomic_store_n(lane->current.published, lane->offset, __ATOMIC_RELEASE);
  /* Release: whoever sees the offer gone also sees the last byte of the segment before. */
  __atomic_store_n(&lane->next, NULL, __ATOMIC_RELEASE);
  return true;
}
