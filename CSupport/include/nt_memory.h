/* Arenas: one mapping taken at start-up, on a NUMA node, on huge pages when there are any, touched
 * and locked; handed out by bumping an offset and given back as a whole.
 *
 * Threading: an arena belongs to the thread that starts the process; taking is not synchronised. */
#ifndef NT_MEMORY_H
#define NT_MEMORY_H

#include "nt_hot.h"

typedef struct nt_arena nt_arena;

typedef struct nt_arena_options {
  int32_t numa_node; /* -1: where the kernel puts it */
  bool huge_pages;   /* try MAP_HUGETLB, then madvise(MADV_HUGEPAGE), then plain pages */
  bool lock;         /* mlock; a refusal is reported, not fatal */
  bool prefault;     /* touch every page now */
} nt_arena_options;

/* What was really obtained, so that a fall-back is said once and in words. */
typedef struct nt_arena_report {
  uint64_t bytes;     /* usable: what was asked for, rounded up to whole pages */
  int32_t huge_pages; /* 2 explicit huge pages, 1 transparent asked for, 0 plain */
  int32_t numa_node;  /* -1 not bound */
  bool locked;
  int32_t lock_errno;      /* why not locked */
  int32_t huge_errno;      /* why not on explicit huge pages */
  int32_t numa_errno;      /* why not bound; ENOSYS: the machine has no NUMA */
  nt_arena_options wanted; /* what was asked for */
} nt_arena_report;

/* 0, or an errno: EINVAL for no bytes, ENOMEM. With prefault the memory is really there on return:
 * a machine that is too small refuses here and does not kill the process later. */
int nt_arena_create(nt_arena **out, uint64_t bytes, nt_arena_options options,
                    nt_arena_report *report);
/* Zeroed memory at the alignment (a power of two), or NULL when the arena is full. */
void *nt_arena_take(nt_arena *arena, uint64_t bytes, uint64_t alignment);
uint64_t nt_arena_free_bytes(const nt_arena *arena);
void nt_arena_destroy(nt_arena *arena);

/* A file in memory alone, closed by exec, of no more than the bytes that are written to it; minus
 * the errno where there is none. The name is for /proc. */
int nt_memory_file(const char *name);

/* One line that says what fell back and what would cure it, into buffer (always terminated when
 * bytes is above 0). Returns the length of the whole line; 0 when every wish was granted. */
size_t nt_arena_report_text(const nt_arena_report *report, char *buffer, size_t bytes);

#endif
