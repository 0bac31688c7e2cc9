#include "nt_histogram.h"

#define HISTOGRAM_MAGIC 0x545349484E544E31ull
#define HISTOGRAM_VERSION 1u
#define MILLION 1000000u

static uint64_t histogram_load(const nt_histogram *h, uint32_t index) {
  return __atomic_load_n(nt_histogram_counts(h) + index, __ATOMIC_RELAXED);
}

uint64_t nt_histogram_bytes(void) {
  return sizeof(nt_histogram) + NT_HISTOGRAM_BUCKETS * sizeof(uint64_t);
}

nt_histogram *nt_histogram_initialise(void *memory) {
  nt_histogram *h = memory;
  nt_histogram_reset(h);
  h->version = HISTOGRAM_VERSION;
  h->buckets = NT_HISTOGRAM_BUCKETS;
  /* Last: who attaches and sees the magic sees the rest; pairs with nt_histogram_attach. */
  __atomic_store_n(&h->magic, HISTOGRAM_MAGIC, __ATOMIC_RELEASE);
  return h;
}

nt_histogram *nt_histogram_create(nt_arena *arena) {
  void *memory = nt_arena_take(arena, nt_histogram_bytes(), NT_CACHE_LINE);
  return memory ? nt_histogram_initialise(memory) : NULL;
}

const nt_histogram *nt_histogram_attach(const void *memory, uint64_t bytes) {
  const nt_histogram *h = memory;
  if (!memory || (uintptr_t)memory % sizeof(uint64_t) != 0 || bytes < nt_histogram_bytes())
    return NULL;
  /* Pairs with the release in nt_histogram_initialise. */
  if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != HISTOGRAM_MAGIC)
    return NULL;
  if (h->version != HISTOGRAM_VERSION || h->buckets != NT_HISTOGRAM_BUCKETS)
    return NULL;
  return h;
}

void nt_histogram_reset(nt_histogram *h) {
  uint64_t *counts = nt_histogram_counts(h);
  for (uint32_t i = 0; i < NT_HISTOGRAM_BUCKETS; i++)
    __atomic_store_n(&counts[i], 0, __ATOMIC_RELAXED);
  __atomic_store_n(&h->sum, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&h->negative, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&h->maximum, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&h->minimum, INT64_MAX, __ATOMIC_RELAXED);
}

void nt_histogram_merge(nt_histogram *into, const nt_histogram *from) {
  uint64_t *counts = nt_histogram_counts(into);
  for (uint32_t i = 0; i < NT_HISTOGRAM_BUCKETS; i++) {
    uint64_t more = histogram_load(from, i);
    if (more != 0)
      __atomic_store_n(&counts[i], counts[i] + more, __ATOMIC_RELAXED);
  }
  uint64_t sum = __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
  uint64_t negative = __atomic_load_n(&from->negative, __ATOMIC_RELAXED);
  int64_t maximum = __atomic_load_n(&from->maximum, __ATOMIC_RELAXED);
  int64_t minimum = __atomic_load_n(&from->minimum, __ATOMIC_RELAXED);
  __atomic_store_n(&into->sum, into->sum + sum, __ATOMIC_RELAXED);
  __atomic_store_n(&into->negative, into->negative + negative, __ATOMIC_RELAXED);
  if (maximum > into->maximum)
    __atomic_store_n(&into->maximum, maximum, __ATOMIC_RELAXED);
  if (minimum < into->minimum)
    __atomic_store_n(&into->minimum, minimum, __ATOMIC_RELAXED);
}

uint64_t nt_histogram_count(const nt_histogram *h) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < NT_HISTOGRAM_BUCKETS; i++)
    total += histogram_load(h, i);
  return total;
}

int64_t nt_histogram_maximum(const nt_histogram *h) {
  return __atomic_load_n(&h->maximum, __ATOMIC_RELAXED);
}

int64_t nt_histogram_minimum(const nt_histogram *h) {
  int64_t minimum = __atomic_load_n(&h->minimum, __ATOMIC_RELAXED);
  return minimum == INT64_MAX && nt_histogram_count(h) == 0 ? 0 : minimum;
}

uint64_t nt_histogram_mean(const nt_histogram *h) {
  uint64_t count = nt_histogram_count(h);
  return count == 0 ? 0 : __atomic_load_n(&h->sum, __ATOMIC_RELAXED) / count;
}

int64_t nt_histogram_bucket_top(uint32_t index) {
  if (index < 256)
    return index;
  uint32_t shift = (index >> NT_HISTOGRAM_BITS) - 1;
  uint64_t low = (uint64_t)(index - (shift << NT_HISTOGRAM_BITS)) << shift;
  return (int64_t)(low + ((1ull << shift) - 1));
}

void nt_histogram_percentiles(const nt_histogram *h, const uint32_t *parts_per_million,
                              int64_t *values, uint32_t count) {
  uint64_t total = nt_histogram_count(h), passed = 0, here = histogram_load(h, 0);
  int64_t maximum = nt_histogram_maximum(h), minimum = nt_histogram_minimum(h);
  uint32_t bucket = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t parts = parts_per_million[i] > MILLION ? MILLION : parts_per_million[i];
    if (total == 0 || parts == 0) {
      values[i] = total == 0 ? 0 : minimum;
      continue;
    }
    unsigned __int128 scaled = (unsigned __int128)total * parts + (MILLION - 1);
    uint64_t rank = (uint64_t)(scaled / MILLION);
    /* passed counts the buckets below; each is read once, for the recorder may be at work. */
    while (bucket < NT_HISTOGRAM_BUCKETS && passed + here < rank) {
      passed += here;
      here = ++bucket < NT_HISTOGRAM_BUCKETS ? histogram_load(h, bucket) : 0;
    }
    int64_t top = bucket < NT_HISTOGRAM_BUCKETS ? nt_histogram_bucket_top(bucket) : maximum;
    values[i] = top < maximum ? top : maximum;
  }
}

int64_t nt_histogram_percentile(const nt_histogram *h, uint32_t parts_per_million) {
  int64_t value;
  nt_histogram_percentiles(h, &parts_per_million, &value, 1);
  return value;
}
