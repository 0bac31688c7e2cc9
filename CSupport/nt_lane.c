#include "nt_lane.h"

uint8_t *nt_lane_reserve(nt_lane *lane, uint64_t bytes, bool privileged) {
  uint64_t reserve = privileged ? 0 : lane->reserve;
  if (!privileged && __atomic_load_n(&lane->failed, __ATOMIC_RELAXED) != 0)
    return NULL;
  if (lane->offset + bytes + reserve > lane->current.capacity) {
    nt_lane_segment *next = __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE);
    if (!next)
      return NULL;
    lane->current = *next;
    lane->offset = next->start;
    __atomic_store_n(&lane->next, NULL, __ATOMIC_RELEASE);
    if (lane->offset + bytes + reserve > lane->current.capacity)
      return NULL;
  }
  return lane->current.base + lane->offset;
}
