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
