/* Latency histogram: log-linear, 128 buckets to each power of two, so that a value is known to
 * 1/128 of itself (two to three digits) from 0 to 2^63 - 1 with 7,296 counters and no floating
 * point in recording.
 *
 * Threading: one thread records; the words are stored relaxed and single, so that another thread or
 * process can read or copy them at any time and gets counts that are at most a moment old.
 * Placement: any zeroed memory of nt_histogram_bytes(), shared memory included. */
#ifndef NT_HISTOGRAM_H
#define NT_HISTOGRAM_H

#include "nt_hot.h"
#include "nt_memory.h"

#define NT_HISTOGRAM_BITS 7
/* (62 - 7) * 128 + 255 is the last index. */
#define NT_HISTOGRAM_BUCKETS 7296u

/* The counters follow the header in memory: Swift would import an array as a tuple of thousands. */
typedef struct nt_histogram {
  uint64_t magic;
  uint32_t version;
  uint32_t buckets;
  int64_t maximum;   /* 0 before the first record */
  int64_t minimum;   /* INT64_MAX before the first record */
  uint64_t sum;      /* of all values; wraps after 2^64 */
  uint64_t negative; /* values below zero: counted here and in bucket 0 */
  uint64_t reserved[2];
} nt_histogram;
_Static_assert(sizeof(nt_histogram) == NT_CACHE_LINE, "the counters begin on their own line");

static inline NT_HOT uint64_t *nt_histogram_counts(const nt_histogram *h) {
  return (uint64_t *)(uintptr_t)(h + 1);
}

static inline NT_HOT uint32_t nt_histogram_index(uint64_t value) {
  uint32_t shift = 63u - NT_HISTOGRAM_BITS - (uint32_t)__builtin_clzll(value | 128u);
  return (shift << NT_HISTOGRAM_BITS) + (uint32_t)(value >> shift);
}

/* Counts one value, in whatever unit the owner keeps (nanoseconds by habit). */
static inline NT_HOT void nt_histogram_record(nt_histogram *h, int64_t value) {
  if (__builtin_expect(value < 0, 0)) {
    __atomic_store_n(&h->negative, h->negative + 1, __ATOMIC_RELAXED);
    value = 0;
  }
  uint64_t *count = nt_histogram_counts(h) + nt_histogram_index((uint64_t)value);
  __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
  __atomic_store_n(&h->sum, h->sum + (uint64_t)value, __ATOMIC_RELAXED);
  if (value > h->maximum)
    __atomic_store_n(&h->maximum, value, __ATOMIC_RELAXED);
  if (value < h->minimum)
    __atomic_store_n(&h->minimum, value, __ATOMIC_RELAXED);
}

uint64_t nt_histogram_bytes(void);
/* Makes an empty histogram in memory of nt_histogram_bytes() at 64-byte alignment. */
nt_histogram *nt_histogram_initialise(void *memory);
/* From an arena; NULL when the arena is full. */
nt_histogram *nt_histogram_create(nt_arena *arena);
/* A histogram that another process made in these bytes, or NULL when they are not one. */
const nt_histogram *nt_histogram_attach(const void *memory, uint64_t bytes);
/* By the recording thread only. */
void nt_histogram_reset(nt_histogram *h);
/* Adds from's counts to into's. into belongs to the caller; from may be being recorded. */
void nt_histogram_merge(nt_histogram *into, const nt_histogram *from);
/* Number of values recorded. */
uint64_t nt_histogram_count(const nt_histogram *h);
/* The smallest value v such that at least parts_per_million of the recorded values are at most v,
 * rounded up by at most 1/128; never above the maximum. 0 when nothing was recorded. p99.9 is
 * 999000; 0 gives the minimum, 1000000 and more the maximum. */
int64_t nt_histogram_percentile(const nt_histogram *h, uint32_t parts_per_million);
/* The percentile ranks of count entries in one pass, ascending ranks. */
void nt_histogram_percentiles(const nt_histogram *h, const uint32_t *parts_per_million,
                              int64_t *values, uint32_t count);
int64_t nt_histogram_maximum(const nt_histogram *h);
/* 0 when nothing was recorded. */
int64_t nt_histogram_minimum(const nt_histogram *h);
/* Sum over count, rounded down; 0 when nothing was recorded. */
uint64_t nt_histogram_mean(const nt_histogram *h);
/* Highest value that falls into the bucket. */
int64_t nt_histogram_bucket_top(uint32_t index);

#endif
