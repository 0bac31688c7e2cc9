#include "nt_crc32c.h"
#include "nt_ring_region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_MAGIC 0x474E4952544E3031ull /* "10NTRING" */
#define RING_VERSION 2u
#define RING_FILE_BYTES_MAX (1ull << 40)

/* Where things lie in a slot, derived from the kind and the payload size alone. */
typedef struct ring_geometry {
  uint32_t slot_bytes, sequence_offset;
} ring_geometry;

/* Payload first, so that it keeps the alignment of the slot. Up to a line a slot is a power of two,
 * so that none straddles lines. Beyond, the part over whole lines is one: a slot lies in no more
 * lines than it must wherever it begins, and slots share lines instead of padding them. Lines are
 * what a ring is bound by: 64 bytes in slots of 72 cross half as fast again as in slots of 128.
 * But where many producers write, no line is two producers' business. */
static ring_geometry ring_geometry_of(nt_ring_kind kind, uint32_t payload_bytes) {
  uint32_t words = (payload_bytes + 7u) & ~7u;
  uint32_t lines = (words + 8u) & ~(NT_CACHE_LINE - 1u), over = words + 8u - lines;
  uint32_t rest = lines == 0 ? 16 : 8;
  while (rest < over)
    rest *= 2;
  if (over == 0)
    rest = 0;
  else if (lines != 0 && kind == NT_RING_MPSC)
    rest = NT_CACHE_LINE;
  return (ring_geometry){.slot_bytes = lines + rest, .sequence_offset = words};
}

static int ring_check_options(nt_ring_options o) {
  if (o.kind != NT_RING_SPSC && o.kind != NT_RING_MPSC && o.kind != NT_RING_BROADCAST)
    return NT_RING_E_KIND;
  if (o.payload_bytes < NT_RING_PAYLOAD_MIN || o.payload_bytes > NT_RING_PAYLOAD_MAX)
    return NT_RING_E_PAYLOAD;
  if (o.capacity < NT_RING_CAPACITY_MIN || o.capacity > NT_RING_CAPACITY_MAX ||
      (o.capacity & (o.capacity - 1)) != 0)
    return NT_RING_E_CAPACITY;
  return 0;
}

uint64_t nt_ring_bytes(nt_ring_options o) {
  if (ring_check_options(o) != 0)
    return 0;
  return sizeof(ring_region) + o.capacity * ring_geometry_of(o.kind, o.payload_bytes).slot_bytes;
}

static uint32_t ring_checksum(const ring_header *h) {
  return nt_crc32c(0, &h->version,
                   offsetof(ring_header, checksum) - offsetof(ring_header, version));
}

/* Over zeroed memory. The magic goes last: who sees it sees the rest. */
static void ring_initialise(ring_region *region, nt_ring_options o) {
  ring_geometry g = ring_geometry_of(o.kind, o.payload_bytes);
  ring_header h = {.version = RING_VERSION,
                   .kind = (uint32_t)o.kind,
                   .payload_bytes = o.payload_bytes,
                   .slot_bytes = g.slot_bytes,
                   .capacity = o.capacity,
                   .total_bytes = nt_ring_bytes(o),
                   .slots_offset = sizeof(ring_region),
                   .sequence_offset = g.sequence_offset,
                   .tag = o.tag};
  h.checksum = ring_checksum(&h);
  region->header = h;
  /* Pairs with the acquire in ring_check_header. */
  __atomic_store_n(&region->header.magic, RING_MAGIC, __ATOMIC_RELEASE);
}

