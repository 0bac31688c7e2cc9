/* How a ring lies in memory, for the files that make it and open its ends. Not imported: Swift does
 * not take types aligned above 16. */
#ifndef NT_RING_REGION_H
#define NT_RING_REGION_H

#include "nt_ring.h"

#define RING_CONTROL_STRIDE 128u /* the adjacent-line prefetcher joins pairs of lines */

/* The first line of a region. Everything here is fixed when the ring is made. */
typedef struct ring_header {
  uint64_t magic; /* stored last, with release */
  uint32_t version;
  uint32_t kind;
  uint32_t payload_bytes;
  uint32_t slot_bytes;
  uint64_t capacity;
  uint64_t total_bytes;
  uint32_t slots_offset;
  uint32_t sequence_offset;
  uint64_t tag;
  uint32_t reserved;
  uint32_t checksum; /* CRC32C of the bytes from version up to here */
} ring_header;
_Static_assert(sizeof(ring_header) == NT_CACHE_LINE, "the header is one line");
_Static_assert(offsetof(ring_header, version) == 8, "the checksum starts behind the magic");
_Static_assert(offsetof(ring_header, checksum) == 60, "the checksum ends the line");

/* The whole of a region in front of the slots. */
typedef struct ring_region {
  _Alignas(RING_CONTROL_STRIDE) ring_header header;
  /* Process numbers of those who hold the single ends, 0 when free. */
  _Alignas(RING_CONTROL_STRIDE) int32_t producer_owner;
  int32_t consumer_owner;
  _Alignas(RING_CONTROL_STRIDE) uint64_t credit; /* written by the consumer */
  _Alignas(RING_CONTROL_STRIDE) uint64_t tail;   /* MPSC: claimed; broadcast: written */
} ring_region;
_Static_assert(offsetof(ring_region, producer_owner) == 128, "control lines stand apart");
_Static_assert(offsetof(ring_region, credit) == 256, "control lines stand apart");
_Static_assert(offsetof(ring_region, tail) == 384, "control lines stand apart");
_Static_assert(sizeof(ring_region) == 512, "slots begin on their own pair of lines");

struct nt_ring {
  ring_region *region;
  uint64_t mapped_bytes; /* 0: arena memory */
  bool read_only;
  bool owns_producer, owns_consumer;
};

#endif
