/* Counts what must not happen on the hot path: calls of the malloc family, of the Swift runtime's
 * object allocation and reference counting, and of the C library's locks. To be linked only into an
 * executable of its own: it defines malloc.
 *
 * Counting is of the calling thread, between audit_begin and audit_end. */
#ifndef AUDIT_H
#define AUDIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct audit_counts {
  uint64_t allocations; /* malloc, calloc, realloc, aligned_alloc, posix_memalign, memalign */
  uint64_t frees;
  uint64_t objects;  /* swift_allocObject */
  uint64_t retains;  /* swift_retain, swift_retain_n, swift_tryRetain */
  uint64_t releases; /* swift_release, swift_release_n */
  uint64_t locks;    /* mutexes, reader-writer locks, spin locks and semaphores of the C library */
} audit_counts;

/* False in builds whose sanitizer has a malloc of its own. */
bool audit_counts_allocations(void);

/* Hooks the runtime and counts from zero. */
void audit_begin(void);

/* Puts everything back as it was; what was counted. */
audit_counts audit_end(void);

/* The same of another thread of this process, between the two calls: it has taken memory before,
 * and goes on meanwhile. Not together with audit_begin. */
void audit_watch(int thread);
audit_counts audit_watch_end(void);

/* One of each on purpose, out of the optimiser's reach. */
void audit_retain_and_release(void *object);
void audit_lock_on_purpose(void);

/* For locks.c: the calling thread asks for one. */
void audit_lock_taken(void);

/* Locks that the calling thread ever asked for. */
uint64_t audit_locks(void);

#endif
