/* One 64-bit word that one thread or process writes and others read: counters, flags, positions in
 * a stream. A load sees what was stored before the release it pairs with. */
#ifndef NT_WORD_H
#define NT_WORD_H

#include "nt_hot.h"

static inline NT_HOT uint64_t nt_word_load(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline NT_HOT void nt_word_store(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* For counters that order nothing. */
static inline NT_HOT void nt_word_store_relaxed(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

#endif