/* The header decides nothing by itself: each field must be what this library would have written. */
static int ring_check_header(const ring_header *mapped, uint64_t file_bytes, uint64_t tag) {
  if (__atomic_load_n(&mapped->magic, __ATOMIC_ACQUIRE) != RING_MAGIC)
    return NT_RING_E_FOREIGN;
  ring_header h = *mapped;
  if (h.version != RING_VERSION)
    return NT_RING_E_VERSION;
  if (h.checksum != ring_checksum(&h))
    return NT_RING_E_CHECKSUM;
  nt_ring_options o = {.kind = (nt_ring_kind)h.kind,
                       .payload_bytes = h.payload_bytes,
                       .capacity = h.capacity,
                       .tag = h.tag};
  int error = ring_check_options(o);
  if (error != 0)
    return error;
  ring_geometry g = ring_geometry_of(o.kind, h.payload_bytes);
  if (h.slot_bytes != g.slot_bytes || h.sequence_offset != g.sequence_offset ||
      h.slots_offset != sizeof(ring_region) || h.total_bytes != nt_ring_bytes(o) || h.reserved != 0)
    return NT_RING_E_LAYOUT;
  if (file_bytes < h.total_bytes)
    return NT_RING_E_TRUNCATED;
  if (file_bytes > h.total_bytes)
    return NT_RING_E_LAYOUT;
  if (tag != 0 && h.tag != tag)
    return NT_RING_E_TAG;
  return 0;
}

static int ring_handle(nt_ring **out, void *region, uint64_t mapped_bytes, bool read_only) {
  nt_ring *ring = calloc(1, sizeof *ring);
  if (!ring)
    return ENOMEM;
  ring->region = region;
  ring->mapped_bytes = mapped_bytes;
  ring->read_only = read_only;
  *out = ring;
  return 0;
}

