#include "nt_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct nt_arena {
  uint8_t *base;
  uint64_t bytes, taken;
};

int nt_arena_create(nt_arena **out, uint64_t bytes, nt_arena_options options,
                    nt_arena_report *report) {
  (void)options;
  nt_arena *a = malloc(sizeof *a);
  if (!a)
    return ENOMEM;
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    free(a);
    return errno;
  }
  *a = (nt_arena){.base = p, .bytes = bytes};
  if (report)
    *report = (nt_arena_report){.bytes = bytes, .numa_node = -1};
  *out = a;
  return 0;
}

void *nt_arena_take(nt_arena *a, uint64_t bytes, uint64_t alignment) {
  uint64_t at = (a->taken + alignment - 1) & ~(alignment - 1);
  if (at > a->bytes || bytes > a->bytes - at)
    return NULL;
  a->taken = at + bytes;
  return a->base + at;
}

uint64_t nt_arena_free_bytes(const nt_arena *a) { return a->bytes - a->taken; }

void nt_arena_destroy(nt_arena *a) {
  munmap(a->base, a->bytes);
  free(a);
}