/* Maps bytes of a descriptor, or anonymous memory for -1. */
static int ring_map(void **out, uint64_t bytes, int descriptor, bool read_only) {
  int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  int flags = MAP_POPULATE | (descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
  void *p = mmap(NULL, bytes, protection, flags, descriptor, 0);
  if (p == MAP_FAILED)
    return errno;
  *out = p;
  return 0;
}

int nt_ring_create(nt_ring **out, nt_ring_options o, nt_arena *arena) {
  int error = ring_check_options(o);
  if (error != 0)
    return error;
  uint64_t bytes = nt_ring_bytes(o);
  void *memory = NULL;
  if (arena) {
    memory = nt_arena_take(arena, bytes, RING_CONTROL_STRIDE);
    if (!memory)
      return ENOMEM;
  } else if ((error = ring_map(&memory, bytes, -1, false)) != 0) {
    return error;
  }
  error = ring_handle(out, memory, arena ? 0 : bytes, false);
  if (error != 0) {
    if (!arena)
      munmap(memory, bytes);
    return error;
  }
  ring_initialise(memory, o);
  return 0;
}

/* Gives a fresh, empty descriptor its size and makes the ring in it. */
static int ring_create_in(nt_ring **out, nt_ring_options o, int descriptor) {
  uint64_t bytes = nt_ring_bytes(o);
  void *memory = NULL;
  /* Allocate and not just extend: a full tmpfs is an error here and not a SIGBUS later. */
  int error = posix_fallocate(descriptor, 0, (off_t)bytes);
  if (error != 0)
    return error;
  error = ring_map(&memory, bytes, descriptor, false);
  if (error != 0)
    return error;
  error = ring_handle(out, memory, bytes, false);
  if (error != 0) {
    munmap(memory, bytes);
    return error;
  }
  ring_initialise(memory, o);
  return 0;
}

int nt_ring_create_file(nt_ring **out, nt_ring_options o, const char *path) {
  int error = ring_check_options(o);
  if (error != 0)
    return error;
  int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return errno;
  error = ring_create_in(out, o, descriptor);
  if (error != 0)
    unlink(path);
  close(descriptor);
  return error;
}

int nt_ring_create_memory_file(nt_ring **out, nt_ring_options o, int *descriptor) {
  int error = ring_check_options(o);
  if (error != 0)
    return error;
  int d = memfd_create("nt_ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (d < 0)
    return errno;
  error = ring_create_in(out, o, d);
  /* Nobody it is passed to can shrink it under us. */
  if (error == 0 && fcntl(d, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    error = errno;
    nt_ring_close(*out);
  }
  if (error != 0) {
    close(d);
    return error;
  }
  *descriptor = d;
  return 0;
}

int nt_ring_attach_descriptor(nt_ring **out, int descriptor, uint64_t tag, bool read_only) {
  struct stat status;
  void *memory = NULL;
  if (fstat(descriptor, &status) != 0)
    return errno;
  if (!S_ISREG(status.st_mode))
    return NT_RING_E_FOREIGN;
  if (status.st_size < (off_t)sizeof(ring_region))
    return NT_RING_E_TRUNCATED;
  uint64_t bytes = (uint64_t)status.st_size;
  if (bytes > RING_FILE_BYTES_MAX)
    return NT_RING_E_LAYOUT;
  /* The header is judged from one page before anything of the claimed size is mapped. */
  int error = ring_map(&memory, sizeof(ring_region), descriptor, true);
  if (error != 0)
    return error;
  error = ring_check_header(memory, bytes, tag);
  munmap(memory, sizeof(ring_region));
  if (error != 0)
    return error;
  error = ring_map(&memory, bytes, descriptor, read_only);
  if (error != 0)
    return error;
  error = ring_check_header(memory, bytes, tag);
  if (error == 0)
    error = ring_handle(out, memory, bytes, read_only);
  if (error != 0)
    munmap(memory, bytes);
  return error;
}

int nt_ring_attach_file(nt_ring **out, const char *path, uint64_t tag, bool read_only) {
  /* O_NONBLOCK: opening a pipe that lies at the path must not hang. */
  int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  int descriptor = open(path, flags);
  if (descriptor < 0)
    return errno;
  int error = nt_ring_attach_descriptor(out, descriptor, tag, read_only);
  close(descriptor);
  return error;
}

void nt_ring_close(nt_ring *ring) {
  if (!ring)
    return;
  if (ring->owns_producer)
    __atomic_store_n(&ring->region->producer_owner, 0, __ATOMIC_RELEASE);
  if (ring->owns_consumer)
    __atomic_store_n(&ring->region->consumer_owner, 0, __ATOMIC_RELEASE);
  if (ring->mapped_bytes != 0)
    munmap(ring->region, ring->mapped_bytes);
  free(ring);
}

nt_ring_kind nt_ring_kind_of(const nt_ring *ring) {
  return (nt_ring_kind)ring->region->header.kind;
}
uint64_t nt_ring_capacity(const nt_ring *ring) {
  return ring->region->header.capacity;
}
uint32_t nt_ring_payload_bytes(const nt_ring *ring) {
  return ring->region->header.payload_bytes;
}
uint32_t nt_ring_slot_bytes(const nt_ring *ring) {
  return ring->region->header.slot_bytes;
}

uint64_t nt_ring_claimed(const nt_ring *ring) {
  return __atomic_load_n(&ring->region->tail, __ATOMIC_RELAXED);
}

int nt_ring_forget_owners(nt_ring *ring) {
  if (ring->read_only)
    return NT_RING_E_READ_ONLY;
  __atomic_store_n(&ring->region->producer_owner, 0, __ATOMIC_RELEASE);
  __atomic_store_n(&ring->region->consumer_owner, 0, __ATOMIC_RELEASE);
  return 0;
}

const char *nt_ring_error_text(int error) {
  switch (error) {
  case NT_RING_E_PAYLOAD:
    return "ring payload must be 8 to 256 bytes";
  case NT_RING_E_CAPACITY:
    return "ring capacity must be a power of two from 2 to 67108864";
  case NT_RING_E_KIND:
    return "ring is of another kind: open an end that belongs to it";
  case NT_RING_E_TRUNCATED:
    return "ring file is truncated: remove it and have its maker create it again";
  case NT_RING_E_FOREIGN:
    return "file is not a ring, or its maker has not finished: check the path, then try again";
  case NT_RING_E_VERSION:
    return "ring was made by another version: run the same version on both sides";
  case NT_RING_E_LAYOUT:
    return "ring header contradicts itself: remove the file and create it again";
  case NT_RING_E_CHECKSUM:
    return "ring header is damaged: remove the file and create it again";
  case NT_RING_E_TAG:
    return "ring carries another record type: check the path and the versions";
  case NT_RING_E_TAKEN:
    return "this end of the ring is open already: close it, or stop the process that holds it";
  case NT_RING_E_READ_ONLY:
    return "ring is attached for reading only: attach it for writing";
  default:
    return error >= 0 ? strerror(error) : "unknown ring error";
  }
}
